// Connection tracking as the tracer has it: either the states that somebody gives, one for each ct(), as ofproto/trace
// takes them; or a small table of connections that is kept over the packets of one trace, so that a reply is one.
import { type ActionOf, type AnyValue, fieldOf, integerOf, type Nat } from 'node-openflow/flow'
import { hasField } from './describe-packet.ts'
import type { Packet } from './packet.ts'

/** Bits of ct_state (ovs-fields(7)). */
export const CT_STATE = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32, snat: 64, dnat: 128 } as const

/** A word of ct_state. */
export type CtFlag = keyof typeof CT_STATE

/** Whether a word is one. */
export const isCtFlag = (word: string): word is CtFlag => word in CT_STATE

/** The words of a ct_state. */
export const ctFlags = (state: number): readonly CtFlag[] =>
  (Object.keys(CT_STATE) as CtFlag[]).filter(flag => (state & CT_STATE[flag]) !== 0)

/** One ct(). */
export interface Tracking {
  readonly chassis: string
  readonly zone: number
  readonly action: ActionOf<'ct'>
  /** Carries out what stands in exec(…): it writes ct_mark and ct_label of the packet. */
  exec(packet: Packet): void
}

/** What ct() asks: it writes the ct_* fields into the packet, and translates its addresses where NAT is. */
export interface ConnectionTracker {
  track(packet: Packet, tracking: Tracking): void
}

const FIELDS = ['ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst']
const ADDRESSES = ['ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst']

/** Makes a packet one that was never tracked. */
export const untrack = (packet: Packet): void => packet.clear(...FIELDS, ...ADDRESSES)

/**
 * States as given, one each time that a packet goes on after ct(), then trk and new, as ofproto/trace takes them; the rest
 * of ct_* stays as the packet has it. Where ct() says what to translate an address to, the packet gets it.
 */
export const givenStates = (states: readonly (readonly CtFlag[])[] = []): ConnectionTracker => {
  let next = 0
  return {
    track: (packet, { zone, action, exec }) => {
      exec(packet)
      packet.set('ct_zone', zone)
      if (action.table === undefined) return
      const nat = action.actions?.find(a => a.type === 'nat')
      if (nat) give(packet, translated(tupleOf(packet), nat))
      const flags = states[next++] ?? ['trk', 'new']
      packet.set(
        'ct_state',
        flags.reduce((state, flag) => state | CT_STATE[flag], 0),
      )
    },
  }
}

/** Two ends of a connection as one of them sends. Addresses are integers; of ICMP the ports are type and code. */
interface Tuple {
  readonly proto: number
  readonly isV6: boolean
  readonly src: bigint
  readonly dst: bigint
  readonly srcPort: number
  readonly dstPort: number
}

interface Connection {
  readonly zone: string
  readonly original: Tuple
  /** What its replies bear: the original the other way round, after NAT. */
  readonly reply: Tuple
  mark: bigint
  label: bigint
  hasReply: boolean
}

const ICMP = 1
const TCP = 6
const UDP = 17
const ICMP6 = 58
const SCTP = 132
// Requests and the types that answer them (RFC 792, RFC 4443).
const ECHO: readonly (readonly [proto: number, request: number, reply: number])[] = [
  [ICMP, 8, 0],
  [ICMP, 13, 14],
  [ICMP, 15, 16],
  [ICMP6, 128, 129],
]
const ERRORS: { readonly [proto: number]: readonly number[] } = { [ICMP]: [3, 4, 5, 11, 12], [ICMP6]: [1, 2, 3, 4] }
const IPV6 = 0x86dd

const FIN = 1
const SYN = 2
const RST = 4
const ACK = 16

const tupleOf = (packet: Packet): Tuple => {
  const isV6 = packet.number('eth_type') === IPV6
  const family = isV6 ? 'ipv6' : 'ip'
  const [src, dst] = [packet.get(`${family}_src`), packet.get(`${family}_dst`)]
  const [srcPort, dstPort] = [packet.number('tcp_src'), packet.number('tcp_dst')]
  return { proto: packet.number('nw_proto'), isV6, src, dst, srcPort, dstPort }
}

const turn = (tuple: Tuple): Tuple => {
  const { proto, src, dst, srcPort, dstPort } = tuple
  if (proto !== ICMP && proto !== ICMP6) return { ...tuple, src: dst, dst: src, srcPort: dstPort, dstPort: srcPort }
  const pair = ECHO.find(([p, request, reply]) => p === proto && (srcPort === request || srcPort === reply))
  const type = pair ? pair[1] + pair[2] - srcPort : srcPort
  return { ...tuple, src: dst, dst: src, srcPort: type }
}

const keyOf = (zone: string, t: Tuple) => `${zone} ${t.proto} ${t.src} ${t.dst} ${t.srcPort} ${t.dstPort}`

/** Whether a packet can be the first of a connection (Open vSwitch's conntrack-tcp.c and conntrack-icmp.c). */
const canBegin = (packet: Packet, { proto, srcPort }: Tuple): boolean => {
  if (proto === ICMP || proto === ICMP6) return ECHO.some(([p, request]) => p === proto && request === srcPort)
  if (proto !== TCP || !hasField(packet, 'tcp_flags')) return true
  const flags = packet.number('tcp_flags')
  if ((flags & SYN) !== 0) return (flags & (FIN | RST | ACK)) === 0
  return (flags & (ACK | RST)) !== 0
}

/** Connections, on all chassis, from the first ct(commit) on. */
export class Connections implements ConnectionTracker {
  private readonly originals = new Map<string, Connection>()
  private readonly replies = new Map<string, Connection>()

  track(packet: Packet, { chassis, zone: number, action, exec }: Tracking): void {
    const zone = `${chassis} ${number}`
    const tuple = tupleOf(packet)
    packet.set('ct_zone', number)
    const related = this.related(zone, tuple)
    if (related) {
      fill(packet, related.connection, CT_STATE.rel | (related.isReply ? CT_STATE.rpl : 0))
      return
    }
    let [connection, isReply] = this.find(zone, tuple)
    if (connection && isReply && action.force) {
      this.remove(connection)
      connection = undefined
      isReply = false
    }
    const nat = action.actions?.find(a => a.type === 'nat')
    if (connection === undefined) {
      untrack(packet)
      packet.set('ct_zone', number)
      if (!canBegin(packet, tuple)) {
        packet.set('ct_state', CT_STATE.trk | CT_STATE.inv)
        return
      }
      const begun: Connection = {
        ...{ zone, original: tuple, reply: turn(translated(tuple, nat)) },
        ...{ mark: 0n, label: 0n, hasReply: false },
      }
      fill(packet, begun, CT_STATE.new)
      if (!action.commit) return
      this.originals.set(keyOf(zone, begun.original), begun)
      this.replies.set(keyOf(zone, begun.reply), begun)
      commit(packet, begun, exec)
      if (nat) translate(packet, begun, false)
      return
    }
    if (isReply) connection.hasReply = true
    fill(packet, connection, isReply ? CT_STATE.est | CT_STATE.rpl : connection.hasReply ? CT_STATE.est : CT_STATE.new)
    if (action.commit) commit(packet, connection, exec)
    if (nat) translate(packet, connection, isReply)
  }

  private find(zone: string, tuple: Tuple): [Connection | undefined, boolean] {
    const key = keyOf(zone, tuple)
    const own = this.originals.get(key)
    if (own) return [own, false]
    const replied = this.replies.get(key)
    return [replied, replied !== undefined]
  }

  /** What an ICMP error is about: the tracer does not see inside, and takes the latest connection of its receiver. */
  private related(zone: string, { proto, srcPort, dst }: Tuple) {
    if (!ERRORS[proto]?.includes(srcPort)) return undefined
    const connection = [...this.originals.values()].findLast(
      c => c.zone === zone && (c.original.src === dst || c.reply.src === dst),
    )
    return connection && { connection, isReply: connection.original.src === dst }
  }

  private remove({ zone, original, reply }: Connection): void {
    this.originals.delete(keyOf(zone, original))
    this.replies.delete(keyOf(zone, reply))
  }
}

const fill = (packet: Packet, { original, mark, label }: Connection, state: number) => {
  packet.set('ct_state', CT_STATE.trk | state)
  packet.set('ct_mark', mark)
  packet.set('ct_label', label)
  packet.clear(...ADDRESSES)
  packet.set('ct_nw_proto', original.proto)
  packet.set(original.isV6 ? 'ct_ipv6_src' : 'ct_nw_src', original.src)
  packet.set(original.isV6 ? 'ct_ipv6_dst' : 'ct_nw_dst', original.dst)
  packet.set('ct_tp_src', original.srcPort)
  packet.set('ct_tp_dst', original.dstPort)
}

const commit = (packet: Packet, connection: Connection, exec: Tracking['exec']) => {
  exec(packet)
  connection.mark = packet.get('ct_mark')
  connection.label = packet.get('ct_label')
}

const asInteger = (address: string): bigint => {
  const value: AnyValue = address
  return integerOf(fieldOf(address.includes(':') ? 'ipv6_src' : 'ip_src'), value)
}

const hasPorts = (proto: number) => proto === TCP || proto === UDP || proto === SCTP

/** A connection's original tuple after NAT; of a range the first address and port are taken. */
const translated = (tuple: Tuple, nat: Nat | undefined): Tuple => {
  if (nat?.direction === undefined) return tuple
  const [end, port] = nat.direction === 'src' ? (['src', 'srcPort'] as const) : (['dst', 'dstPort'] as const)
  return {
    ...tuple,
    ...(nat.addressMin === undefined ? {} : { [end]: asInteger(nat.addressMin) }),
    ...(nat.portMin === undefined || !hasPorts(tuple.proto) ? {} : { [port]: nat.portMin }),
  }
}

const give = (packet: Packet, { isV6, proto, src, dst, srcPort, dstPort }: Tuple) => {
  const family = isV6 ? 'ipv6' : 'ip'
  packet.set(`${family}_src`, src)
  packet.set(`${family}_dst`, dst)
  if (!hasPorts(proto)) return
  packet.set('tcp_src', srcPort)
  packet.set('tcp_dst', dstPort)
}

/** Gives a packet the addresses that its connection has on the other side of NAT. */
const translate = (packet: Packet, { original, reply }: Connection, isReply: boolean) => {
  const before = tupleOf(packet)
  const after = turn(isReply ? original : reply)
  give(packet, after)
  const changes = (end: 'src' | 'dst') => before[end] !== after[end] || before[`${end}Port`] !== after[`${end}Port`]
  const nat = (changes('src') ? CT_STATE.snat : 0) | (changes('dst') ? CT_STATE.dnat : 0)
  packet.set('ct_state', packet.number('ct_state') | nat)
}
