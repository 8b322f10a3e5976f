// How fast a switch takes flows in a bundle: from this library, with flows as data and with messages encoded before;
// beside the same bytes from a bare socket, and beside ovs-ofctl. The same flows, the same switch, in turn.

import { writeFileSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import { connect, decode, encode, encodeBundleAdd, Framer, type Message, PERMANENT_XID } from 'node-openflow'
import { addBridge, hasOvs, noOvs, startOvs } from '#test/openflow/ovs'
import { pipelineFlows } from './openflow/flows.ts'

const rounds = 10

/** The bytes of a whole bundle, sent without ceremony; resolves when the commit is answered. */
async function bareSocket(path: string, adds: Uint8Array): Promise<number> {
  const socket = dial(path)
  const control = (name: 'open_request' | 'commit_request', xid: number) =>
    encode({ version: 6, type: 'bundle_control', xid, bundleId: 1, control: name, flags: ['atomic', 'ordered'] })
  const framer = new Framer()
  const answer = new Promise<Message>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', chunk => {
      for (const bytes of framer.push(chunk)) {
        const message = decode(bytes)
        if (message.xid === 3) resolve(message)
      }
    })
  })
  await new Promise<void>(resolve => socket.once('connect', resolve))
  socket.write(encode({ version: 6, type: 'hello', xid: 1, versions: [6] }))
  const start = performance.now()
  socket.write(control('open_request', 2))
  socket.write(adds)
  socket.write(control('commit_request', 3))
  const message = await answer
  const took = performance.now() - start
  if (message.type !== 'bundle_control') throw new Error(`the bundle was refused: ${JSON.stringify(message)}`)
  socket.destroy()
  return took
}

const best = (values: readonly number[]) => Math.min(...values)
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

async function run(count: number): Promise<void> {
  const ovs = startOvs()
  try {
    addBridge(ovs, 'br0', 3)
    const path = join(ovs.dir, 'br0.mgmt')
    const mods = pipelineFlows(count)
    const messages = mods.map((mod, i) => encodeBundleAdd(mod, 6, PERMANENT_XID + i))
    const adds = Buffer.concat(messages)
    const connection = await connect({ path }, { versions: [6], requestTimeout: 120_000 })
    const file = join(ovs.dir, 'flows.txt')

    const clear = () => ovs.ofctl('-OOpenFlow15', 'del-flows', path)
    const ways: Record<string, () => Promise<number>> = {
      'bare socket': () => bareSocket(path, adds),
      'library, encoded': async () => {
        const start = performance.now()
        await connection.bundle([adds])
        return performance.now() - start
      },
      'library, encoded one by one': async () => {
        const start = performance.now()
        await connection.bundle(messages)
        return performance.now() - start
      },
      'library, flows as data': async () => {
        const start = performance.now()
        await connection.bundle(mods)
        return performance.now() - start
      },
      'ovs-ofctl --bundle add-flows': async () => {
        const start = performance.now()
        ovs.ofctl('-OOpenFlow15', '--bundle', 'add-flows', path, file)
        return performance.now() - start
      },
    }
    await connection.bundle(mods)
    writeFileSync(file, ovs.ofctl('-OOpenFlow15', '--no-stats', 'dump-flows', path))
    clear()
    const times = new Map<string, number[]>()
    for (let round = 0; round <= rounds; round++) {
      // What the switch still has to tidy up after one way must not always fall on the same other.
      const names = Object.keys(ways)
      const order = names.map((_, i) => names[(i + round) % names.length] as string)
      for (const name of order) {
        const way = ways[name] as () => Promise<number>
        const took = await way()
        const { flowCount } = await connection.request({ type: 'aggregate_stats_request' })
        if (flowCount !== count) throw new Error(`${name}: ${flowCount} flows where ${count} were sent`)
        clear()
        // The switch frees what was deleted in the background; the next way is not to pay for it.
        await new Promise(resolve => setTimeout(resolve, 150))
        // The first round warms up.
        if (round > 0) times.set(name, [...(times.get(name) ?? []), took])
      }
    }
    const bare = times.get('bare socket') as number[]
    console.log(
      `${count} flows, ${(adds.length / count).toFixed(0)} bytes each, ${rounds} rounds in turn: best (median)`,
    )
    for (const name of Object.keys(ways)) {
      const values = times.get(name) as number[]
      const rate = (took: number) => Math.round((count / took) * 1_000).toLocaleString('en')
      const rates = `${rate(best(values)).padStart(9)} (${rate(median(values))}) flows/s`
      const ratios = `${(best(bare) / best(values)).toFixed(2)} (${(median(bare) / median(values)).toFixed(2)})`
      console.log(`  ${name.padEnd(30)} ${rates.padEnd(32)} ${ratios} of the bare socket`)
    }
    await connection.close()
  } finally {
    ovs.stop()
  }
}

if (hasOvs) for (const count of [10_000, 50_000]) await run(count)
else console.log(`skipped: ${noOvs}`)
