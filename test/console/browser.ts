// The system's Chromium for tests of the console: headless, with a profile of its own, talking to nobody but us.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { namespacesMissing } from '#test/support/ovs'

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
)
const missing = executable === undefined ? 'Chromium is not installed: scripts/setup test' : namespacesMissing

/** `describe` for tests of the console on real chassis; skipped by name without Chromium, root or Open vSwitch. */
export const describeConsole = (name: string, body: () => void): void => {
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, body)
}

/** Starts it, once the console is built as its sources are now. */
export const startBrowser = (): Promise<Browser> => {
  execFileSync(new URL('../../scripts/console', import.meta.url).pathname)
  return chromium.launch({
    executablePath: executable ?? '',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
    ],
  })
}

/** An operator's browser: a page of the console. */
export interface Operator {
  readonly page: Page
  /** Goes to a place of the console: what stands behind `#/`. */
  goto(place: string): Promise<void>
  /** Closes the page; fails if a script in it did, or if it complained of anything. */
  close(): Promise<void>
}

/** Opens the console of a controller at `host:port`, and waits until it is live. */
export const openConsole = async (
  browser: Browser,
  api: string,
  place = '',
  options: BrowserContextOptions = {},
): Promise<Operator> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    // A browser says of itself what it cannot load; that is for the views to show.
    const isOurs = !/^(Failed to load|WebSocket connection)/.test(message.text())
    if (message.type() === 'error' && isOurs) complaints.push(message.text())
  })
  const goto = async (at: string) => {
    await page.goto(`http://${api}/console/#/${at}`)
    await page.waitForSelector('[data-connection=live]')
  }
  await goto(place)
  return {
    page,
    goto,
    close: async () => {
      await context.close()
      expect(complaints).toEqual([])
    },
  }
}
