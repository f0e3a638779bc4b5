// Books with a booking link in headless Chromium where sessions are paid first, with a stand-in for the payment gateway: the form leads
// to the payment, the time can be given back, and the session is booked once it is paid. Each page is checked by axe.
//
//   node paying.mjs http://127.0.0.1:18413 18415
//
// The server is started with SAFESTORIES_RAZORPAY_URL=http://127.0.0.1:18415.

import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { admin, browser, check, expect, faults, heading, pages, rest, server, therapist } from './visit.mjs'

const [port] = rest
const links = []
const gateway = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { pathname, searchParams } = new URL(request.url, `http://127.0.0.1:${port}`)
  const json = body => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body))
  const found = links.find(link => pathname.includes(link.id))
  if (pathname.startsWith('/pay/')) {
    response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>Pay</title><h1>Pay ${found.amount}</h1>`)
  } else if (request.method === 'POST' && pathname.endsWith('/payment_links')) {
    const id = `plink_${links.length + 1}`
    const link = { ...JSON.parse(Buffer.concat(chunks)), id, short_url: `http://127.0.0.1:${port}/pay/${id}`, status: 'created', payments: null }
    links.push(link)
    json(link)
  } else if (pathname.endsWith('/payment_links')) {
    json({ payment_links: links.filter(link => link.reference_id === searchParams.get('reference_id')) })
  } else {
    if (pathname.endsWith('/cancel')) found.status = 'cancelled'
    json(found)
  }
}).listen(Number(port), '127.0.0.1')

await admin('PUT', '/scheduling-policy', { rules: [], payment_by_link: 'required' })
const endpoint = await admin('POST', '/webhooks/inbound', { name: 'Payments', source: 'razorpay', mode: 'live' })
const name = `Paying Test ${Date.now()}`
await therapist(name)

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const request = await admin('POST', '/booking-requests', {
    client_name: `Page Visitor${Date.now()}`, client_whatsapp: `+9198${String(Date.now()).slice(-8)}`,
    therapy_type: 'Individual Therapy', therapist_name: name, amount: '1700.00',
  })
  const path = new URL(request.booking_link).pathname
  const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 360, height: 740 } })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', said => said.type() === 'error' && !/favicon/.test(said.location().url) && faults.push(`${how}: the console: ${said.text()}`))

  const choose = async () => {
    await page.goto(server + path)
    await page.locator('input[name=booking_start_at]').nth(4).check()
    await page.getByRole('button', { name: 'Hold this time and pay' }).last().click()
    await page.getByRole('heading', { name: 'Pay 170000' }).waitFor()
  }
  await page.goto(server + path)
  await check(page, `${how}: free times`)
  await choose()
  const first = page.url()

  // Back at the page: the same payment, or another choice.
  await page.goto(server + path)
  expect((await heading(page)) === `Your session with ${name} waits for payment`, `${how}: ${await heading(page)}`)
  await check(page, `${how}: waits for payment`)
  await page.getByRole('link', { name: 'Pay 1700.00 INR' }).click()
  await page.getByRole('heading', { name: 'Pay 170000' }).waitFor()
  expect(page.url() === first, `${how}: another payment: ${page.url()}`)
  await page.goto(server + path)
  await page.locator('summary', { hasText: 'Do not pay' }).click()
  await page.getByRole('button', { name: 'Give this time back' }).click()
  await page.waitForLoadState()
  expect((await heading(page)) === `Book a session with ${name}`, `${how}: given back: ${await heading(page)}`)
  await choose()
  expect(page.url() !== first, `${how}: the first payment again`)

  // Paid: the gateway tells so.
  const link = links.at(-1)
  const body = JSON.stringify({
    entity: 'event', event: 'payment_link.paid', contains: ['payment_link'], created_at: Math.floor(Date.now() / 1000),
    payload: {
      payment_link: { entity: { ...link, status: 'paid' } },
      order: { entity: { id: link.id.replace('plink', '') } },
      payment: { entity: {
        id: `pay${link.id}`, order_id: `order${link.id}`, amount: link.amount, currency: 'INR', status: 'captured', notes: [],
        amount_refunded: 0, created_at: Math.floor(Date.now() / 1000),
      } },
    },
  })
  const told = await fetch(server + new URL(endpoint.url, server).pathname, {
    method: 'POST', body, headers: {
      'Content-Type': 'application/json', 'x-razorpay-event-id': `event ${link.id}`,
      'x-razorpay-signature': createHmac('sha256', endpoint.secret).update(body).digest('hex'),
    },
  })
  expect(told.ok, `${how}: the message: ${told.status}`)
  let seen
  for (let turn = 0; turn < 50 && seen?.status !== 'booked'; turn++) {
    await new Promise(done => setTimeout(done, 200))
    seen = await admin('GET', `/booking-requests/${request.request_id}`)
  }
  expect(seen.status === 'booked', `${how}: paid, and ${seen.status}`)
  await page.goto(server + path)
  expect((await heading(page)) === `Your session with ${name}`, `${how}: paid: ${await heading(page)}`)
  expect(await page.getByRole('link', { name: 'Add it to your calendar' }).count(), `${how}: no file for the calendar`)
  await check(page, `${how}: paid`)
  await context.close()
}
await browser.close()
gateway.close()
console.log(`paying: ${pages} pages checked`)
if (faults.length) {
  console.error(faults.join('\n'))
  process.exitCode = 1
}
