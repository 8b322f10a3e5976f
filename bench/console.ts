// The console with 200,000 flows on one chassis, in Chromium: first paint, loading, filtering, sorting and scrolling.
// The controller's part is real but for the fabric, which makes the flows up.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { buildApi, type CountersView, type LiveFlow, type LiveView, noFabric } from '#api'
import { dropReasons } from '#flows/drop-reasons'
import { pipeline } from '#flows/pipeline'
import { chassis, modelKinds } from '#model'
import { openMemoryStore } from '#store'
import { aChassis } from '#test/support/model'

const FLOWS = 200_000
const dist = new URL('../src/console/dist/', import.meta.url).pathname
execFileSync(new URL('../scripts/console', import.meta.url).pathname)

const tables = pipeline.tables.map(t => ({
  ...{ bridge: t.bridge, number: t.number, name: t.name, file: t.file, description: '' },
  next: t.next.map(next => next.name),
}))
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0')
const flows: LiveFlow[] = Array.from({ length: FLOWS }, (_, i) => {
  const table = tables[i % tables.length]!
  const mac = `fa:16:3e:${hex((i >> 16) & 255, 2)}:${hex((i >> 8) & 255, 2)}:${hex(i & 255, 2)}`
  return {
    cookie: 0xf10e000000000000n + BigInt(i),
    ...{ bridge: table.bridge, table: table.number, priority: (i * 7) % 60 },
    sources: [{ kind: 'port', id: `00000000-0000-4000-8000-${hex(i >> 3, 12)}`, table: table.name }],
    ...(i % 50 === 0 ? { drop: { reason: 'spoofed_mac', words: dropReasons.spoofed_mac } } : {}),
    text: () => ({
      match: `ip,network=0x${(i % 500).toString(16)},dl_dst=${mac},nw_dst=10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
      actions: i % 50 === 0 ? 'drop' : `set_field:0x${i.toString(16)}->destination_port,goto_table:output`,
    }),
  }
})
let readings = 0
async function* counters(bridge: string, table?: number): AsyncIterable<readonly CountersView[]> {
  readings++
  let part: CountersView[] = []
  for (let i = 0; i < FLOWS; i++) {
    const flow = flows[i]!
    if (flow.bridge !== bridge || (table !== undefined && flow.table !== table)) continue
    const packets = i % 3 === 0 ? readings * (i % 100) : 0
    part.push({ cookie: flow.cookie, packets, bytes: packets * 100, idle: 0 })
    if (part.length < 1000) continue
    yield part
    part = []
    await new Promise(setImmediate)
  }
  yield part
}
const live: LiveView = {
  ...{ tables, registers: [], dropReasons },
  flows: () => ({ size: flows.length, flows }),
  cookies: async () => new Set(),
  onFlows: () => () => {},
  counters: (_, bridge, table) => counters(bridge, table),
  onCost: () => () => {},
  onDrift: () => () => {},
}

const store = openMemoryStore({ kinds: modelKinds })
await store.transact({ source: 'bench' }, tx => tx.insert(chassis, aChassis('host1', 1)))
const api = buildApi({ store, live, console: dist, fabric: { ...noFabric, session: () => undefined } })
await api.listen({ host: '127.0.0.1', port: 0 })
const { port } = api.server.address() as { port: number }
const at = (place: string) => `http://127.0.0.1:${port}/console/#/${place}`

const report = (what: string, value: string) => console.log(`${what.padEnd(64)} ${value}`)
const ms = (n: number) => `${n.toFixed(0)} ms`
const spread = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  return `${ms(sorted[0]!)} / ${ms(sorted[sorted.length >> 1]!)} / ${ms(sorted.at(-1)!)}`
}

const assets = readdirSync(`${dist}assets`).filter(name => !name.endsWith('.gz'))
const size = (name: string) => gzipSync(readFileSync(`${dist}assets/${name}`), { level: 9 }).length
report(
  'assets, gzip',
  assets.map(name => `${name.replace(/-.*\./, '.')} ${(size(name) / 1024).toFixed(1)} KiB`).join(', '),
)

const executablePath = '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] })
const firstPaint = async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  await page.goto(at('chassis/host1/flows'))
  await page.waitForSelector('[role=grid] [role=row]')
  const painted = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()`,
  )
  const rows = await page.evaluate<number>('performance.now()')
  await context.close()
  return { painted, rows }
}
const paints: { painted: number; rows: number }[] = []
for (let i = 0; i < 5; i++) paints.push(await firstPaint())
report('first paint (min / median / max of 5, an empty cache)', spread(paints.map(p => p.painted)))
report('first rows of flows on the screen', spread(paints.map(p => p.rows)))

const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, bypassCSP: true })).newPage()
const begun = performance.now()
await page.goto(at('chassis/host1/flows'))
await page.waitForFunction(`document.querySelector('.count')?.textContent.includes('200,000 flows')`, undefined, {
  timeout: 120_000,
})
report(`all ${FLOWS.toLocaleString('en-US')} flows loaded`, ms(performance.now() - begun))

/** From the last key to the rows on the screen. */
const filter = (text: string, sort = '') =>
  page.evaluate<number>(`(async () => {
    const input = document.querySelector('main [data-filter]')
    const status = document.querySelector('.count')
    const begun = performance.now()
    input.value = ${JSON.stringify(text)}
    input.dispatchEvent(new Event('input', { bubbles: true }))
    while (status.dataset.answered !== ${JSON.stringify(`${sort || 'table'} ${text}`)}) await new Promise(r => setTimeout(r, 1))
    await new Promise(r => requestAnimationFrame(r))
    return performance.now() - begun
  })()`)
const texts = [
  ...['table:l2_lookup', 'port:00000000-0000-4000-8000-000000000123', 'drop', '10.1.77.', 'dl_dst=fa:16:3e:02'],
  ...['table:l2_lookup network=0x1f -drop', 'priority>30 bridge:br-int goto_table', 'nothing-is-like-this', 'rate>0'],
]
for (const text of texts) {
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    await filter('')
    times.push(await filter(text))
  }
  const shown = await page.locator('.count').getAttribute('data-shown')
  const inside = Number(await page.locator('.count').getAttribute('data-took'))
  report(`filter \`${text}\` -> ${shown}`, `${spread(times)} (filtering itself ${ms(inside)})`)
}
await filter('')
const frames = await page.evaluate<{ frames: number; longest: number; blank: number }>(`(async () => {
  const list = document.querySelector('[role=grid]')
  let longest = 0, frames = 0, blank = 0, last = performance.now()
  const end = last + 3000
  while (performance.now() < end) {
    list.scrollTop += 400
    await new Promise(r => requestAnimationFrame(r))
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    frames++
    const box = list.getBoundingClientRect()
    if (!document.elementFromPoint(box.left + 60, box.top + box.height / 2)?.closest('[role=row]')) blank++
  }
  return { frames, longest, blank }
})()`)
report(
  'scrolling 400 px a frame for 3 s',
  `${(frames.frames / 3).toFixed(0)} frames/s, longest ${ms(frames.longest)}, blank ${frames.blank}`,
)
await browser.close()
await api.close()
await store.close()
