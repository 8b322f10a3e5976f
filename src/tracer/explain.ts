// What became of a packet, in one sentence: delivered where, or dropped in which table for what reason; where security
// groups dropped it, which rule is missing.
import type { Match } from 'node-openflow/flow'
import type { Pipeline } from '#compiler'
import { type Port, policies, ports, type Reader, securityGroups } from '#model'
import { type End, isAnswer, type Reached, reachedEnd } from './between.ts'
import { firewallInWords } from './explain-firewall.ts'
import { type Journey, journeyInWords, journeyOf } from './journey.ts'
import { packetOf } from './packet.ts'
import type { Outcome, Trace } from './steps.ts'
import { describeTraffic, type MissingRule, missingRule } from './traffic.ts'

/** What the sentences are made of. */
export interface Explaining {
  readonly model: Reader
  /** The tables: which of their flows drop for which reason. */
  readonly pipeline: Pipeline
  /** The reasons, in words, by their names. */
  readonly reasons: Readonly<Record<string, string>>
  /** Named registers: where the keys of ports stand. */
  readonly registers: readonly { readonly name: string; readonly bridge: string; readonly part: string }[]
  /** What the controller does with a packet that comes with this userdata, in words. */
  readonly told?: (userdata: Uint8Array, packet: Match) => string | undefined
  /** The port or address that the packet is for, where it is for one. */
  readonly to?: End
}

/** What became of a packet. */
export interface Verdict {
  readonly sentence: string
  /** It reached the port that it is for; without such a port, any port. */
  readonly isDelivered: boolean
  /** Links between bridges that it crossed to where the sentence ends. */
  readonly hops: number
  /** Name of the reason for a drop. */
  readonly reason?: string
  /** The security group rule that would let it pass. */
  readonly rule?: MissingRule
}

type Left = Extract<Outcome, { type: 'left' }>
type Dropped = Extract<Outcome, { type: 'dropped' }>

const plural = (n: number, thing: string) => `${n} ${thing}${n === 1 ? '' : 's'}`
const list = (items: readonly string[]) =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

const SHOWN = 5

/** The sentence, and the facts in it. */
export const explain = (trace: Trace, explaining: Explaining): Verdict => {
  const { outcomes, arrivals } = trace
  const { to, model, registers } = explaining
  const journey = journeyOf(trace, registers, model)
  const way = journeyInWords(journey)
  const reached = outcomes.filter(o => o.type === 'delivered')
  const name = ({ id, interface: plugged }: (typeof reached)[number]) => portName(model, id) ?? plugged
  // What comes back where it came in is an answer: the sender does not send to itself.
  const isBack = (o: Reached) => isAnswer(arrivals[0], o)
  const answer = reached.find(isBack)
  const outside = typeof to === 'string' ? reachedEnd(trace, to).filter(o => o.type === 'left') : []
  if (outside[0]) return leftCloud(outside[0], journey)
  const wanted = reached.filter(o => o !== answer && (to === undefined || typeof to === 'string' || o.id === to.id))
  if (wanted.length > 0) {
    const shown = wanted.slice(0, SHOWN).map(o => `${name(o)} on ${o.chassis}`)
    const more = wanted.length > SHOWN ? [plural(wanted.length - SHOWN, 'other')] : []
    const hops = Math.max(...wanted.map(o => o.hops))
    return {
      sentence: `Delivered to ${list([...shown, ...more])} after ${plural(hops, 'hop')}${way && `, ${way}`}.`,
      ...{ isDelivered: true, hops },
    }
  }
  const back = answer ?? outcomes.find(o => o.type === 'left' && isBack(o))
  if (back) {
    const asker = answer ? name(answer) : 'where it came from'
    return { sentence: `Answered by the switch on ${back.chassis}, to ${asker}.`, isDelivered: true, hops: 0 }
  }
  const failure = explainFailure(trace, explaining)
  return way === '' ? failure : { ...failure, sentence: `${failure.sentence} Before that it was ${way}.` }
}

/** A packet that left to where nobody of ours is, as it was meant to. */
const leftCloud = ({ chassis, hops, ...left }: Left, journey: Journey): Verdict => {
  const by = journey.gateway === chassis ? 'gateway chassis' : 'chassis'
  const way = journeyInWords(journey)
  return {
    sentence: `Left by ${by} ${chassis}, out of the physical network ${left.network} after ${plural(hops, 'hop')}${way && `, ${way}`}.`,
    ...{ isDelivered: true, hops },
  }
}

/** Why it did not get there: the end that came furthest tells. */
const explainFailure = (trace: Trace, explaining: Explaining): Verdict => {
  const { outcomes } = trace
  const rank = (o: Outcome) => (o.type === 'dropped' ? dropRank(reasonOf(o, explaining)) : RANKS[o.type])
  const furthest = [...outcomes].sort((a, b) => rank(b) - rank(a) || b.hops - a.hops)[0]
  if (furthest === undefined) return { sentence: 'Nothing became of it.', isDelivered: false, hops: 0 }
  const { chassis, hops } = furthest
  const failed = { isDelivered: false, hops }
  switch (furthest.type) {
    case 'lost':
      return { ...failed, sentence: `Lost on ${chassis}: ${furthest.reason}.` }
    case 'left':
      return {
        ...failed,
        sentence: `Left ${chassis} to the physical network ${furthest.network}${explaining.to ? ', where no port of ours got it' : ''}.`,
      }
    case 'controller': {
      const told = furthest.userdata && explaining.told?.(furthest.userdata, furthest.packet)
      const firewall = FIREWALL_VERDICT.test(furthest.name) && firewallInWords(trace, chassis, explaining.model)
      const why = told && firewall ? `${firewall}; ${told}` : told
      return {
        ...failed,
        sentence: `Handed to the controller by table ${furthest.name} on ${chassis}${why === undefined ? '' : `: ${why}`}.`,
      }
    }
    case 'delivered':
      return {
        ...failed,
        sentence: `Delivered to ${portName(explaining.model, furthest.id) ?? furthest.interface} on ${chassis}, not where it was meant to go.`,
      }
    case 'dropped':
      return { ...failed, ...explainDrop(trace, furthest, explaining) }
  }
}

/** Tables in which firewalls hand what they reject to the controller. */
const FIREWALL_VERDICT = /_firewall_verdict$/

/** Which of several ends tells most; a drop, by its reason. */
const RANKS = { delivered: 5, lost: 4, controller: 3, left: 2 } as const
/** Why copies are dropped that nobody waits for. */
const COPIES = ['not_returned', 'own_copy', 'no_member']
/** A flow without reason only leads back. */
const dropRank = (reason: string | undefined) => (reason === undefined ? 0 : COPIES.includes(reason) ? 1 : 3)

/** Why a flow drops, by name; undefined where its table does not say. */
const reasonOf = (drop: Dropped, { pipeline }: Explaining): string | undefined => {
  const table = pipeline.tables.find(t => t.bridge === drop.bridge && t.number === drop.table)
  return drop.flow && table?.drops.get(drop.flow.priority)
}

const explainDrop = (
  trace: Trace,
  drop: Dropped,
  explaining: Explaining,
): Pick<Verdict, 'sentence' | 'reason' | 'rule'> => {
  const { reasons } = explaining
  const at = `Dropped at table ${drop.name} on ${drop.chassis}`
  if (drop.flow === undefined) return { sentence: `${at}: no flow there matches it.` }
  const reason = reasonOf(drop, explaining)
  if (reason === undefined) return { sentence: `${at}: the flow that it met has no further action.` }
  const judged =
    reason === 'no_egress_rule' ? 'source_port' : reason === 'no_ingress_rule' ? 'destination_port' : undefined
  const port = judged && portInRegister(drop, judged, explaining)
  if (port) return { reason, ...explainJudgement(at, drop, port, explaining) }
  const firewall = FIREWALLS.includes(reason) ? firewallInWords(trace, drop.chassis, explaining.model) : undefined
  if (firewall !== undefined) return { reason, sentence: `${at}: ${firewall}.` }
  const sender = portInRegister(drop, 'source_port', explaining)
  const by = sender ? ` (sent by ${sender.name || sender.id})` : ''
  const pair = sender && SPOOFED.includes(reason) ? pairFor(drop) : ''
  return { reason, sentence: `${at}: ${reasons[reason] ?? reason}${by}${pair}.` }
}

/** Drops by firewall groups. */
const FIREWALLS = ['egress_firewall', 'router_firewall', 'ingress_firewall']

/** Drops that an allowed address pair would prevent. */
const SPOOFED = ['spoofed_mac', 'spoofed_address', 'spoofed_neighbor']

/** The allowed address pair that is missing. */
const pairFor = ({ packet }: Dropped): string => {
  const address = packet.nd_target ?? packet.ip_src ?? packet.ipv6_src ?? packet.arp_spa
  return typeof address === 'string' && typeof packet.eth_src === 'string'
    ? `; an allowed address pair of it would let it pass: ${address} with ${packet.eth_src}`
    : ''
}

/** Which groups did not allow it, and the one rule that would. */
const explainJudgement = (at: string, drop: Dropped, port: Port, { model, registers }: Explaining) => {
  const packet = packetOf(drop.packet)
  const part = registers.find(r => r.name === 'direction' && r.bridge === drop.bridge)?.part
  const isIngress = part === undefined ? false : packet.bits(part) === 1n
  const traffic = describeTraffic(packet, isIngress, model, port)
  const groups = [...(model.get(policies, String(port.policy))?.groups ?? port.securityGroups)].map(
    id => model.get(securityGroups, id)?.name || id,
  )
  const name = port.name || port.id
  if (groups.length === 0)
    return {
      sentence: `${at} because port ${name} has no security group, so it ${isIngress ? 'receives' : 'sends'} nothing.`,
    }
  const whose = `${groups.length === 1 ? 'security group' : 'security groups'} ${list(groups)} of port ${name}`
  const rule = missingRule(packet, isIngress)
  return {
    sentence: `${at} because no rule of ${whose} allows ${traffic}${rule ? `; one would: ${rule.text} in ${groups[0]}` : ', and no rule can'}.`,
    ...(rule ? { rule } : {}),
  }
}

const portInRegister = (drop: Dropped, register: string, { model, registers }: Explaining): Port | undefined => {
  const part = registers.find(r => r.name === register && r.bridge === drop.bridge)?.part
  const key = part === undefined ? 0n : packetOf(drop.packet).bits(part)
  return key === 0n ? undefined : model.holder(ports, `key ${key}`)
}

const portName = (model: Reader, id: string | undefined): string | undefined => {
  const port = id === undefined ? undefined : model.get(ports, id)
  return port && (port.name || port.id)
}
