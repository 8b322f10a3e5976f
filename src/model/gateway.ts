// Which chassis may be the gateway of a router. Pure: every part of the controller that asks gets the same answer, and so
// does every switch, which picks the first of them that lives.
import { type Chassis, chassis, isProgrammed } from './chassis.ts'
import type { Segment } from './network.ts'
import { segmentAt } from './reach.ts'
import type { Reader } from './transaction.ts'

/** A gateway has so many chassis at most: one that is active, the others stand by. */
export const MAX_CANDIDATES = 5

/** What of a chassis counts when gateways are chosen. */
export type GatewayChassis = Pick<
  Chassis,
  | 'id'
  | 'key'
  | 'gatewayPriority'
  | 'admission'
  | 'refused'
  | 'tunnelIp'
  | 'tunnelTypes'
  | 'providerPorts'
  | 'providerDown'
  | 'crowded'
>

/** The chassis that offer themselves as gateways, whether they can be or not. */
export const gatewayChassis = (reader: Pick<Reader, 'by'>): Iterable<Chassis> => reader.by(chassis, 'gateway', '')

/**
 * The chassis that may be the gateway of a router, best first, `MAX_CANDIDATES` at most: those of `among` that are
 * programmed, offer themselves (`gatewayPriority`), and reach the external network, which has these segments, by a link
 * that is up. A chassis that is being drained comes after the others; then the higher priority counts, and among equals a
 * hash, so that routers spread over them and few move when one comes or goes. Without a VTEP a chassis is reached by no
 * other: such a one is the gateway only where no other can be.
 */
export const gatewayCandidates = (
  among: Iterable<GatewayChassis>,
  segments: readonly Segment[],
  routerKey: number,
): readonly string[] => {
  const able = Array.from(among)
    .filter(c => isGateway(c, segments))
    .map(c => ({ c, order: [Number(c.admission === 'draining'), -c.gatewayPriority, mix(routerKey, c.key), c.key] }))
    .sort((a, b) => compare(a.order, b.order))
    .map(({ c }) => c)
  const reachable = able.filter(c => c.tunnelIp !== '').slice(0, MAX_CANDIDATES)
  return (reachable.length > 0 ? reachable : able.slice(0, 1)).map(c => c.id)
}

const isGateway = (c: GatewayChassis, segments: readonly Segment[]): boolean => {
  if (c.gatewayPriority <= 0 || c.crowded || !isProgrammed(c)) return false
  const segment = segmentAt(segments, c)
  return segment !== undefined && !c.providerDown.includes(segment.physicalNetwork ?? '')
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  const at = a.findIndex((part, i) => part !== b[i])
  return at < 0 ? 0 : a[at]! - b[at]!
}

/** A hash of two numbers: that of a router and a chassis is the chassis' rank (rendezvous hashing). */
const mix = (a: number, b: number): number => {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}
