// A front end on the functions that orval makes for fetch.

import { all, check, credentials, server, someTime, untilTold } from './check'
import * as api from './made/orval'

// The functions call paths of the page's own server: here of the one that is tried.
let token = ''
const { fetch } = globalThis
globalThis.fetch = (path, options) => fetch(`${server}${String(path)}`, {
  ...options, headers: { ...(token && { Authorization: `Bearer ${token}` }), ...options?.headers },
})

const login = await api.logIn(credentials)
check(login.status === 200, 'the login succeeds')
const tabs = await Promise.all([1, 2].map(() => api.refreshTokens({ refresh_token: login.data.refresh_token })))
check(tabs[0].status === 200 && tabs[1].status === 200, 'two tabs refresh')
check(tabs[0].data.refresh_token === tabs[1].data.refresh_token, 'two tabs go on alike')
token = tabs[0].data.access_token

const clients = await all(async cursor => {
  const page = await api.adminListClients({ limit: 100, cursor }, { headers: { Accept: 'application/json' } })
  check(page.status === 200 && typeof page.data !== 'string', 'a page')
  return page.data
})
check(clients.length > 100 && clients.some(client => client.therapists.length > 0), 'clients with their therapists')

const states: api.BookingState[] = ['live', 'scheduled']
const ahead = await api.adminListBookings({ state: states })
check(ahead.status === 200 && typeof ahead.data !== 'string', 'a page')
check(ahead.data.data.every(booking => states.includes(booking.state)), 'several states')

const wrong = await api.adminListBookings({ limit: 0 })
check(wrong.status === 422 && wrong.data.code === 'invalid' && wrong.data.errors?.[0]?.parameter === 'limit', 'a problem')

const stream = await globalThis.fetch(api.getAdminStreamNotificationsUrl({ events: 'changes' }))
const booked = await api.adminCreateBooking({
  therapist_id: clients.flatMap(client => client.therapists)[0].therapist_id, allow_overlap: true, reason: 'a full week',
    invitee_name: 'Asha Client',
  invitee_email: 'asha@example.org', booking_start_at: someTime(), invitee_payment_amount: '1700.00',
}, undefined, { headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() } })
check(booked.status === 201, 'a booking')
const id = booked.data.booking_id
const first = booked.headers.get('ETag') ?? ''
const change = { booking_mode: 'phone', booking_joining_link: null } as const
const matching = (version: string) => ({ headers: { 'Content-Type': 'application/json', 'If-Match': version } })
const patched = await api.adminEditBooking(id, change, matching(first))
check(patched.status === 200 && patched.data.booking_joining_link === null, 'null clears')
check(stream.body, 'a stream')
await untilTold(stream.body, 'booking.changed', id)

const stale = await api.adminCancelBooking(id, { reason: 'a script' }, undefined, matching(first))
check(stale.status === 412 && stale.data.current.booking_mode === 'phone', '412')
const version = patched.headers.get('ETag') ?? ''
const cancelled = await api.adminCancelBooking(id, { reason: 'a script' }, undefined, matching(version))
check(cancelled.status === 200 && cancelled.data.state === 'cancelled', 'cancelled')

// The functions read JSON only: the address is theirs.
const address = api.getAdminListBookingsUrl({ columns: ['booking_id', 'state'], header: 'titles' })
const csv = await (await globalThis.fetch(address, { headers: { Accept: 'text/csv' } })).text()
check(csv.startsWith('Booking id,State\n'), 'CSV')
