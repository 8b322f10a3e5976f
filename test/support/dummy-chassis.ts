// A chassis on the dummy datapath of a real ovs-vswitchd, which forwards and tracks connections in userspace: frames go in
// at its ports, and one can see where they leave.
import { writeFileSync } from 'node:fs'
import { printFlow } from 'node-openflow/flow'
import type { Compiler } from '#compiler'
import { PATCH_TUN } from '#model/ofports'
import { type Ovs, startOvs, until } from './ovs.ts'

/** A running br-int with the flows of a chassis. */
export interface DummyChassis {
  readonly ovs: Ovs
  /** Plugs OpenFlow ports in. */
  plug(...ofports: readonly number[]): Promise<void>
  /** Makes the flows those that the compiler has now, in one bundle. */
  program(): Promise<void>
  /** Puts frames in at a port, one after the other; resolves with how many left at which ports. */
  send(from: number, ...frames: readonly Buffer[]): Promise<Readonly<Record<number, number>>>
  /** How many packets a flow of a table whose text contains `text` has seen, and of how many flows. */
  counted(table: number, text: string): Promise<number>
  /** The datapath's flows. */
  megaflows(): Promise<readonly string[]>
  stop(): Promise<void>
}

/** Frames that a dummy port takes at a time. */
const QUEUE = 100

/** Starts a chassis of a compiled model; port PATCH_TUN, the way to br-tun, is plugged in. */
export const startDummyChassis = async (compiler: Compiler, chassis: string): Promise<DummyChassis> => {
  const ovs = await startOvs()
  await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'fail_mode=secure', 'protocols=OpenFlow15')
  const plug = async (...ofports: readonly number[]) => {
    const add = (n: number) => [
      '--',
      'add-port',
      'br-int',
      `p${n}`,
      '--',
      'set',
      'interface',
      `p${n}`,
      `ofport_request=${n}`,
    ]
    await ovs.vsctl(...ofports.flatMap(add).slice(1))
  }
  await plug(PATCH_TUN)
  // As the controller's connection does (fabric/programming/openflow.ts).
  await ovs.ofctl('set-frags', 'br-int', 'nx-match')

  /** Packets received and sent, by OpenFlow port. */
  const packets = async () => {
    const text = await ovs.ofctl('--no-names', 'dump-ports', 'br-int')
    const found = text.matchAll(/port\s+(\d+): rx pkts=(\d+)[^\n]*\n\s+tx pkts=(\d+)/g)
    return new Map([...found].map(([, port, rx, tx]) => [Number(port), { rx: Number(rx), tx: Number(tx) }]))
  }

  return {
    ovs,
    plug,
    program: async () => {
      const entries = [...compiler.subscriptions(chassis)].flatMap(set => [
        ...(compiler.flowSet(set)?.entries.values() ?? []),
      ])
      const file = `${ovs.dir}/flows`
      const lines = entries.filter(entry => entry.bridge === 'br-int').map(entry => printFlow(entry.flow))
      writeFileSync(file, `${lines.join('\n')}\n`)
      await ovs.ofctl('--bundle', 'replace-flows', 'br-int', file)
    },
    send: async (from, ...frames) => {
      const before = await packets()
      let after = before
      for (let i = 0; i < frames.length; i += QUEUE) {
        const some = frames.slice(i, i + QUEUE)
        await ovs.appctl('netdev-dummy/receive', `p${from}`, ...some.map(bytes => bytes.toString('hex')))
        const received = (before.get(from)?.rx ?? 0) + i + some.length
        await until(`${received} packets from ${from}`, async () => {
          after = await packets()
          return after.get(from)?.rx === received
        })
      }
      const left = [...after].map(([port, { tx }]): [number, number] => [port, tx - (before.get(port)?.tx ?? 0)])
      return Object.fromEntries(left.filter(([, count]) => count > 0))
    },
    counted: async (table, text) => {
      await ovs.appctl('revalidator/wait')
      const flows = await ovs.ofctl('dump-flows', 'br-int', `table=${table}`)
      const found = flows.split('\n').filter(line => line.includes(text))
      return found.reduce((sum, line) => sum + Number(/n_packets=(\d+)/.exec(line)?.[1] ?? 0), 0)
    },
    megaflows: async () => (await ovs.appctl('dpctl/dump-flows')).split('\n').filter(line => line.includes('actions:')),
    stop: () => ovs.stop(),
  }
}
