// A packet that a given flow would drop: proposed from the records behind the flow and its match, and tried. Switches do not
// keep what they drop, so the last dropped packet itself is not known; one of its kind is.
import type { Match } from 'node-openflow/flow'
import type { Source } from '#compiler'
import {
  bindings,
  chassis,
  firewallGroups,
  floatingIps,
  gatewayChassis,
  isRouterPort,
  networks,
  type Port,
  policies,
  ports,
  type Reader,
  routerPorts,
  routers,
} from '#model'
import { PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { packetBetween, parseProtocol, placeOfPort } from './between.ts'
import { CannotTrace } from './cannot-trace.ts'
import type { CtFlag } from './conntrack.ts'
import { entriesOf, inboundTo } from './outside.ts'
import type { Trace } from './steps.ts'
import { type TraceStart, visitsOf } from './trace.ts'

/** The flow, and who is said to send what it drops. */
export interface Dropping {
  readonly chassis: string
  readonly bridge: string
  readonly match: Match
  readonly sources: readonly Source[]
  /** Ids of ports, the likeliest first. */
  readonly suspects: readonly string[]
}

/** A packet to try, and what else must hold. */
export interface Attempt extends TraceStart {
  /** What connection tracking is to tell; absent: as of a first packet. */
  readonly states?: readonly (readonly CtFlag[])[]
  /** Chassis that are to be taken for dead. */
  readonly dead?: readonly string[]
}

const FEW = 5
const PROTOCOLS = ['tcp 443', 'icmp', 'udp 53', 'tcp 22', 'tcp 47999', 'arp'].map(parseProtocol)
/** Addresses and a MAC that nobody has (RFC 5737, 3849, 7042). */
const STRANGERS = ['198.51.100.7', '2001:db8:ffff::7']
const STRANGE_MAC = '00:00:5e:00:53:77'
const TAG_PRESENT = 0x1000

/** Whether a packet of a trace was dropped by a flow of a chassis: it ended there, or a copy of it did. */
export const isDroppedBy = (trace: Trace, at: string, cookie: bigint): 'it' | 'a copy' | undefined => {
  const ends = trace.outcomes.some(o => o.type === 'dropped' && o.chassis === at && o.flow?.cookie === cookie)
  if (ends) return 'it'
  for (const visit of visitsOf(trace)) if (visit.chassis === at && visit.flow?.cookie === cookie) return 'a copy'
  return undefined
}

/** Packets that the flow may drop, the likeliest first; each is to be traced. */
export function* attemptsAt(model: Reader, drop: Dropping): Generator<Attempt> {
  const parties = partiesOf(model, drop)
  const plain = [...fromPorts(model, drop, parties), ...fromOutside(model, drop, parties)]
  yield* plain
  yield* strange(model, drop, parties)
  yield* atPorts(model, drop)
  const some = plain.slice(0, 12 * FEW)
  for (const flag of ['inv', 'rel'] as const)
    for (const states of [
      [['trk', flag]],
      [
        ['trk', 'new'],
        ['trk', flag],
      ],
    ] as const)
      for (const one of some.slice(0, 4 * FEW)) yield { ...one, states }
  const dead = Array.from(gatewayChassis(model), ({ id }) => id).filter(id => id !== drop.chassis)
  if (dead.length > 0) for (const one of plain) if (!dead.includes(one.chassis)) yield { ...one, dead }
}

interface Parties {
  /** Ports behind the flow, suspects first, then those of its chassis. */
  readonly mine: readonly Port[]
  /** Whom they talk to. */
  readonly others: readonly Port[]
}

const isGuest = (port: Port | undefined): port is Port => port !== undefined && !isRouterPort(port)
const isPlaced = (model: Reader) => (port: Port) => model.holder(bindings, `active ${port.id}`) !== undefined

const partiesOf = (model: Reader, { chassis: at, sources, suspects }: Dropping): Parties => {
  const local = Array.from(model.by(bindings, 'chassis', at)).flatMap(({ port }) => model.get(ports, port) ?? [])
  const asked = sources.flatMap(source => [...portsBehind(model, source).take(4 * FEW)])
  const behind = [...suspects.flatMap(id => model.get(ports, id) ?? []), ...asked].filter(isGuest)
  // What is local comes first: the flow is there.
  const isLocal = (port: Port) => model.holder(bindings, `active ${port.id}`)?.chassis === at
  const first = [...behind.filter(isLocal), ...behind.filter(port => !isLocal(port))]
  const mine = [...new Set([...first.slice(0, 2 * FEW), ...local.filter(isGuest).slice(0, FEW)])]
  const near = new Set<Port>(mine)
  for (const networkId of new Set(mine.map(port => port.networkId)))
    for (const network of [networkId, ...routedFrom(model, networkId)])
      for (const port of Array.from(model.by(ports, 'network', network))
        .filter(isGuest)
        .slice(0, FEW))
        near.add(port)
  return { mine, others: [...near] }
}

/** Networks that routers join to one. */
const routedFrom = (model: Reader, networkId: string): readonly string[] =>
  Array.from(model.by(routerPorts, 'network', networkId)).flatMap(({ routerId }) =>
    Array.from(model.by(routerPorts, 'router', routerId), port => port.networkId),
  )

/** Ports that a record has to do with. */
function* portsBehind(model: Reader, { kind, id }: Source): Generator<Port> {
  const one = function* (port: string | undefined | null) {
    const found = model.get(ports, port ?? '')
    if (found) yield found
  }
  const ofRouter = function* (routerId: string): Generator<Port> {
    for (const port of model.by(routerPorts, 'router', routerId)) yield* model.by(ports, 'network', port.networkId)
  }
  if (kind === ports.name) yield* one(id)
  else if (kind === bindings.name) yield* one(model.get(bindings, id)?.port)
  else if (kind === floatingIps.name) yield* one(model.get(floatingIps, id)?.portId)
  else if (kind === networks.name) yield* model.by(ports, 'network', id)
  else if (kind === 'attachment') yield* model.by(ports, 'network', id.split('/')[1] ?? '')
  else if (kind === routers.name) yield* ofRouter(id)
  else if (kind === routerPorts.name) yield* ofRouter(model.get(routerPorts, id)?.routerId ?? '')
  else if (kind === chassis.name) for (const { port } of model.by(bindings, 'chassis', id)) yield* one(port)
  else if (kind === policies.name) {
    for (const port of model.all(ports)) if (String(port.policy) === id) yield port
  } else if (kind === firewallGroups.name)
    for (const portId of model.get(firewallGroups, id)?.ports ?? []) {
      const port = model.get(ports, portId)
      if (port && isRouterPort(port)) yield* model.by(ports, 'network', port.networkId)
      else if (port) yield port
    }
}

/** What is made, or nothing where it cannot be. */
function* where<T>(make: () => T): Generator<T> {
  try {
    yield make()
  } catch (error) {
    if (!(error instanceof CannotTrace)) throw error
  }
}

/** Ordinary packets from and to the ports. */
function* fromPorts(model: Reader, { match }: Dropping, { mine, others }: Parties): Generator<Attempt> {
  const wanted = [match.ip_dst, match.ipv6_dst].filter(address => typeof address === 'string')
  const placed = mine.filter(isPlaced(model))
  const ends = [...others.slice(0, 3 * FEW), ...wanted, ...STRANGERS]
  for (const one of placed.slice(0, FEW))
    for (const other of ends) {
      if (other === one) continue
      for (const protocol of PROTOCOLS) {
        if (typeof other !== 'string' && isPlaced(model)(other))
          yield* where(() => packetBetween(model, other, one, protocol))
        yield* where(() => packetBetween(model, one, other, protocol))
      }
    }
}

/** Packets of hosts outside, to whatever of ours is reached from there. */
function* fromOutside(model: Reader, { chassis: at }: Dropping, { mine, others }: Parties): Generator<Attempt> {
  const gateways = mine.flatMap(({ networkId }) =>
    routedFrom(model, networkId).flatMap(id =>
      model.get(networks, id)?.external
        ? Array.from(model.by(ports, 'network', id)).flatMap(port => port.fixedIps.map(ip => ip.ipAddress))
        : [],
    ),
  )
  for (const to of [...mine.slice(0, FEW), ...new Set(gateways.slice(0, 2 * FEW)), ...others.slice(0, FEW)])
    for (const isV6 of [false, true])
      for (const inbound of where(() => inboundTo(model, to, isV6)))
        for (const entry of entriesOf(model, inbound.network)) {
          if (entry.chassis !== at && typeof to === 'string') continue
          const version = inbound.address.includes(':') ? { eth_type: 0x86dd } : { eth_type: 0x0800 }
          const ends = inbound.address.includes(':')
            ? { ipv6_src: STRANGERS[1], ipv6_dst: inbound.address }
            : { ip_src: STRANGERS[0], ip_dst: inbound.address }
          const eth = { eth_src: STRANGE_MAC, eth_dst: inbound.mac, ...version, ...ends, nw_ttl: 64 }
          for (const l4 of [{ nw_proto: 6, tcp_src: 40000, tcp_dst: 443, tcp_flags: 2 }, { nw_proto: 47 }])
            yield { ...entry, packet: { ...eth, ...l4, ...entry.packet } as Match }
          if (inbound.address.includes(':')) continue
          const ask = { arp_op: 1, arp_sha: STRANGE_MAC, arp_spa: STRANGERS[0], arp_tpa: inbound.address }
          const arp = { eth_src: STRANGE_MAC, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x0806, ...ask }
          yield { ...entry, packet: { ...arp, ...entry.packet } as Match }
        }
}

const isOfPacket = (field: string) => !/^(x{0,2}reg\d+|metadata|ct_.*|conj_id|tun_.*|tunnel_id|in_port.*)$/.test(field)

/** What a flow itself says of packets: its match, registers left out. */
export const ofPacket = (match: Match): Match =>
  Object.fromEntries(
    Object.entries(match).flatMap(([field, value]) => {
      if (!isOfPacket(field)) return []
      return [[field, typeof value === 'object' && value !== null && 'value' in value ? value.value : value]]
    }),
  ) as Match

/** What guests ought not to send, from ports of the flow's chassis. */
function* strange(model: Reader, { chassis: at, match }: Dropping, { mine, others }: Parties): Generator<Attempt> {
  for (const port of mine.filter(isPlaced(model))) {
    const { chassis: id, ofport } = placeOfPort(model, port)
    if (id !== at) continue
    const mac = port.macAddress
    const ip = port.fixedIps.find(one => !one.ipAddress.includes(':'))?.ipAddress ?? STRANGERS[0]
    const targets: (Port | string)[] = [...others.filter(other => other !== port).slice(0, 2), STRANGERS[0] as string]
    const bases: Match[] = targets.flatMap(to =>
      [PROTOCOLS[0]!, PROTOCOLS[1]!].flatMap(p => [...where(() => packetBetween(model, port, to, p).packet)]),
    )
    const v4 = {
      eth_src: mac,
      eth_dst: STRANGE_MAC,
      eth_type: 0x0800,
      nw_ttl: 64,
      nw_proto: 6,
      tcp_src: 40000,
      tcp_dst: 443,
    }
    bases.push({ ...v4, ip_src: ip, ip_dst: STRANGERS[0] } as Match)
    const v6 = { eth_src: mac, eth_dst: '33:33:00:00:00:01', eth_type: 0x86dd, nw_ttl: 255, nw_proto: 58 }
    const solicit = { ...v6, ipv6_src: 'fe80::77', ipv6_dst: 'ff02::1', icmpv6_type: 136, icmpv6_code: 0 }
    const arp = { eth_src: mac, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x0806, arp_op: 1, arp_sha: mac, arp_tpa: ip }
    const frames: Match[] = [
      ...bases.flatMap(
        base =>
          [
            { ...base, eth_src: STRANGE_MAC },
            base.eth_type === 0x86dd ? { ...base, ipv6_src: STRANGERS[1] } : { ...base, ip_src: STRANGERS[0] },
            { ...base, vlan_vid: TAG_PRESENT | 77 },
            { ...base, eth_dst: STRANGE_MAC },
            { ...base, eth_dst: 'ff:ff:ff:ff:ff:ff' },
            ...['224.0.0.9', '127.0.0.1'].map(dst => ({ ...base, ip_dst: dst })),
            withoutPorts({ ...base, nw_proto: 47 }),
            withoutPorts({ ...base, nw_proto: 2 }),
            { ...base, ...ofPacket(match) },
          ] as Match[],
      ),
      { ...arp, arp_spa: STRANGERS[0] } as Match,
      { ...solicit, nd_target: STRANGERS[1] } as Match,
      { eth_src: mac, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x88cc } as Match,
      {
        ...v6,
        ipv6_src: 'fe80::77',
        ipv6_dst: 'ff02::1',
        icmpv6_type: 134,
        icmpv6_code: 0,
        ...ofPacket(match),
      } as Match,
      { eth_src: mac, eth_dst: 'ff:ff:ff:ff:ff:ff', ...ofPacket(match) } as Match,
    ]
    for (const frame of frames) yield { chassis: at, bridge: 'br-int', packet: { ...frame, in_port: ofport } as Match }
  }
}

const withoutPorts = (match: Match): Match =>
  Object.fromEntries(Object.entries(match).filter(([field]) => !/^(tcp|udp|icmp)_/.test(field))) as Match

/** Frames that come in where no guest is: by a port of nobody, a tunnel, a physical network. */
function* atPorts(model: Reader, { chassis: at, bridge, match }: Dropping): Generator<Attempt> {
  const frame = {
    ...{ eth_src: STRANGE_MAC, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x0800, ip_src: STRANGERS[0] },
    ...{ ip_dst: '255.255.255.255', nw_proto: 17, nw_ttl: 64, udp_src: 40000, udp_dst: 53 },
  } as Match
  const given = typeof match.in_port === 'number' ? [match.in_port] : []
  const inner = [...given, PATCH_TUN, ...Object.values(model.get(chassis, at)?.providerPorts ?? {}), 0x3ffe]
  const outer = [...given, PATCH_INT, ...Object.values(TUNNEL_PORTS), 0x3ffe]
  const tags = [
    {},
    { vlan_vid: TAG_PRESENT | 4000 },
    ...(match.vlan_vid === undefined ? [] : [{ vlan_vid: match.vlan_vid }]),
  ]
  const tunnels = Array.from(model.all(chassis))
    .filter(c => c.id !== at && c.tunnelIp !== '')
    .slice(0, 2)
  const sources = [STRANGERS[0], ...tunnels.map(c => c.tunnelIp)]
  for (const in_port of bridge === 'br-int' ? inner : outer)
    for (const tag of tags)
      for (const tun_src of bridge === 'br-tun' && in_port !== PATCH_INT ? sources : [undefined]) {
        const tunnel = tun_src === undefined ? {} : { tun_src, tun_id: 0xfffffen }
        yield { chassis: at, bridge, packet: { ...frame, ...tag, ...tunnel, in_port } as Match }
      }
}
