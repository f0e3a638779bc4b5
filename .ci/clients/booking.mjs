// Books with a booking link in headless Chromium, as clients do: with and without JavaScript, on a phone, losing the race, twice at
// once, with the back button, and with a link that is over. Each page is checked by axe.

import { admin, browser, check, expect, faults, heading, pages, server, therapist } from './visit.mjs'

const name = `Booking Test ${Date.now()}`
const therapist_id = await therapist(name)
let number = 0
async function link() {
  number++
  const request = await admin('POST', '/booking-requests', {
    client_name: `Page Visitor${number}`, client_whatsapp: `+9198${String(Date.now()).slice(-6)}${String(number).padStart(2, '0')}`,
    therapy_type: 'Individual Therapy', therapist_name: name, amount: '1700.00',
  })
  return { id: request.request_id, path: new URL(request.booking_link).pathname }
}
const bookingOf = async id => (await admin('GET', `/booking-requests/${id}`)).booking_id

async function phone(javaScriptEnabled) {
  const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 360, height: 740 }, bypassCSP: false })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('pageerror', error => faults.push(`the page: ${error.message}`))
  page.on('console', said => said.type() === 'error' && !/status of 4/.test(said.text()) && faults.push(`the console: ${said.text()}`))
  page.on('request', asked => asked.url().startsWith(server) || asked.url().startsWith('data:') || faults.push(`asks ${asked.url()}`))
  return page
}

const pick = async (page, at) => {
  const time = page.locator('input[name=booking_start_at]').nth(at)
  await time.check()
  return time.inputValue()
}

for (const scripts of [false, true]) {
  const how = scripts ? 'with JavaScript' : 'without JavaScript'
  const page = await phone(scripts)
  const one = await link()

  // Another zone, then a time.
  await page.goto(server + one.path)
  expect((await heading(page)) === `Book a session with ${name}`, `${how}: ${await heading(page)}`)
  await check(page, `${how}: free times`)
  await page.locator('summary').last().click()
  await page.selectOption('#tz', 'Europe/Berlin')
  await page.getByRole('button', { name: 'Show times in this zone' }).click()
  expect(page.url().includes('tz=Europe%2FBerlin'), `${how}: the zone is not asked for`)
  await page.getByLabel('By WhatsApp').last().check()
  await pick(page, 3)
  await page.getByRole('button', { name: 'Book this time' }).last().click()
  await page.waitForLoadState()
  expect((await heading(page)) === `Your session with ${name}`, `${how}: after booking: ${await heading(page)}`)
  await check(page, `${how}: booked`)
  const booked = await bookingOf(one.id)
  expect(booked, `${how}: nothing was booked`)

  // Back, and the same form once more with another time: it has booked.
  await page.goBack()
  await page.waitForLoadState()
  if (await page.locator('input[name=booking_start_at]').count() && (await heading(page)).startsWith('Book')) {
    await pick(page, 5)
    await page.getByRole('button', { name: 'Book this time' }).last().click()
    await page.waitForLoadState()
    expect(/already/.test(await page.locator('[role=alert]').innerText()), `${how}: back: no word of the first time`)
    await check(page, `${how}: after the back button`)
  }
  await page.reload().catch(() => {})
  expect((await bookingOf(one.id)) === booked, `${how}: back booked another session`)

  // Moved, then cancelled.
  await page.goto(server + one.path)
  await page.locator('summary', { hasText: 'Move it' }).click()
  await pick(page, 6)
  await page.getByRole('button', { name: 'Move it to this time' }).click()
  await page.waitForLoadState()
  expect((await heading(page)) === `Your session with ${name}`, `${how}: after moving: ${await heading(page)}`)
  const moved = await admin('GET', `/bookings/${booked}`)
  expect(moved.booking_status === 'rescheduled', `${how}: ${moved.booking_status}`)
  await page.locator('summary', { hasText: 'Cancel it' }).click()
  await page.getByRole('button', { name: 'Cancel the session' }).click()
  await page.waitForLoadState()
  expect((await heading(page)) === 'Your session is cancelled', `${how}: after cancelling: ${await heading(page)}`)
  await check(page, `${how}: cancelled`)

  // Somebody else is faster.
  const [winner, loser] = [await link(), await link()]
  await page.goto(server + loser.path)
  const start = await pick(page, 0)
  await fetch(server + winner.path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ booking_start_at: start }),
  })
  await page.getByRole('button', { name: 'Book this time' }).click()
  await page.locator('[role=alert]').waitFor()
  expect((await page.locator('input[id^=next-2]').count()) === 3, `${how}: three next times are not shown`)
  await check(page, `${how}: the time was taken`)
  await page.locator('input[id^=next-2]').first().check()
  await page.getByRole('button', { name: 'Book this time' }).first().click()
  await page.waitForLoadState()
  expect((await heading(page)) === `Your session with ${name}`, `${how}: the next time: ${await heading(page)}`)

  // Twice at once: the button, and the same form from another tab.
  const twice = await link()
  const other = await page.context().newPage()
  await Promise.all([page.goto(server + twice.path), other.goto(server + twice.path)])
  await pick(page, 8)
  await pick(other, 8)
  const button = tab => tab.getByRole('button', { name: 'Book this time' }).last()
  await Promise.all([button(page).dblclick({ noWaitAfter: true }), button(other).click()])
  for (const tab of [page, other]) {
    await tab.getByRole('heading', { name: `Your session with ${name}` }).waitFor()
  }
  expect(await bookingOf(twice.id), `${how}: twice booked nothing`)
  await other.close()

  // A link that is over.
  const over = await link()
  await page.goto(server + over.path)
  await pick(page, 10)
  await admin('PATCH', `/booking-requests/${over.id}`, { status: 'expired' })
  await page.getByRole('button', { name: 'Book this time' }).click()
  await page.waitForLoadState()
  expect((await heading(page)) === 'This link is not valid', `${how}: over: ${await heading(page)}`)
  await check(page, `${how}: over`)
  expect(!(await bookingOf(over.id)), `${how}: a link that is over has booked`)
  await page.context().close()
}
const bookings = await admin('GET', `/bookings?therapist_id=${therapist_id}&limit=100`)
// Of each round: one cancelled, the winner's, the loser's, and the one that was sent twice.
expect(bookings.data.length === 8, `${bookings.data.length} bookings instead of 8`)
await browser.close()
console.log(`booking: ${pages} pages checked`)
if (faults.length) {
  console.error(faults.join('\n'))
  process.exitCode = 1
}
