// A front end on openapi-typescript and openapi-fetch.

import createClient from 'openapi-fetch'

import { all, check, credentials, server, someTime, untilTold } from './check'
import type { components, paths } from './made/openapi-fetch'

let token = ''
// As JSON, problems too; one call asks for CSV, by a client of that form.
const api = createClient<paths, `application/${string}json`>({ baseUrl: server })
const files = createClient<paths, 'text/csv'>({ baseUrl: server, headers: { Accept: 'text/csv' } })
for (const client of [api, files]) {
  client.use({
    onRequest({ request }) {
      if (token) request.headers.set('Authorization', `Bearer ${token}`)
      return request
    },
  })
}

const login = await api.POST('/api/v1/auth/login', { body: credentials })
check(login.data, 'the login succeeds')
const tabs = await Promise.all([1, 2].map(() => api.POST('/api/v1/auth/refresh', {
  body: { refresh_token: login.data?.refresh_token },
})))
check(tabs[0].data?.refresh_token && tabs[0].data.refresh_token === tabs[1].data?.refresh_token, 'two tabs go on alike')
token = tabs[0].data.access_token

const clients = await all(async cursor => {
  const { data } = await api.GET('/api/v1/admin/clients', { params: { query: { limit: 100, cursor } } })
  check(data, 'a page')
  return data
})
check(clients.length > 100 && clients.some(client => client.therapists.length > 0), 'clients with their therapists')

const states: components['schemas']['BookingState'][] = ['live', 'scheduled']
const ahead = await api.GET('/api/v1/admin/bookings', { params: { query: { state: states } } })
check(ahead.data?.data.every(booking => states.includes(booking.state)), 'several states')

const wrong = await api.GET('/api/v1/admin/bookings', { params: { query: { limit: 0 } } })
check(wrong.error?.code === 'invalid' && wrong.error.errors?.[0]?.parameter === 'limit', 'a problem names its parameter')

const stream = await api.GET('/api/v1/admin/notifications/stream', {
  params: { query: { events: 'changes' } }, parseAs: 'stream',
})
const booked = await api.POST('/api/v1/admin/bookings', {
  params: { header: { 'Idempotency-Key': crypto.randomUUID() } },
  body: {
    therapist_id: clients.flatMap(client => client.therapists)[0].therapist_id, allow_overlap: true, reason: 'a full week',
    invitee_name: 'Asha Client',
    invitee_email: 'asha@example.org', booking_start_at: someTime(), invitee_payment_amount: '1700.00',
  },
})
check(booked.data, 'a booking')
const path = { booking_id: booked.data.booking_id }
const first = booked.response.headers.get('ETag') ?? ''
const patched = await api.PATCH('/api/v1/admin/bookings/{booking_id}', {
  params: { path, header: { 'If-Match': first } }, body: { booking_mode: 'phone', booking_joining_link: null },
})
check(patched.data?.booking_joining_link === null, 'null clears')
check(stream.response.ok && stream.data, 'a stream')
await untilTold(stream.data as unknown as ReadableStream<Uint8Array>, 'booking.changed', path.booking_id)

const cancel = (version: string) => api.POST('/api/v1/admin/bookings/{booking_id}/cancel', {
  params: { path, header: { 'If-Match': version } }, body: { reason: 'a script' },
})
const stale = await cancel(first)
check(stale.error?.code === 'stale' && 'current' in stale.error && stale.error.current.booking_mode === 'phone', '412')
const cancelled = await cancel(patched.response.headers.get('ETag') ?? '')
check(cancelled.data?.state === 'cancelled', 'cancelled')

const csv = await files.GET('/api/v1/admin/bookings', {
  params: { query: { columns: ['booking_id', 'state'], header: 'titles' } }, parseAs: 'text',
})
check(csv.data?.startsWith('Booking id,State\n'), 'CSV')
