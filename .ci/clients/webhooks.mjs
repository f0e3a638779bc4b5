// Receives webhooks of a server on loopback and checks them with `standardwebhooks`: node webhooks.mjs http://127.0.0.1:8080
// The server has to allow 127.0.0.1: SAFESTORIES_WEBHOOK_NETWORKS. Also hands one to webhooks.py, where python3 has the package.
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const server = process.argv[2]
const received = []
let news = () => {}
const receiver = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  received.push({ headers: request.headers, body })
  response.writeHead(204).end()
  news()
}).listen(0, '127.0.0.1')
await new Promise(done => receiver.once('listening', done))

const call = async (path, init = {}) => {
  const answer = await fetch(server + '/api/v1' + path, { ...init, headers: { 'content-type': 'application/json', ...init.headers } })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
const login = await call('/auth/login', {
  method: 'POST',
  body: JSON.stringify({ username: process.env.DEMO_ADMIN ?? 'admin', password: process.env.DEMO_PASSWORD ?? 'demo-password' }),
})
const headers = { authorization: `Bearer ${login.access_token}` }
const post = (path, body) => call(path, { method: 'POST', headers, body: body && JSON.stringify(body) })

const url = `http://127.0.0.1:${receiver.address().port}/hook`
const endpoint = await post('/admin/webhooks/outbound', { name: 'Clients', url, event_types: ['audit.checkpoint'] })
const rotated = await post(`/admin/webhooks/outbound/${endpoint.endpoint_id}/rotate`)
await post(`/admin/webhooks/outbound/${endpoint.endpoint_id}/test`)
const isTest = one => JSON.parse(one.body).type === 'webhook.test'
const late = setTimeout(() => { console.error('no webhook came'); process.exit(1) }, 20_000)
while (!received.some(isTest)) await new Promise(done => { news = done })
clearTimeout(late)

const test = received.find(isTest)
for (const secret of [endpoint.secret, rotated.secret]) {
  new Webhook(secret).verify(test.body, test.headers)
  let wrong = false
  try { new Webhook(secret).verify(test.body + ' ', test.headers) } catch { wrong = true }
  if (!wrong) throw new Error('a changed body was taken')
}
console.log('standardwebhooks of npm: both secrets verify')
const python = spawnSync(process.env.PYTHON ?? 'python3', ['webhooks.py'], {
  input: JSON.stringify({ ...test, secrets: [endpoint.secret, rotated.secret] }),
  stdio: ['pipe', 'inherit', 'inherit'],
})
receiver.close()
receiver.closeAllConnections()
process.exit(python.status ?? 1)
