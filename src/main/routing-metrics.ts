// Figures of what the controller does for routers, for Prometheus, read when they are asked for.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Routing } from './routing.ts'

/** Adds them to a registry. */
export const addRoutingMetrics = (
  registry: Registry,
  { errors, questions, nextHops, known, announcements, virtual }: Omit<Routing, 'close'>,
): void => {
  const registers = [registry]
  /** A counter that is kept elsewhere: by the value of its label, or one without. */
  const counter = (name: string, help: string, label: string, values: () => Iterable<readonly [string, number]>) =>
    new Counter({
      ...{ name, help, registers, labelNames: label === '' ? [] : [label] },
      collect() {
        this.reset()
        for (const [value, count] of values()) this.inc(label === '' ? {} : { [label]: value }, count)
      },
    })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(value())
      },
    })

  counter('flowright_next_hop_questions_total', 'Questions for next hops on external networks', 'outcome', () => [
    ['sent', questions.counts.sent],
    ['dropped', questions.counts.dropped],
  ])
  counter(
    'flowright_next_hop_packets_total',
    'How often packets that lacked their next hop were held, put back, dropped, answered',
    'outcome',
    () => {
      const { held, resumed, dropped, unreachable } = nextHops.counts
      return Object.entries({ held, resumed, dropped, unreachable })
    },
  )
  gauge('flowright_next_hop_packets_held', 'Packets held until their next hop is known', () => nextHops.held)
  gauge('flowright_next_hops', 'Next hops on external networks that are asked for again and again', () => known.size)
  counter('flowright_announcements_total', 'Gratuitous ARP and unsolicited advertisements sent', '', () => [
    ['', announcements.counts.sent],
  ])
  counter(
    'flowright_virtual_address_moves_total',
    'Times that an address which several ports may have came to one',
    '',
    () => [['', virtual.counts.moved]],
  )
  counter(
    'flowright_router_errors_total',
    'Senders told why a packet of theirs was not delivered',
    'reason',
    () => errors.counts.sent,
  )
  counter('flowright_router_errors_dropped_total', 'Senders not told, because it would have been too often', '', () => [
    ['', errors.counts.dropped],
  ])
}
