// What goes through the tunnel from one chassis to another: what the one sends and what the other takes in, as their
// switches count it. A tunnel that is down sends and receives nothing; without BFD nobody else tells.
import type { FastifyInstance } from 'fastify'
import { attachments, chassis, chassisOf } from '#model'
import type { Store } from '#store'
import { Unreachable } from './engine/errors.ts'
import { invalid } from './engine/read.ts'
import type { SourceView } from './fabric-view.ts'
import type { LiveView } from './live-view.ts'

/** The tables of br-tun that give frames to a chassis, and that take in what comes from one. */
const GIVES = 'vtep'
const TAKES = 'admit'
/** How long (ms) it is taken as known which flows count. */
const KEPT = 10_000

/** Serves it; the caller admits administrators only. */
export const serveTunnels = (app: FastifyInstance, store: Store, live: LiveView): void => {
  const numberOf = (name: string) => live.tables.find(table => table.bridge === 'br-tun' && table.name === name)?.number

  /** Which flows count, looked up now and then: they change seldom, and a chassis may have very many. */
  const known = new Map<string, { readonly until: number; readonly cookies: Promise<ReadonlySet<bigint>> }>()
  const cookiesOf = (at: string, name: string, other: string, isOf: (source: SourceView) => boolean) => {
    const now = performance.now()
    const key = `${at} ${name} ${other}`
    for (const [of, { until }] of known) if (until < now) known.delete(of)
    const found = known.get(key) ?? {
      until: now + KEPT,
      cookies: live.cookies(at, 'br-tun', numberOf(name) ?? -1, isOf),
    }
    known.set(key, found)
    return found.cookies
  }

  /** Packets that they counted. */
  const counted = async (at: string, name: string, cookies: ReadonlySet<bigint>): Promise<number> => {
    const table = numberOf(name)
    let packets = 0
    if (cookies.size === 0) return packets
    try {
      for await (const part of live.counters(at, 'br-tun', table))
        for (const flow of part) if (cookies.has(flow.cookie)) packets += flow.packets
    } catch (error) {
      throw new Unreachable(`${at}: ${(error as Error).message}`)
    }
    return packets
  }

  const fromTo = { config: { parameters: { from: 'one', to: 'one' } } } as const
  app.get<{ Querystring: { from?: string; to?: string } }>('/tunnels', fromTo, async ({ query }) => {
    const { from, to } = query
    if (typeof from !== 'string' || typeof to !== 'string')
      throw invalid(
        typeof from === 'string' ? 'to' : 'from',
        "a tunnel is asked for by 'from' and 'to', ids of chassis",
      )
    const [sender, receiver] = [chassisOf(store, from).id, chassisOf(store, to).id]
    const isReceiver = ({ kind, id }: SourceView) => kind === chassis.name && id === receiver
    const isOfSender = ({ kind, id }: SourceView) =>
      kind === attachments.name && store.get(attachments, id)?.chassis === sender
    const [giving, taking] = await Promise.all([
      cookiesOf(sender, GIVES, receiver, isReceiver),
      cookiesOf(receiver, TAKES, sender, isOfSender),
    ])
    const [sent, received] = await Promise.all([counted(sender, GIVES, giving), counted(receiver, TAKES, taking)])
    return { tunnel: { from: sender, to: receiver, sent, received } }
  })
}
