// A front end on the functions and the client that hey-api makes.

import { all, check, credentials, server, someTime } from './check'
import * as api from './made/hey-api'
import { client } from './made/hey-api/client.gen'

let token = ''
client.setConfig({ baseUrl: server, auth: () => token })

const login = await api.logIn({ body: credentials })
check(login.data, 'the login succeeds')
const tabs = await Promise.all([1, 2].map(() => api.refreshTokens({ body: { refresh_token: login.data?.refresh_token } })))
check(tabs[0].data?.refresh_token && tabs[0].data.refresh_token === tabs[1].data?.refresh_token, 'two tabs go on alike')
token = tabs[0].data.access_token

const clients = await all(async cursor => {
  const { data } = await api.adminListClients({ query: { limit: 100, cursor } })
  check(data, 'a page')
  return data
})
check(clients.length > 100 && clients.some(client => client.therapists.length > 0), 'clients with their therapists')

const states: api.BookingState[] = ['live', 'scheduled']
const ahead = await api.adminListBookings({ query: { state: states } })
check(ahead.data?.data.every(booking => states.includes(booking.state)), 'several states')

const wrong = await api.adminListBookings({ query: { limit: 0 } })
check(wrong.error?.code === 'invalid' && wrong.error.errors?.[0]?.parameter === 'limit', 'a problem names its parameter')

const booked = await api.adminCreateBooking({
  headers: { 'Idempotency-Key': crypto.randomUUID() },
  body: {
    therapist_id: clients.flatMap(client => client.therapists)[0].therapist_id, allow_overlap: true, reason: 'a full week',
    invitee_name: 'Asha Client',
    invitee_email: 'asha@example.org', booking_start_at: someTime(), invitee_payment_amount: '1700.00',
  },
})
check(booked.data, 'a booking')
const path = { booking_id: booked.data.booking_id }
const first = booked.response?.headers.get('ETag') ?? ''

let told = false
const { stream } = await api.adminStreamNotifications({
  query: { events: 'changes' },
  onSseEvent: event => { told ||= event.event === 'booking.changed' && JSON.stringify(event.data).includes(path.booking_id) },
})
const listening = stream.next()
const patched = await api.adminEditBooking({
  path, headers: { 'If-Match': first }, body: { booking_mode: 'phone', booking_joining_link: null },
})
check(patched.data?.booking_joining_link === null, 'null clears')
await listening
for (let more = 0; !told && more < 20; more++) await stream.next()
check(told, 'the stream tells of the change')
void stream.return(undefined as never)

const cancel = (version: string) => api.adminCancelBooking({
  path, headers: { 'If-Match': version }, body: { reason: 'a script' },
})
const stale = await cancel(first)
check(stale.error?.code === 'stale' && 'current' in stale.error && stale.error.current.booking_mode === 'phone', '412')
const cancelled = await cancel(patched.response?.headers.get('ETag') ?? '')
check(cancelled.data?.state === 'cancelled', 'cancelled')

// Its types know the JSON alone.
const csv = await api.adminListBookings({
  query: { columns: ['booking_id', 'state'], header: 'titles' }, headers: { Accept: 'text/csv' }, parseAs: 'text',
})
check(String(csv.data).startsWith('Booking id,State\n'), 'CSV')
process.exit()
