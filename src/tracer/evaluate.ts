// Carries a packet through the tables of one bridge, and over patch ports through those of others of its chassis, as
// Open vSwitch does (ofproto/ofproto-dpif-xlate.c). What goes on later, by tunnel or after connection tracking, is
// handed back.
import {
  type Action,
  type ActionOf,
  ALL,
  type Bucket,
  CONTROLLER,
  FLOOD,
  IN_PORT,
  LOCAL,
  NONE,
  printAction,
  type Subfield,
} from 'node-openflow/flow'
import { type ConnectionTracker, CT_STATE, ctFlags, untrack } from './conntrack.ts'
import { describePacket, hasField } from './describe-packet.ts'
import { UnknownField } from './layout.ts'
import { canLearn, learnedFlow, widePort } from './learn.ts'
import { type Packet, TAG_PRESENT } from './packet.ts'
import { integer, load, setters } from './set-actions.ts'
import type { Arrival, Effect, Translation, Visit } from './steps.ts'
import type { PortPlace, Tables, World } from './world.ts'

/** Levels of tables entered from within, and look-ups of one packet, beyond which Open vSwitch gives a packet up. */
const MAX_DEPTH = 64
const MAX_LOOKUPS = 4096

/** What one run through the tables leaves to be done. */
export interface Onward {
  readonly by: 'tunnel' | 'physical' | 'ct'
  /** Where: for ct, the bridge that resumes. */
  readonly place: PortPlace
  readonly packet: Packet
  readonly table: number
  readonly hops: number
}

/** One run: all that Open vSwitch does before the packet is on the wire, or tracked. */
export interface Run {
  readonly arrival: Arrival
  readonly onward: readonly Onward[]
  /** Why all of it came to nothing, in words. */
  readonly failure: string | undefined
}

/** Where a run starts. */
export interface Start {
  readonly by: Arrival['by']
  readonly place: PortPlace
  readonly table: number
  readonly hops: number
}

/** Where a packet is in a run. */
interface At {
  readonly chassis: string
  readonly bridge: string
  readonly hops: number
}

/** Runs a packet from its start. The packet is used up. Undefined where there is no such bridge. */
export const run = (world: World, tracker: ConnectionTracker, start: Start, packet: Packet): Run | undefined => {
  const evaluation = new Evaluation(world, tracker)
  const arrival = evaluation.arrive(start, packet)
  return arrival && { arrival, onward: evaluation.onward, failure: evaluation.failure }
}

class Evaluation {
  readonly onward: Onward[] = []
  failure: string | undefined
  private readonly world: World
  private readonly tracker: ConnectionTracker
  private depth = 0
  private lookups = 0
  private hasExited = false
  private readonly known = new Map<string, Tables | undefined>()

  constructor(world: World, tracker: ConnectionTracker) {
    this.world = world
    this.tracker = tracker
  }

  /** The flows of a bridge; one run stays on one chassis. */
  private tables({ chassis, bridge }: { readonly chassis: string; readonly bridge: string }): Tables | undefined {
    if (!this.known.has(bridge)) this.known.set(bridge, this.world.tables(chassis, bridge))
    return this.known.get(bridge)
  }

  arrive({ by, place, table, hops }: Start, packet: Packet): Arrival | undefined {
    if (this.tables(place) === undefined) return undefined
    packet.set('in_port', place.port)
    const before = describePacket(packet)
    const visit = this.visit({ chassis: place.chassis, bridge: place.bridge, hops }, packet, table)
    return { by, place, hops, packet: before, visit, finally: describePacket(packet) }
  }

  /** Looks a packet up in a table and carries out what the flow says. */
  private visit(at: At, packet: Packet, table: number, port?: number): Visit {
    const inPort = packet.number('in_port')
    if (port !== undefined) packet.set('in_port', port)
    const flow = this.tables(at)?.find(table, packet, -1)
    packet.set('in_port', inPort)
    const effects: Effect[] = []
    const visit: Visit = {
      ...{ chassis: at.chassis, bridge: at.bridge, table, name: this.world.tableName(at.bridge, table) },
      ...{ flow, effects },
    }
    this.lookups++
    if (flow) this.perform(at, packet, flow.actions, visit)
    return visit
  }

  /** The same from within a table; too deep or too often, and the whole run fails. */
  private enter(at: At, packet: Packet, from: number, table: number, port?: number): Visit | undefined {
    if (this.depth >= MAX_DEPTH) return this.fail(`more than ${MAX_DEPTH} tables lead into one another`)
    if (this.lookups > MAX_LOOKUPS) return this.fail(`it was looked up in more than ${MAX_LOOKUPS} tables`)
    const deepens = table <= from ? 1 : 0
    this.depth += deepens
    const visit = this.visit(at, packet, table, port)
    this.depth -= deepens
    return visit
  }

  private fail(reason: string): undefined {
    this.failure = reason
    this.hasExited = true
    return undefined
  }

  private perform(at: At, packet: Packet, actions: readonly Action[], visit: Visit): void {
    for (const action of actions) {
      if (this.hasExited) return
      try {
        if (this.one(at, packet, action, visit) === 'stop') return
      } catch (error) {
        if (!(error instanceof UnknownField)) throw error
        note(visit, error.message)
      }
    }
  }

  /** One action; `stop` ends the list that it stands in. */
  private one(at: At, packet: Packet, action: Action, visit: Visit): 'stop' | undefined {
    const { effects } = visit
    const setter = setters[action.type]
    if (setter) {
      effects.push(...setter(packet, action as never))
      return undefined
    }
    switch (action.type) {
      case 'goto_table':
      case 'resubmit': {
        const isGoto = action.type === 'goto_table'
        const port = isGoto ? undefined : action.port
        const next = this.enter(at, packet, visit.table, action.table ?? visit.table, port)
        if (next) effects.push({ type: isGoto ? 'goto' : 'resubmit', visit: next })
        return undefined
      }
      case 'output':
      case 'output_trunc':
      case 'enqueue':
        this.output(at, packet, action.port, visit)
        return undefined
      case 'controller':
        tell(packet, visit, action.userdata)
        return undefined
      case 'dec_ttl': {
        const ttl = packet.number('nw_ttl')
        if (!hasField(packet, 'nw_ttl')) return undefined
        if (ttl > 1) {
          packet.set('nw_ttl', ttl - 1)
          effects.push({ type: 'set', field: 'nw_ttl', before: ttl, value: ttl - 1 })
          return undefined
        }
        note(visit, 'its TTL is used up')
        tell(packet, visit)
        return 'stop'
      }
      case 'ct':
        this.track(at, packet, action, visit)
        return undefined
      case 'ct_clear':
        if ((packet.number('ct_state') & CT_STATE.trk) !== 0) untrack(packet)
        return undefined
      case 'learn':
        if (canLearn(packet, action)) effects.push({ type: 'learn', flow: learnedFlow(packet, action) })
        return undefined
      case 'check_pkt_larger':
        effects.push(...load(packet, action.dst, (packet.size ?? 0) > action.length ? 1n : 0n))
        return undefined
      case 'bundle':
        this.bundle(at, packet, action, visit)
        return undefined
      case 'clone':
        this.perform(at, packet.copy(), action.actions, visit)
        this.hasExited = this.failure !== undefined
        return undefined
      case 'group':
        this.group(at, packet, action.group, visit)
        return undefined
      case 'exit':
        this.hasExited = true
        return undefined
      case 'note':
      case 'meter':
      case 'set_queue':
      case 'pop_queue':
      case 'sample':
      case 'fin_timeout':
        return undefined
      default:
        note(visit, `the tracer does not follow ${printAction(action)}`)
        return undefined
    }
  }

  private output(at: At, packet: Packet, to: number | Subfield, visit: Visit): void {
    const port = typeof to === 'number' ? to : widePort(Number(packet.bits(to)))
    const inPort = packet.number('in_port')
    const { chassis, bridge } = at
    if (port === IN_PORT) this.send(at, packet, inPort, visit)
    else if (port === CONTROLLER) tell(packet, visit)
    else if (port === FLOOD || port === ALL) {
      for (const each of this.world.ports(chassis, bridge)) if (each !== inPort) this.send(at, packet, each, visit)
    } else if (port > 0xffff && port !== LOCAL) note(visit, `there is no output to port ${port}`)
    else if ((port & 0xffff) === inPort) note(visit, `it came in by port ${inPort}, and does not go back there`)
    else this.send(at, packet, port & 0xffff, visit)
  }

  /** A copy of the packet leaves by a port. */
  private send(at: At, packet: Packet, port: number, visit: Visit): void {
    const { chassis, bridge } = at
    const place = { chassis, bridge, port }
    const link = this.world.link(place)
    if (link === undefined) {
      note(visit, `there is no port ${port} on ${bridge}`)
      return
    }
    const output = { type: 'output', place, link, packet: describePacket(packet) } as const
    const copy = packet.copy()
    const hops = at.hops + 1
    if (link.type === 'patch') {
      const peer = { chassis, bridge: link.bridge, port: link.port }
      const arrival = this.arrive({ by: 'patch', place: peer, table: 0, hops }, onLink(copy))
      this.hasExited = this.failure !== undefined
      visit.effects.push(arrival ? { ...output, arrival } : output)
      return
    }
    if (link.type === 'tunnel') {
      const isV6 = copy.get('tun_dst') === 0n
      const vtep = copy.value(isV6 ? 'tun_ipv6_dst' : 'tun_dst')
      const end = this.world.tunnelEnd(place, String(vtep))
      if (end === undefined) {
        visit.effects.push({ ...output, nowhere: `no chassis has the VTEP address ${vtep}` })
        return
      }
      if (this.world.isDead?.(end.chassis)) {
        visit.effects.push({ ...output, nowhere: `chassis ${end.chassis} is dead` })
        return
      }
      const id = copy.get('tun_id')
      onLink(copy).set('tun_id', id)
      copy.set(isV6 ? 'tun_ipv6_dst' : 'tun_dst', integer(isV6 ? 'tun_ipv6_dst' : 'tun_dst', vtep))
      copy.set(isV6 ? 'tun_ipv6_src' : 'tun_src', integer(isV6 ? 'tun_ipv6_src' : 'tun_src', end.source))
      copy.clear('pkt_mark')
      visit.effects.push(output)
      const { source: _, ...to } = end
      this.onward.push({ by: 'tunnel', place: to, packet: copy, table: 0, hops })
      return
    }
    visit.effects.push(output)
    if (link.type === 'physical') {
      const tag = copy.number('vlan_vid')
      const vlan = tag & TAG_PRESENT ? tag & 0xfff : 0
      onLink(copy).clear('pkt_mark')
      const mac = String(copy.value('eth_dst'))
      for (const to of this.world.physicalEnds(chassis, link.network, { vlan, mac })) {
        this.onward.push({ by: 'physical', place: to, packet: copy.copy(), table: 0, hops })
      }
    }
  }

  private track(at: At, packet: Packet, action: ActionOf<'ct'>, visit: Visit): void {
    const { chassis, bridge, hops } = at
    const { zone: given = 0, commit = false, actions = [] } = action
    const zone = typeof given === 'number' ? given : Number(packet.bits(given)) & 0xffff
    const tracked = packet.copy()
    const inside: Visit = { ...visit, effects: [] }
    this.tracker.track(tracked, {
      ...{ chassis, zone, action },
      exec: p =>
        this.perform(
          at,
          p,
          actions.filter(a => a.type !== 'nat'),
          inside,
        ),
    })
    const state = ctFlags(tracked.number('ct_state'))
    const translated = translations(packet, tracked)
    const resumes = action.table !== undefined
    visit.effects.push({ type: 'ct', zone, commit, state, resumes, translated }, ...inside.effects)
    if (action.table !== undefined) {
      const place = { chassis, bridge, port: packet.number('in_port') }
      this.onward.push({ by: 'ct', place, packet: tracked, table: action.table, hops })
    }
    // What goes on here is no longer tracked: ct_* is there only where the packet resumes.
    untrack(packet)
  }

  /** Takes the first port that is there; a hash over several is not known, and the first stands for all. */
  private bundle(at: At, packet: Packet, action: ActionOf<'bundle'>, visit: Visit): void {
    if (action.algorithm !== 'active_backup') note(visit, 'of the ports to choose from the first live one is followed')
    const { chassis, bridge } = at
    const isLive = (port: number) => this.world.isLive({ chassis, bridge, port })
    const port = action.members.find(isLive) ?? NONE
    if (action.dst !== undefined) visit.effects.push(...load(packet, action.dst, BigInt(port & 0xffff)))
    else if (port !== NONE) this.send(at, packet, port, visit)
  }

  private group(at: At, packet: Packet, id: number, visit: Visit): void {
    const group = this.world.group?.(at.chassis, at.bridge, id)
    if (group === undefined) {
      note(visit, `group ${id} is not known`)
      return
    }
    const { groupType: type, buckets } = group
    if (type === 'select' || type === 'ff') note(visit, `of group ${id} (${type}) the first bucket is followed`)
    const taken: readonly Bucket[] = type === 'all' ? buckets : buckets.slice(0, 1)
    for (const bucket of taken) this.perform(at, packet.copy(), bucket.actions, visit)
  }
}

const tell = (packet: Packet, visit: Visit, userdata?: Uint8Array) =>
  void visit.effects.push({
    ...{ type: 'controller', packet: describePacket(packet) },
    ...(userdata ? { userdata } : {}),
  })

const note = (visit: Visit, text: string) => void visit.effects.push({ type: 'note', text })

/** What NAT changed of a packet. */
const translations = (before: Packet, after: Packet): readonly Translation[] =>
  (['src', 'dst'] as const).flatMap(end => {
    const [was, is] = [before, after].map(packet => endOf(packet, end)) as [string, string]
    return was === is ? [] : [{ end: end === 'src' ? 'source' : 'destination', before: was, after: is }]
  })

/** Address and port of one end of a packet. */
const endOf = (packet: Packet, end: 'src' | 'dst'): string => {
  const isV6 = hasField(packet, 'ipv6_src')
  if (!isV6 && !hasField(packet, 'ip_src')) return ''
  const address = String(packet.value(`${isV6 ? 'ipv6' : 'ip'}_${end}`))
  const hasPorts = ['tcp_src', 'udp_src', 'sctp_src'].some(field => hasField(packet, field))
  return hasPorts ? `${isV6 ? `[${address}]` : address}:${packet.number(`tcp_${end}`)}` : address
}

const REGISTERS = Array.from({ length: 16 }, (_, i) => `reg${i}`)

/** A packet on a link: the frame with its tags is all that crosses. */
const onLink = (packet: Packet): Packet => {
  packet.clear(...REGISTERS, 'metadata', 'tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_flags')
  untrack(packet)
  return packet
}
