// The API over a store in memory, called without opening a port.
import type { FastifyInstance } from 'fastify'
import { type ApiOptions, buildApi } from '#api'
import { modelKinds } from '#model'
import { openMemoryStore, type Store } from '#store'

/** An answer: its status, headers and JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of many shapes
  readonly body: any
  readonly text: string
}

/** An API to call. */
export interface TestApi {
  readonly app: FastifyInstance
  readonly store: Store
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Calls and expects success; the JSON of the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of many shapes
  ok(method: string, path: string, body?: unknown): Promise<any>
  /** Makes a network, and a subnet if a CIDR is given; their ids. */
  network(cidr?: string, more?: object): Promise<{ network: string; subnet: string }>
}

/** Opens one. Paths are below /v2.0 unless they start with a slash. */
export function testApi(options: Partial<ApiOptions> = {}): TestApi {
  const store = options.store ?? openMemoryStore({ kinds: modelKinds })
  const app = buildApi({ ...options, store })
  const call: TestApi['call'] = async (method, path, body, headers = {}) => {
    const reply = await app.inject({
      method: method as 'GET',
      url: path.startsWith('/') ? path : `/v2.0/${path}`,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const isJson = String(reply.headers['content-type']).startsWith('application/json')
    return {
      status: reply.statusCode,
      headers: reply.headers,
      body: isJson ? reply.json() : undefined,
      text: reply.body,
    }
  }
  const ok: TestApi['ok'] = async (method, path, body) => {
    const answer = await call(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  return {
    app,
    store,
    call,
    ok,
    async network(cidr, more = {}) {
      const { network } = await ok('POST', 'networks', { network: { name: 'net' } })
      if (cidr === undefined) return { network: network.id, subnet: '' }
      const { subnet } = await ok('POST', 'subnets', {
        subnet: { network_id: network.id, cidr, ip_version: cidr.includes(':') ? 6 : 4, ...more },
      })
      return { network: network.id, subnet: subnet.id }
    },
  }
}

/** The type and message of a refusal. */
export const refusal = ({ status, body }: Answer) => [status, body?.NeutronError?.type] as const
