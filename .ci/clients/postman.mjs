// Sends every request of an imported collection with Newman: reads first, then changes, deletions, and what ends sessions.

import { readFileSync } from 'node:fs'
import newman from 'newman'

const [server, file, document, exceptions] = process.argv.slice(2)

/** The operations that cannot succeed as their examples send them, as the test of the document has them. */
const ALWAYS = JSON.parse(readFileSync(exceptions, 'utf8')).map(({ operation, status, says }) => {
  const pattern = operation.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')
  return { pattern: new RegExp(`^${pattern}$`), status, says }
})

/** The requests that cannot succeed in such a run: the code they answer with, and why. */
const EXCEPTIONS = {
  // Of one run over one practice: an earlier request has changed what this one is about.
  'POST /api/v1/admin/bookings': ['therapist-full', 'the capacity was set to less'],
  'POST /api/v1/admin/bookings/bk_0199c0de00007000800000000000000a/reschedule': ['wrong-state', 'it was cancelled'],
  'POST /api/v1/admin/bookings/bk_0199c0de00007000800000000000000c/restore': ['therapist-full', 'the capacity, again'],
  'POST /api/v1/admin/payments/9001/refund': ['already-refunded', 'with the cancellation'],
  'POST /api/v1/auth/claim': ['claim-invalid', 'a later link replaced it'],
  'POST /api/v1/auth/me/totp/confirm': ['invalid', 'the code is of the present minute'],
  'POST /api/v1/auth/logout-all': ['unauthenticated', 'the change of the password ended the other sessions'],
  'DELETE /api/v1/auth/me/totp': ['totp-not-set-up', 'since it was not confirmed'],
  'POST /api/v1/therapist/bookings/bk_0199c0de00007000800000000000000b/complete': ['wrong-state', 'it is said to be a no-show'],
  'POST /api/v1/therapist/bookings/bk_0199c0de00007000800000000000000b/no-show': ['wrong-state', 'likewise'],
  'POST /api/v1/therapist/session-notes': ['no-session', 'likewise'],
  'DELETE /api/v1/admin/webhooks/inbound/9001/former-secret': ['not-found', 'the endpoint was deleted'],
  'DELETE /api/v1/therapist/overrides/2026-02-04': ['not-found', 'an admin deleted it'],
}

async function token(username) {
  const answer = await fetch(`${server}/api/v1/auth/login`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password: 'demo-password' }),
  })
  return (await answer.json()).access_token
}
const tokens = { admin: await token('admin'), therapist: await token('therapist') }
const calendar = JSON.parse(readFileSync(document, 'utf8')).paths['/calendar/{token}.ics'].get.parameters[0].example

const collection = JSON.parse(readFileSync(file, 'utf8'))
const requests = []
const collect = items => items.forEach(item => (item.item ? collect(item.item) : requests.push(item)))
collect(collection.item)
const path = ({ request }) => `/${request.url.path.join('/')}`
const ENDINGS = [/\/auth\/(logout$|sessions\/)/, /\/me\/password/, /\/auth\/logout-all/]
const endsSession = item => ENDINGS.some(ending => ending.test(path(item)))
for (const item of requests) {
  const role = path(item).includes('/therapist/') || path(item).endsWith('/calendar-link') ? 'therapist' : 'admin'
  const value = endsSession(item) ? await token(role) : tokens[role]
  item.request.auth = { type: 'bearer', bearer: [{ key: 'token', value, type: 'string' }] }
}
const rank = item => (endsSession(item)
  ? 5 + ENDINGS.findIndex(ending => ending.test(path(item)))
  : ['GET', 'PATCH', 'POST', 'PUT', 'DELETE'].indexOf(item.request.method))
// The streams do not end.
const sent = requests.filter(item => !path(item).endsWith('/stream')).sort((one, other) => rank(one) - rank(other))
collection.item = sent
collection.variable = [{ key: 'baseUrl', value: server }, { key: 'token', value: calendar }]
delete collection.auth

const faults = []
const met = new Set()
newman.run({ collection, timeoutRequest: 60_000 }, (error) => {
  if (error) throw error
  console.log(`newman: ${sent.length} requests, ${met.size} of them exceptions`)
  if (faults.length) {
    console.error(faults.join('\n'))
    process.exitCode = 1
  }
}).on('request', (error, { item, response }) => {
  const name = `${item.request.method} ${path(item)}`
  if (error) return faults.push(`${name}: ${error.message}`)
  if (response.code < 300) return
  const text = response.text()
  const code = /"code":"([^"]+)"/.exec(text)?.[1]
  // Pages for people are problems here.
  const always = ALWAYS.find(({ pattern, status, says }) =>
    pattern.test(name) && status === response.code && (text.includes(says) || code === 'not-found'))
  if (always || EXCEPTIONS[name]?.[0] === code) met.add(name)
  else faults.push(`${name} answers ${response.code}: ${text.slice(0, 200)}`)
})
