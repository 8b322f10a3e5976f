// The tracer against the switch: for random packets over random models, it visits the tables and flows that
// ofproto/trace visits, in the same order, sends the same frames out of the same ports, and leaves the same fields.
// TRACE_PACKETS says how many packets; 2,000 when it is not set.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Flow, type Match, printAction, printFlow, printMatch } from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bridge, bridges, Compiler } from '#compiler'
import { securityRules } from '#flows/br-int/114-security-rules'
import { pipeline } from '#flows/pipeline'
import { modelKinds, type Port } from '#model'
import { chassisPort, PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { openMemoryStore } from '#store'
import { commitOf } from '#test/support/model'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import {
  type CtFlag,
  effectsOf,
  FlowIndex,
  givenStates,
  type Link,
  type TraceFlow,
  tablesOf,
  trace,
  type World,
} from '#tracer'
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
import { type RandomRouters, randomInbound, randomRouted, randomRouters, randomTransit } from './random-routers.ts'
import { openUnixctl, type Unixctl } from './unixctl.ts'

const PACKETS = Number(process.env.TRACE_PACKETS ?? 2000)
const PER_MODEL = 100
/** Tables that few random packets get to: 2,000 may miss them. */
const RARE = ['nd_reply', 'ingress_firewall', 'ingress_firewall_rules', 'ingress_firewall_verdict', 'virtual_neighbor']

const CHASSIS_PORTS = [1, 2, 3].map(chassisPort)
const localPorts = Array.from({ length: PORTS }, (_, i) => FIRST_PORT + i)
const plainPorts: Readonly<Record<Bridge, readonly number[]>> = {
  'br-int': [...Object.values(PROVIDER_PORTS), ...localPorts, ...CHASSIS_PORTS],
  'br-tun': [...Object.values(TUNNEL_PORTS), ...CHASSIS_PORTS],
}

/** One chassis alone: what leaves it is gone. `learned` are flows that packets taught it, `dead` ports without life. */
const worldOf = (compiler: Compiler, learned: readonly TraceFlow[], dead: readonly number[]): World => {
  const intended = intendedTables(compiler)
  const known = new FlowIndex(learned)
  const tables = (chassis: string, bridge: string) => {
    const wanted = intended(chassis, bridge)
    return wanted && bridge === 'br-int' ? tablesOf([wanted, known]) : wanted
  }
  const link = ({ bridge, port }: { bridge: string; port: number }): Link | undefined => {
    if (bridge === 'br-int' && port === PATCH_TUN) return { type: 'patch', bridge: 'br-tun', port: PATCH_INT }
    if (bridge === 'br-tun' && port === PATCH_INT) return { type: 'patch', bridge: 'br-int', port: PATCH_TUN }
    return plainPorts[bridge as Bridge].includes(port) ? { type: 'interface', name: `${bridge} ${port}` } : undefined
  }
  return {
    tables,
    link,
    isLive: place => link(place) !== undefined && !(place.bridge === 'br-int' && dead.includes(place.port)),
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
    // A datapath that cannot compare sizes leaves that to the switch, which then takes one way and not both.
    await unixctl.call('dpif/set-dp-features', 'br-int', 'check_pkt_len', 'false')
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

  const install = async (compiler: Compiler, chassis: string, learned: readonly TraceFlow[]) => {
    for (const bridge of bridges) {
      const file = join(ovs.dir, `${bridge}.flows`)
      const entries = [...compiler.subscriptions(chassis)].flatMap(id => [
        ...(compiler.flowSet(id)?.entries.values() ?? []),
      ])
      writeFileSync(
        file,
        [
          ...entries.filter(entry => entry.bridge === bridge).map(entry => entry.flow),
          ...(bridge === 'br-int' ? learned : []),
        ]
          .map(flow => `${printFlow(flow as Flow)}\n`)
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
      const store = openMemoryStore({ kinds: modelKinds })
      const compiler = new Compiler(pipeline)
      store.follow(commit => compiler.apply(commit), { fromStart: true })
      const routers = await store.transact({ source: 'test' }, tx => {
        for (const { kind, after } of [...commitOf(model.records).changes, ...model.groups])
          if (after) tx.insert(kind, after)
        return randomRouters(roll, tx, model)
      })
      const chassis = roll.one(model.records.chassis)
      const dead = CHASSIS_PORTS.filter(port => port !== chassisPort(chassis.key) && roll.chance(0.3))
      for (const port of CHASSIS_PORTS)
        await unixctl.call('netdev-dummy/set-admin-state', `br-int-${port}`, dead.includes(port) ? 'down' : 'up')
      const learned = learnedBy(worldOf(compiler, [], dead), chassis.id, routers)
      await install(compiler, chassis.id, learned)
      const world = worldOf(compiler, learned, dead)
      // Rules of a group that say the same are of one priority: they only allow.
      const rules = new Map(
        [...compiler.subscriptions(chassis.id)]
          .flatMap(id => [...(compiler.flowSet(id)?.entries.values() ?? [])])
          .filter(({ bridge, table }) => bridge === 'br-int' && table === securityRules.number)
          .map(({ cookie, priority, flow }) => [
            `${securityRules.number} 0x${cookie.toString(16)}`,
            `rule of priority ${priority}: ${flow.actions.map(action => printAction(action)).join(',')}`,
          ]),
      )
      const alike = (visit: string) => rules.get(visit) ?? visit
      for (let i = 0; i < PER_MODEL && compared < PACKETS; i++) {
        const { bridge, packet: untracked } = randomArrival(roll, model, chassis.id, routers)
        const states = [roll.one(STATES), roll.one(STATES)]
        const isOdp = datapathPorts.has(`${bridge} ${untracked.in_port}`) && bridge === 'br-int'
        const connection = randomConnection(roll, model, untracked, states[0]?.includes('rpl') === true)
        const packet = isOdp ? { ...untracked, ...connection } : untracked
        const { text, passes } = await bySwitch(bridge, packet, states)
        const traced = trace(world, { chassis: chassis.id, bridge, packet }, givenStates(states))
        expectSame(`seed ${seed}, packet ${i}: ${printMatch(packet)}\n${text}`, passes, traced, alike)
        compared++
        resumed += passes.length - 1
        for (const pass of passes) for (const visit of pass.visited) visited.add(visit)
      }
    }
    const met = new Set(Array.from(visited, visit => Number(visit.split(' ')[0])))
    const missed = pipeline.tables.filter(t => !met.has(t.number)).map(t => t.name)
    if (PACKETS >= 2000) expect(missed.filter(name => PACKETS >= 10_000 || !RARE.includes(name))).toEqual([])
    console.log(
      `${compared} packets agree (TRACE_PACKETS says how many), ${resumed} resumptions, ${visited.size} different flows met`,
    )
  })

  /** What a router outside teaches a chassis by its ARP. */
  const learnedBy = (world: World, chassis: string, { vlan }: RandomRouters): readonly TraceFlow[] => {
    const tag = vlan === 0 ? {} : { vlan_vid: 0x1000 | vlan }
    const mac = '02:00:00:00:99:01'
    const arp = {
      arp_op: 1,
      arp_spa: '203.0.113.1',
      arp_tpa: '203.0.113.1',
      arp_sha: mac,
      arp_tha: '00:00:00:00:00:00',
    }
    const frame = {
      in_port: PROVIDER_PORTS.physnet3,
      eth_src: mac,
      eth_dst: 'ff:ff:ff:ff:ff:ff',
      eth_type: 0x0806,
      ...arp,
    }
    const { arrivals } = trace(world, { chassis, bridge: 'br-int', packet: { ...frame, ...tag } as Match })
    return arrivals.flatMap(({ visit }) =>
      [...effectsOf(visit)].flatMap(([, effect]) => (effect.type === 'learn' ? [effect.flow as TraceFlow] : [])),
    )
  }

  /** Where a random packet comes in: mostly at a local port, else from a provider network or a tunnel. */
  const randomArrival = (
    roll: ReturnType<typeof dice>,
    model: RandomModel,
    chassis: string,
    routers: RandomRouters,
  ): { readonly bridge: Bridge; readonly packet: Match } => {
    const { binding, port, attachment } = model.records
    const kind = roll.below(10)
    const local = binding.filter(b => b.chassis === chassis)
    const at = roll.one(local)
    if (roll.chance(0.2)) return { bridge: 'br-int', packet: randomInbound(roll, model, routers) }
    if (roll.chance(0.1)) return randomTransit(roll, model)
    if (kind < 7 && at !== undefined) {
      const sender = port.find(p => p.id === at.port) as Port
      const isRouted = routers.interfaces.length > 0 && roll.chance(0.5)
      const frame = isRouted ? randomRouted(roll, model, routers, sender) : randomFrame(roll, model, sender)
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
