// Executes every operation of /docs in headless Chromium as the page fills it in: none may answer 422.

import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const [server] = process.argv.slice(2)
const program = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(path => path && existsSync(path))
if (!program) {
  console.log('docs: left out, since there is no Chromium (CHROMIUM names one)')
  process.exit()
}
const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
const page = await browser.newPage()
page.setDefaultTimeout(30_000)
const faults = []
page.on('pageerror', error => faults.push(`the page: ${error.message}`))

async function token(username) {
  const answer = await fetch(`${server}/api/v1/auth/login`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password: 'demo-password' }),
  })
  return (await answer.json()).access_token
}

/** Asks for a code of the present minute, once a second factor is being set up. */
const NEEDS_PERSON = /confirm_totp/

/** Clicks without waiting for the page to come to rest. */
const click = (id, what) => page.locator(`[id="${id}"] ${what}`.trim()).first().dispatchEvent('click')

/** What would end the session, does not end, or is too long for the page to show. */
const LEFT_OUT = /stream|get_openapi|log_?out|log_out|change_password|end_session|logout_all/
let executed = 0
await page.goto(`${server}/docs`)
await page.waitForSelector('.opblock-tag', { timeout: 60_000 })
for (const username of ['admin', 'therapist']) {
  const bearer = await token(username)
  await page.evaluate(bearer => {
    window.ui.preauthorizeApiKey('access_token', bearer)
  }, bearer)
  const tags = await page.evaluate(() => [...document.querySelectorAll('.opblock-tag')].map(tag => tag.id))
  for (const tag of tags.filter(tag => tag.includes(username) || (username === 'admin' && !tag.includes('therapist-')))) {
    // One section at a time, so that the page stays small.
    await click(tag, '')
    await page.waitForSelector('.opblock', { state: 'attached' })
    const ids = await page.evaluate(() => [...document.querySelectorAll('.opblock')].map(block => block.id))
    for (const id of ids.filter(id => !LEFT_OUT.test(id))) {
      const answered = page.waitForResponse(answer => answer.request().resourceType() === 'fetch').catch(() => undefined)
      try {
        await click(id, '.opblock-summary-control')
        await click(id, '.execute')
      } catch (error) {
        faults.push(`${id}: ${error.message}`)
      }
      const answer = await answered
      executed++
      if (!answer) faults.push(`${id}: sends nothing`)
      else if (answer.status() === 422 && !NEEDS_PERSON.test(id)) faults.push(`${id}: ${answer.status()} ${(await answer.text()).slice(0, 200)}`)
    }
    await click(tag, '')
    await page.waitForFunction(() => !document.querySelector('.opblock'))
  }
}
await browser.close()
console.log(`docs: ${executed} operations executed`)
if (faults.length) {
  console.error(faults.join('\n'))
  process.exitCode = 1
}
