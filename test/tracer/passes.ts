// Whether the tracer and ofproto/trace saw the same: tables and flows in order, outputs, and the fields at the end.
import { type Match, printMatch } from 'node-openflow/flow'
import { expect } from 'vitest'
import { type Arrival, effectsOf, type Trace } from '#tracer'
import { patternOf } from '#tracer/packet'
import type { Pass } from './ofproto-trace.ts'

/** A packet as ofproto/trace takes it, which knows tp_src of TCP alone, and icmp_type of IPv4. */
export const exactFlow = (packet: Match) => {
  const ports = packet.nw_proto === 17 ? 'udp' : 'tp'
  const icmp = packet.nw_proto === 58 ? 'icmpv6' : 'icmp'
  return printMatch(packet)
    .replaceAll(/\btp_(src|dst)/g, `${ports}_$1`)
    .replaceAll(/\bicmp_(type|code)/g, `${icmp}_$1`)
}

const cookie = (value: bigint | undefined) => (value === undefined ? '' : `0x${value.toString(16)}`)

/** A trace in the terms of the switch's. */
const passOf = (arrival: Arrival): Pick<Pass, 'visited' | 'outputs' | 'controllers'> => {
  const visited: string[] = []
  const outputs: string[] = []
  let controllers = 0
  const walk = ({ visit }: Arrival) => {
    visited.push(`${visit.table} ${cookie(visit.flow?.cookie)}`)
    for (const [, effect] of effectsOf(visit)) {
      if (effect.type === 'goto' || effect.type === 'resubmit')
        visited.push(`${effect.visit.table} ${cookie(effect.visit.flow?.cookie)}`)
      else if (effect.type === 'controller') controllers++
      else if (effect.type === 'output' && effect.arrival) walk(effect.arrival)
      else if (effect.type === 'output') {
        const tag = Number(effect.packet.vlan_vid ?? 0)
        outputs.push(`${effect.place.bridge} ${effect.place.port}${tag ? ` vlan ${tag & 0xfff}` : ''}`)
      }
    }
  }
  walk(arrival)
  return { visited, outputs, controllers }
}

const withoutTuple = (match: Match): Match =>
  Object.fromEntries(Object.entries(match).filter(([name]) => !/^ct_(nw|tp|ipv6)_/.test(name)))

/**
 * The words of a packet that are not 0. Of tun_id the switch says nothing unless the packet came by a tunnel; of neighbour
 * discovery it also tells the option that the packet does not have.
 */
const wordsOf = ({ tun_id: _, nd_sll, nd_tll, ...given }: Match) => {
  const rest = given.ct_state === undefined ? withoutTuple(given) : given
  const option = rest.icmpv6_type === 136 ? { nd_tll } : { nd_sll }
  const { words, values } = patternOf({ ...rest, ...option } as Match)
  return Object.fromEntries(words.map((word, i) => [word, values[i]]).filter(([, value]) => value !== 0))
}

/**
 * Compares a trace with the passes of the switch; `text` says what was traced. `alike` gives one name to visits that stand for
 * one another: of several flows of one priority that match, the switch takes any.
 */
export const expectSame = (
  text: string,
  passes: readonly Pass[],
  traced: Trace,
  alike: (visit: string) => string = visit => visit,
): void => {
  const named = ({ visited, outputs, controllers }: ReturnType<typeof passOf>) => ({
    visited: visited.map(alike),
    ...{ outputs, controllers },
  })
  expect(
    traced.arrivals.map(arrival => named(passOf(arrival))),
    text,
  ).toEqual(passes.map(named))
  for (const [i, { final }] of passes.entries()) {
    const { packet, finally: end } = traced.arrivals[i] as Arrival
    expect(wordsOf(end), text).toEqual(wordsOf(final ?? packet))
  }
}
