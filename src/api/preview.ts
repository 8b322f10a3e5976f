// What a change would do to the flow tables, before it is made: a request to the API is run as it would be, and taken back.
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type Change, refuse } from '#model'
import type { Store } from '#store'
import { notIn } from './engine/parameters.ts'
import { invalid, quote } from './engine/read.ts'
import { rehearsals } from './engine/serve.ts'
import type { FlowView } from './fabric-view.ts'
import { showChange } from './feed-log.ts'
import { showFlow } from './flowright.ts'

/** A flow that would come or go, and where. */
export interface FlowChangeView {
  readonly op: 'add' | 'remove'
  readonly flow: FlowView
  /** The chassis that would be told. */
  readonly chassis: readonly string[]
}

/** What changes of records would do to the flow tables. */
export interface PreviewView {
  /** Flows that would come, go, and both, each once however many chassis hold it. */
  readonly added: number
  readonly removed: number
  readonly total: number
  /** The first of them, in packet order. */
  readonly flows: readonly FlowChangeView[]
  /** Of each chassis that would be told, how many flows come and go there. */
  readonly chassis: readonly { readonly id: string; readonly added: number; readonly removed: number }[]
}

/** Says what changes would do; at most `most` flows are listed. To be called while nothing else is being committed. */
export type Previewing = (changes: readonly Change[], most: number) => PreviewView

/** Flows that an answer lists at most, and when nothing is said. */
const MOST = 10_000
const USUAL = 500
const METHODS = ['POST', 'PUT', 'DELETE']
const PATHS = /^\/(v2\.0|flowright\/v1\/chassis)\//

/** Serves it. Only administrators may look. */
export const servePreview = (app: FastifyInstance, store: Store, preview: Previewing): void => {
  app.post('/preview', async (request, reply) => {
    const { method, path, body, limit } = readPreview(request.body)
    let seen: object | undefined
    const see = (changes: readonly Change[]) => {
      const { flows, ...counts } = preview(changes, limit)
      seen = {
        changes: changes.map(showChange),
        ...counts,
        flows: flows.map(({ op, flow, chassis }) => ({ op, ...showFlow(flow, store), chassis })),
      }
      return {}
    }
    const token = request.headers['x-auth-token']
    const asked: InjectOptions = {
      ...{ method, url: path },
      headers: { host: request.host, ...(token === undefined ? {} : { 'x-auth-token': token }) },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    }
    // Awaited within: `inject` only starts when it is, and a request that starts outside is made for real.
    const answer = await rehearsals.run(see, async () => await app.inject(asked))
    if (answer.statusCode >= 400) return reply.code(answer.statusCode).send(answer.json())
    if (seen === undefined) throw refuse('HTTPBadRequest', { message: `${method} ${path} changes nothing.` })
    return { preview: seen }
  })
}

interface Asked {
  readonly method: NonNullable<InjectOptions['method']>
  readonly path: string
  readonly body: unknown
  readonly limit: number
}

const readPreview = (value: unknown): Asked => {
  const { method, path, body, limit = USUAL } = (value ?? {}) as Partial<Record<string, unknown>>
  if (!METHODS.includes(method as string)) throw notIn('method', method, METHODS)
  if (typeof path !== 'string' || !PATHS.test(path))
    throw invalid('path', `'${quote(path)}' is not a path such as /v2.0/security-group-rules`)
  if (!Number.isInteger(limit) || (limit as number) < 0 || (limit as number) > MOST)
    throw invalid('limit', `'${quote(limit)}' is not a number from 0 to ${MOST}`)
  return { method: method as Asked['method'], path, body, limit: limit as number }
}
