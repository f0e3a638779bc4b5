// What the scripts that visit booking links in headless Chromium share: the browser, an admin's calls, a therapist with hours, and
// the check of a page by axe.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

export const [server, ...rest] = process.argv.slice(2)
export const faults = []
export let pages = 0

const program = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(path => path && existsSync(path))
if (!program) {
  console.log('left out, since there is no Chromium (CHROMIUM names one)')
  process.exit()
}
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

export function expect(true_, what) {
  if (!true_) faults.push(what)
}

async function call(method, path, body, headers = {}) {
  const answer = await fetch(`${server}/api/v1${path}`, {
    method, headers: { 'Content-Type': 'application/json', ...headers }, body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

const { access_token } = await call('POST', '/auth/login', { username: 'admin', password: 'demo-password' })
export const admin = (method, path, body) => call(method, `/admin${path}`, body, { Authorization: `Bearer ${access_token}` })

/** A therapist of the script's own, who takes sessions on every day. */
export async function therapist(name) {
  const { therapist_id } = await admin('POST', '/therapists', { therapist_id: `vt${Date.now()}`, name })
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
  await admin('PUT', `/therapists/${therapist_id}/availability`, {
    schedules: [{ time_zone: 'Asia/Kolkata', hours: days.map(day => ({ day, from: '10:00', to: '18:00' })) }],
  })
  return therapist_id
}

export const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })

/** Checks the page's text in a context of its own, in which scripts may be added. */
export async function check(page, what) {
  pages++
  const context = await browser.newContext({ bypassCSP: true, viewport: { width: 360, height: 740 } })
  const copy = await context.newPage()
  await copy.setContent(await page.content())
  await copy.evaluate(() => document.querySelectorAll('details').forEach(one => { one.open = true }))
  await copy.addScriptTag({ path: axe })
  for (const colorScheme of ['light', 'dark']) {
    await copy.emulateMedia({ colorScheme })
    const found = await copy.evaluate(async () => (await window.axe.run()).violations)
    for (const fault of found) faults.push(`${what}, ${colorScheme}: ${fault.id}: ${fault.help}: ${fault.nodes[0].html}`)
  }
  const wide = await copy.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
  expect(!wide, `${what}: is wider than the phone`)
  await context.close()
}

export const heading = page => page.locator('h1').innerText()
