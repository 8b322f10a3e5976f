// How fast flows become bytes and bytes flows, on one core: flow-mods as a pipeline has them, and the flow-stats replies
// that a switch gives. Beside them ovs-ofctl, which does the same in C with text at one end: it parses flows (encode)
// and prints messages from a file (decode).

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode, encodeParts, type Message } from 'node-openflow'
import { pipelineFlows } from './openflow/flows.ts'

const count = 100_000
const rounds = 7

const mods = pipelineFlows(count).map((flow, i) => ({ ...flow, version: 6, xid: i }) as Message)
const entries = pipelineFlows(count).map(flow => ({
  ...flow,
  durationSec: 100,
  durationNsec: 5,
  idleSec: 7,
  idleNsec: 0,
  packetCount: 1_000n,
  byteCount: 64_000n,
}))

/** The best of several rounds, in items per second; the first rounds warm up. */
function rate(items: number, body: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    body()
    best = Math.min(best, performance.now() - start)
  }
  return (items / best) * 1_000
}

const encoded = mods.map(encode)
const parts = encodeParts({ version: 6, type: 'flow_stats_reply', xid: 1, entries } as Message)

const rates = {
  encode: rate(count, () => {
    for (const mod of mods) encode(mod)
  }),
  decode: rate(count, () => {
    for (const bytes of encoded) decode(bytes)
  }),
  stats: rate(count, () => {
    for (const bytes of parts) decode(bytes)
  }),
}

const show = (n: number) => Math.round(n).toLocaleString('en').padStart(9)
const bytes = encoded.reduce((sum, b) => sum + b.length, 0) / count
console.log(`${count} flow-mods of ${bytes.toFixed(0)} bytes; best of ${rounds}`)
console.log(`  encode flow-mods     ${show(rates.encode)} /s`)
console.log(`  decode flow-mods     ${show(rates.decode)} /s`)
console.log(`  decode flow-stats    ${show(rates.stats)} /s`)

if (existsSync('/usr/bin/ovs-ofctl')) {
  const dir = mkdtempSync(join(tmpdir(), 'ofp-bench-'))
  try {
    const file = join(dir, 'messages')
    writeFileSync(file, Buffer.concat(encoded))
    const time = (args: string[]) =>
      rate(count, () => execFileSync('ovs-ofctl', args, { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] }))
    const printed = time(['ofp-parse', file])
    console.log(
      `  ovs-ofctl decodes and prints ${show(printed)} /s; decoding here is ${(rates.decode / printed).toFixed(2)} of that`,
    )
    const flows = join(dir, 'flows')
    const text = Array.from({ length: count }, (_, i) => {
      const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      return `table=20,priority=100,cookie=${i},ip,metadata=${i % 100},nw_dst=${address},actions=set_field:${i}->reg1,resubmit(,60)`
    })
    writeFileSync(flows, text.join('\n'))
    const parsed = time(['-OOpenFlow15', 'parse-flows', flows])
    console.log(
      `  ovs-ofctl parses and prints  ${show(parsed)} /s; encoding here is ${(rates.encode / parsed).toFixed(2)} of that`,
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
} else console.log('  beside ovs-ofctl: skipped, it is not installed')
