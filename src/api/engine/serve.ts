// How requests meet the store: reads answer what is durable, writes are one transaction and answer once it is durable.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify'
import type { Change, QuotaLimits, Transaction } from '#model'
import type { Store } from '#store'
import type { Context } from './context.ts'
import type { View } from './resource.ts'

/** What a write may look at and change. */
export interface WriteView extends View {
  readonly reader: Transaction
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    context: Context
  }
}

type Handler<V, R extends RouteGenericInterface> = (view: V, request: FastifyRequest<R>, reply: FastifyReply) => unknown

/** Makes route handlers out of functions of the state, which may run twice; those that write run synchronously. */
export interface Serve {
  /** The limits of projects without limits of their own. */
  readonly quotas: QuotaLimits
  read<R extends RouteGenericInterface>(
    handle: Handler<View, R>,
  ): (request: FastifyRequest<R>, reply: FastifyReply) => Promise<unknown>
  write<R extends RouteGenericInterface>(
    handle: Handler<WriteView, R>,
  ): (request: FastifyRequest<R>, reply: FastifyReply) => Promise<unknown>
}

/** Serves from a store. */
export const serveFrom = (store: Store, quotas: QuotaLimits): Serve => ({
  quotas,
  read: handle => async (request, reply) => {
    const answer = () => handle({ reader: store, context: request.context }, request, reply)
    const seen = await answer()
    await store.settled()
    // what was seen may have been taken back by a disk that refused
    return store.trouble ? answer() : seen
  },
  write: handle => (request, reply) => {
    const origin = { source: 'api', request: request.context.requestId }
    const work = (tx: Transaction) => handle({ reader: tx, context: request.context }, request, reply)
    const see = rehearsals.getStore()
    return see ? store.rehearse(origin, work, see) : store.transact(origin, work)
  },
})

/** Requests made within are rehearsed: what they would write is shown to a function, whose result is the answer. */
export const rehearsals = new AsyncLocalStorage<(changes: readonly Change[]) => unknown>()
