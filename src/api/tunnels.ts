// What goes through the tunnel from one chassis to another: what the one sends and what the other takes in, as their
// switches count it. A tunnel that is down sends and receives nothing; without BFD nobody else tells.
import type { FastifyInstance } from 'fastify'
import { attachments, chassis, chassisOf } from '#model'
import type { Store } from '#store'
import { Unreachable } from './engine/errors.ts'
import { invalid } from './engine/read.ts'
import type { LiveFlow, LiveView } from './live-view.ts'

/** The tables of br-tun that give frames to a chassis, and that take in what comes from one. */
const GIVES = 'vtep'
const TAKES = 'admit'

/** Serves it; the caller admits administrators only. */
export const serveTunnels = (app: FastifyInstance, store: Store, live: LiveView): void => {
  const numberOf = (name: string) => live.tables.find(table => table.bridge === 'br-tun' && table.name === name)?.number

  /** Packets that flows of one table counted on a chassis: of those that `isOurs` says. */
  const counted = async (at: string, name: string, isOurs: (flow: LiveFlow) => boolean): Promise<number> => {
    const table = numberOf(name)
    const cookies = new Set<bigint>()
    for (const flow of live.flows(at).flows)
      if (flow.bridge === 'br-tun' && flow.table === table && isOurs(flow)) cookies.add(flow.cookie)
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

  app.get<{ Querystring: { from?: string; to?: string } }>('/tunnels', async ({ query }) => {
    const { from, to } = query
    if (typeof from !== 'string' || typeof to !== 'string')
      throw invalid(
        typeof from === 'string' ? 'to' : 'from',
        "a tunnel is asked for by 'from' and 'to', ids of chassis",
      )
    const [sender, receiver] = [chassisOf(store, from).id, chassisOf(store, to).id]
    const [sent, received] = await Promise.all([
      counted(sender, GIVES, ({ sources }) => sources.some(({ kind, id }) => kind === chassis.name && id === receiver)),
      counted(receiver, TAKES, ({ sources }) =>
        sources.some(({ kind, id }) => kind === attachments.name && store.get(attachments, id)?.chassis === sender),
      ),
    ])
    return { tunnel: { from: sender, to: receiver, sent, received } }
  })
}
