// Connection tracking as the tracer has it, against that of Open vSwitch's userspace datapath: the same packets, one after
// the other, come back with the same state, original tuple, label and, after NAT, the same addresses.
import { join } from 'node:path'
import { type Connection, connect } from 'node-openflow'
import { type Match, parseFlow } from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import { Connections, FlowIndex, trace, type World } from '#tracer'
import { packetOf } from '#tracer/packet'
import { odpFlow } from './odp-flow.ts'
import { dice } from './random.ts'
import { openUnixctl, type Unixctl } from './unixctl.ts'

// What a port does with what comes in, by its number; what was tracked goes to the controller.
const flows = [
  'table=0,in_port=1,ip actions=ct(zone=5,table=1)',
  'table=0,in_port=2,ip actions=ct(commit,zone=5,table=1,exec(set_field:0x700000005->ct_label,set_field:9->ct_mark))',
  'table=0,in_port=3,ip actions=ct(commit,force,zone=5,table=1)',
  'table=0,in_port=4,ip actions=ct(commit,zone=6,nat(src=192.0.2.1),table=1)',
  'table=0,in_port=5,ip actions=ct(zone=6,nat,table=1)',
  'table=0,in_port=6,ip actions=ct(commit,zone=7,nat(dst=10.0.0.3:8080),table=1)',
  'table=0,in_port=7,ip actions=ct(zone=7,nat,table=1)',
  // As routers do it, all in one zone: out by the gateway's address, back in; out by a floating IP, and in.
  'table=0,in_port=8,ip actions=ct(commit,zone=9,nat(src=192.0.2.1),table=1)',
  'table=0,in_port=9,ip actions=ct(zone=9,nat,table=1)',
  'table=0,in_port=10,ip actions=ct(commit,zone=9,nat(src=192.0.2.9),table=1)',
  'table=0,in_port=11,ip actions=ct(commit,zone=9,nat(dst=10.0.4.2),table=1)',
  'table=0,in_port=12,ip actions=ct(commit,zone=9,nat(dst=10.0.4.3:8080),table=1)',
  'table=1 actions=controller',
]
const PORTS = 12

const index = new FlowIndex(flows.map(text => ({ priority: 1, cookie: 0n, table: 0, ...parseFlow(text) })))
const world: World = {
  tables: () => index,
  tableName: () => '',
  link: () => undefined,
  isLive: () => false,
  ports: () => [],
  tunnelEnd: () => undefined,
  physicalEnds: () => [],
}

const compared = [
  ...['ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_tp_src', 'ct_tp_dst'],
  ...['ip_src', 'ip_dst'],
]

/** What is compared of a packet, as text. */
const shown = (match: Match) => {
  const packet = packetOf(match)
  const names = [...compared, ...(match.nw_proto === 1 ? [] : ['tcp_src', 'tcp_dst'])]
  return Object.fromEntries(names.map(name => [name, String(packet.value(name))]))
}

describeOvs('connection tracking against the userspace datapath', () => {
  let ovs: Ovs
  let unixctl: Unixctl
  let connection: Connection
  const arrived: Match[] = []
  let wake = () => {}

  beforeAll(async () => {
    ovs = await startOvs()
    await ovs.vsctl(
      ...['add-br', 'br', '--', 'set', 'Bridge', 'br', 'fail_mode=secure'],
      ...Array.from({ length: PORTS }, (_, i) => i + 1).flatMap(n => [
        ...['--', 'add-port', 'br', `p${n}`, '--', 'set', 'Interface', `p${n}`, 'type=dummy', `ofport_request=${n}`],
      ]),
    )
    for (const flow of flows) await ovs.ofctl('add-flow', 'br', flow)
    unixctl = await openUnixctl(join(ovs.dir, 'ovs-vswitchd.ctl'))
    connection = await connect({ path: join(ovs.dir, 'br.mgmt') })
    connection.onPacketIn(({ match, data }) => {
      // The fields of the pipeline are in the match, those of the frame in its bytes: no tag, no IP options.
      const bytes = Buffer.from(data)
      const dotted = (at: number) => [...bytes.subarray(at, at + 4)].join('.')
      const proto = bytes.readUInt8(23)
      const ports = proto === 1 ? {} : { tcp_src: bytes.readUInt16BE(34), tcp_dst: bytes.readUInt16BE(36) }
      arrived.push({ ...match, nw_proto: proto, ip_src: dotted(26), ip_dst: dotted(30), ...ports } as Match)
      wake()
    })
    await connection.transact([{ type: 'set_config', flags: [], missSendLen: 0xffff } as never])
  })
  afterAll(async () => {
    await connection?.close()
    unixctl?.close()
    await ovs?.stop()
  })

  const bySwitch = async (packet: Match): Promise<Match> => {
    const got = new Promise<void>(resolve => (wake = resolve))
    const { in_port: port, ...frame } = packet
    await unixctl.call('netdev-dummy/receive', `p${port}`, odpFlow(frame, Number(port)))
    await got
    return arrived.shift() as Match
  }

  const both = async (connections: Connections, packet: Match, what: string) => {
    const [first, tracked] = trace(world, { chassis: 'c', bridge: 'br', packet }, connections).arrivals
    expect(first?.visit.flow, what).toBeDefined()
    const real = await bySwitch(packet)
    expect(shown({ ...tracked?.packet }), what).toEqual(shown(real))
  }

  const eth = { eth_src: '02:00:00:00:00:01', eth_dst: '02:00:00:00:00:02', eth_type: 0x0800, nw_ttl: 64 }
  const ip = (src: string, dst: string) => ({ ...eth, ip_src: src, ip_dst: dst })
  const udp = (src: string, sport: number, dst: string, dport: number) => ({
    ...{ ...ip(src, dst), nw_proto: 17, udp_src: sport, udp_dst: dport },
  })
  const tcp = (src: string, sport: number, dst: string, dport: number, flags: number) => ({
    ...{ ...ip(src, dst), nw_proto: 6, tcp_src: sport, tcp_dst: dport, tcp_flags: flags },
  })
  const echo = (src: string, dst: string, type: number) => ({
    ...ip(src, dst),
    nw_proto: 1,
    icmp_type: type,
    icmp_code: 0,
  })

  test('of random packets between a few hosts', async () => {
    const connections = new Connections()
    const roll = dice(7)
    const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
    /** Packets of a direction since the other one spoke: beyond the second, datapaths differ in what is new. */
    const unanswered = new Map<string, number>()
    for (let i = 0; i < 300; i++) {
      const [src, dst] = [roll.one(hosts), roll.one(hosts)]
      if (src === dst) continue
      const [sport, dport] = [roll.one([1000, 2000]), roll.one([1000, 2000])]
      const isEcho = roll.chance(0.3)
      const frame = isEcho ? echo(src, dst, roll.one([8, 0])) : udp(src, sport, dst, dport)
      const key = isEcho ? `${src} ${dst} ${frame.nw_proto}` : `${src} ${sport} ${dst} ${dport}`
      const turned = isEcho ? `${dst} ${src} ${frame.nw_proto}` : `${dst} ${dport} ${src} ${sport}`
      const count = unanswered.get(key) ?? 0
      if (count >= 2 && !unanswered.has(turned)) continue
      unanswered.set(key, count + 1)
      const packet = { in_port: roll.one([1, 2, 2, 3]), ...frame } as Match
      await both(connections, packet, `packet ${i}: port ${packet.in_port}, ${key}`)
    }
  })

  test('of a TCP handshake, and of packets that can begin no connection', async () => {
    const connections = new Connections()
    const [a, b] = ['10.0.1.1', '10.0.1.2']
    await both(connections, { in_port: 2, ...tcp(a, 4000, b, 80, 2) }, 'SYN')
    await both(connections, { in_port: 1, ...tcp(b, 80, a, 4000, 18) }, 'SYN and ACK')
    for (const [i, flags] of [2, 18, 3, 6, 16, 4, 1].entries())
      await both(connections, { in_port: 1, ...tcp(a, 5000 + i, b, 80, flags) }, `first with flags ${flags}`)
    await both(connections, { in_port: 1, ...echo(a, b, 0) }, 'an echo reply that nobody asked for')
  })

  test('of random packets that routers translate, in and out', async () => {
    const connections = new Connections()
    const roll = dice(11)
    const unanswered = new Map<string, number>()
    const server = '198.51.100.9'
    // Who sends what by which port: two packets of a direction at most before the other one speaks.
    const ways = [
      { port: 8, src: '10.0.4.1', dst: server, back: [9, server, '192.0.2.1'] },
      { port: 10, src: '10.0.4.2', dst: server, back: [11, server, '192.0.2.9'] },
      { port: 11, src: server, dst: '192.0.2.9', back: [10, '10.0.4.2', server] },
      { port: 12, src: server, dst: '192.0.2.5', back: [9, '10.0.4.3', server] },
    ] as const
    for (let i = 0; i < 200; i++) {
      const n = roll.below(ways.length)
      const { port, src, dst, back } = ways[n] as (typeof ways)[number]
      const sport = 1000 * (n + 1) + roll.below(12)
      const dport = n === 3 ? 80 : 53
      const isBack = roll.chance(0.5)
      const key = `${n} ${sport}`
      const count = unanswered.get(key)
      if (isBack ? count === undefined : (count ?? 0) >= 2) continue
      unanswered.set(key, isBack ? -100 : (count ?? 0) + 1)
      const frame = isBack ? udp(back[1], n === 3 ? 8080 : dport, back[2], sport) : udp(src, sport, dst, dport)
      const packet = { in_port: isBack ? back[0] : port, ...frame } as Match
      await both(connections, packet, `packet ${i}: way ${n}, ${isBack ? 'back' : 'there'}, port ${sport}`)
    }
  })

  test('with NAT of source and destination', async () => {
    const connections = new Connections()
    await both(connections, { in_port: 4, ...udp('10.0.2.1', 4000, '198.51.100.9', 53) }, 'source, out')
    await both(connections, { in_port: 5, ...udp('198.51.100.9', 53, '192.0.2.1', 4000) }, 'source, back')
    await both(connections, { in_port: 5, ...udp('10.0.2.1', 4000, '198.51.100.9', 53) }, 'source, out again')
    await both(connections, { in_port: 6, ...udp('10.0.2.2', 4000, '203.0.113.7', 80) }, 'destination, in')
    await both(connections, { in_port: 7, ...udp('10.0.0.3', 8080, '10.0.2.2', 4000) }, 'destination, back')
  })
})
