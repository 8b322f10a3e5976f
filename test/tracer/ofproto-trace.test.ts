// The tracer against the switch: for random packets over random models, it visits the tables and flows that
// ofproto/trace visits, in the same order, sends the same frames out of the same ports, and leaves the same fields.
// TRACE_PACKETS says how many packets; 2,000 when it is not set.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Match, printFlow, printMatch } from 'node-openflow/flow'
import { afterAll, beforeAll, test } from 'vitest'
import { type Bridge, bridges, Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import { PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { commitOf } from '#test/support/model'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import { type CtFlag, givenStates, type Link, trace, type World } from '#tracer'
import { intendedTables } from '#tracer/intended'
import { odpFlow } from './odp-flow.ts'
import { readOfprotoTrace } from './ofproto-trace.ts'
import { exactFlow, expectSame } from './passes.ts'
import {
  dice,
  FIRST_PORT,
  PORTS,
  PROVIDER_PORTS,
  type RandomModel,
  randomConnection,
  randomFrame,
  randomModel,
} from './random.ts'
import { openUnixctl, type Unixctl } from './unixctl.ts'

const PACKETS = Number(process.env.TRACE_PACKETS ?? 2000)
const PER_MODEL = 250

const localPorts = Array.from({ length: PORTS }, (_, i) => FIRST_PORT + i)
const plainPorts: Readonly<Record<Bridge, readonly number[]>> = {
  'br-int': [...Object.values(PROVIDER_PORTS), ...localPorts],
  'br-tun': Object.values(TUNNEL_PORTS),
}

/** One chassis alone: what leaves it is gone. */
const worldOf = (compiler: Compiler): World => {
  const tables = intendedTables(compiler)
  const link = ({ bridge, port }: { bridge: string; port: number }): Link | undefined => {
    if (bridge === 'br-int' && port === PATCH_TUN) return { type: 'patch', bridge: 'br-tun', port: PATCH_INT }
    if (bridge === 'br-tun' && port === PATCH_INT) return { type: 'patch', bridge: 'br-int', port: PATCH_TUN }
    return plainPorts[bridge as Bridge].includes(port) ? { type: 'interface', name: `${bridge} ${port}` } : undefined
  }
  return {
    tables,
    link,
    isLive: place => link(place) !== undefined,
    tableName: (_, table) => String(table),
    ports: (_, bridge) => plainPorts[bridge as Bridge],
    tunnelEnd: () => undefined,
    physicalEnds: () => [],
  }
}

const STATES: readonly (readonly CtFlag[])[] = [
  ...[['trk', 'new'] as const, ['trk', 'new'] as const, ['trk', 'est'] as const, ['trk', 'est', 'rpl'] as const],
  ...[['trk', 'inv'] as const, ['trk', 'rel'] as const, ['trk', 'rel', 'rpl'] as const],
]

describeOvs('the tracer against ofproto/trace', () => {
  let ovs: Ovs
  let unixctl: Unixctl
  /** Datapath port -> `<bridge> <OpenFlow port>`. */
  const byDatapathPort = new Map<string, string>()
  const datapathPorts = new Map<string, number>()

  beforeAll(async () => {
    ovs = await startOvs()
    const port = (bridge: string, name: string, number: number, ...settings: string[]) => [
      ...['--', 'add-port', bridge, name, '--', 'set', 'Interface', name, `ofport_request=${number}`, ...settings],
    ]
    await ovs.vsctl(
      ...bridges.flatMap(bridge => ['--', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'fail_mode=secure']),
      ...port('br-int', 'patch-tun', PATCH_TUN, 'type=patch', 'options:peer=patch-int'),
      ...port('br-tun', 'patch-int', PATCH_INT, 'type=patch', 'options:peer=patch-tun'),
      ...bridges.flatMap(bridge =>
        // Tunnels too are plain ports: what goes into one is decided by the fields that the frame then has.
        plainPorts[bridge].flatMap(number => port(bridge, `${bridge}-${number}`, number, 'type=dummy')),
      ),
    )
    unixctl = await openUnixctl(join(ovs.dir, 'ovs-vswitchd.ctl'))
    for (const [, bridge, number, datapath] of (await unixctl.call('dpif/show')).matchAll(
      /(br-\w+)-\d+ (\d+)\/(\d+): \(dummy\)/g,
    )) {
      byDatapathPort.set(datapath as string, `${bridge} ${number}`)
      datapathPorts.set(`${bridge} ${number}`, Number(datapath))
    }
  })
  afterAll(async () => {
    unixctl?.close()
    await ovs?.stop()
  })

  const install = async (compiler: Compiler, chassis: string) => {
    for (const bridge of bridges) {
      const file = join(ovs.dir, `${bridge}.flows`)
      const entries = [...compiler.subscriptions(chassis)].flatMap(id => [
        ...(compiler.flowSet(id)?.entries.values() ?? []),
      ])
      writeFileSync(
        file,
        entries
          .filter(entry => entry.bridge === bridge)
          .map(entry => `${printFlow(entry.flow)}\n`)
          .join(''),
      )
      await ovs.ofctl('del-flows', bridge)
      await ovs.ofctl('--bundle', 'add-flows', bridge, file)
    }
  }

  const bySwitch = async (bridge: Bridge, packet: Match, states: readonly (readonly CtFlag[])[]) => {
    const next = states.flatMap(state => ['--ct-next', state.join(',')])
    const { in_port: port, ...frame } = packet
    const datapathPort = datapathPorts.get(`${bridge} ${port}`)
    const text =
      bridge === 'br-int' && datapathPort !== undefined
        ? await unixctl.call('ofproto/trace', 'ovs-system', odpFlow(frame, datapathPort), ...next)
        : await unixctl.call('ofproto/trace', bridge, exactFlow(packet), ...next)
    const passes = readOfprotoTrace(text).map(({ outputs, ...pass }) => ({
      ...pass,
      outputs: outputs.map(output => {
        const [datapath = '', ...tags] = output.split(' ')
        return [byDatapathPort.get(datapath) ?? datapath, ...tags].join(' ')
      }),
    }))
    return { text, passes }
  }

  test(`agrees on ${PACKETS} random packets`, { timeout: 30_000 + 20 * PACKETS }, async () => {
    let compared = 0
    let resumed = 0
    const visited = new Set<string>()
    for (let seed = 1; compared < PACKETS; seed++) {
      const roll = dice(seed)
      const model = randomModel(roll)
      const compiler = new Compiler(pipeline)
      const commit = commitOf(model.records)
      compiler.apply({ ...commit, changes: [...commit.changes, ...model.groups] })
      const chassis = roll.one(model.records.chassis)
      await install(compiler, chassis.id)
      const world = worldOf(compiler)
      for (let i = 0; i < PER_MODEL && compared < PACKETS; i++) {
        const { bridge, packet: untracked } = randomArrival(roll, model, chassis.id)
        const states = [roll.one(STATES), roll.one(STATES)]
        const isOdp = datapathPorts.has(`${bridge} ${untracked.in_port}`) && bridge === 'br-int'
        const connection = randomConnection(roll, model, untracked, states[0]?.includes('rpl') === true)
        const packet = isOdp ? { ...untracked, ...connection } : untracked
        const { text, passes } = await bySwitch(bridge, packet, states)
        const traced = trace(world, { chassis: chassis.id, bridge, packet }, givenStates(states))
        expectSame(`seed ${seed}, packet ${i}: ${printMatch(packet)}\n${text}`, passes, traced)
        compared++
        resumed += passes.length - 1
        for (const pass of passes) for (const visit of pass.visited) visited.add(visit)
      }
    }
    console.log(
      `${compared} packets agree (TRACE_PACKETS says how many), ${resumed} resumptions, ${visited.size} different flows met`,
    )
  })

  /** Where a random packet comes in: mostly at a local port, else from a provider network or a tunnel. */
  const randomArrival = (roll: ReturnType<typeof dice>, model: RandomModel, chassis: string) => {
    const { binding, port, attachment } = model.records
    const kind = roll.below(10)
    const local = binding.filter(b => b.chassis === chassis)
    const at = roll.one(local)
    if (kind < 7 && at !== undefined) {
      const frame = randomFrame(
        roll,
        model,
        port.find(p => p.id === at.port),
      )
      const tag = roll.chance(0.05) ? { vlan_vid: 0x1000 | roll.below(60) } : {}
      return { bridge: 'br-int' as Bridge, packet: { in_port: at.ofport, ...frame, ...tag } as Match }
    }
    const frame = randomFrame(roll, model, undefined)
    if (kind < 9) {
      const [in_port, tag] = roll.one([
        [PROVIDER_PORTS.physnet1, { vlan_vid: 0x1000 | 50 }],
        [PROVIDER_PORTS.physnet2, {}],
        [PROVIDER_PORTS.physnet1, {}],
      ] as const)
      return { bridge: 'br-int' as Bridge, packet: { in_port, ...frame, ...tag } as Match }
    }
    const from = {
      tun_id: BigInt(roll.one([101, 102, 103])),
      tun_src: `192.0.2.${1 + roll.below(4)}`,
      tun_dst: '192.0.2.1',
    }
    const vlan = { vlan_vid: 0x1000 | (roll.one(attachment)?.localVlan ?? 9) }
    const packet = roll.chance(0.6)
      ? { in_port: roll.one([TUNNEL_PORTS.vxlan, TUNNEL_PORTS.gre]), ...frame, ...from }
      : { in_port: PATCH_INT, ...frame, ...vlan }
    return { bridge: 'br-tun' as Bridge, packet: packet as Match }
  }
})
