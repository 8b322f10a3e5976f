// Health and metrics: /healthz, /metrics, and how long requests take.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Histogram, type Registry } from 'prom-client'
import type { Store } from '#store'
import type { Authenticate } from './engine/context.ts'
import { publicWords } from './engine/errors.ts'

/**
 * Serves /healthz: 200 while requests are answered at all; `degraded` while the disk takes no writes. It asks for no token;
 * the reason names the data file only to an administrator.
 */
export function serveHealth(app: FastifyInstance, store: Store, authenticate: Authenticate): void {
  const isOperator = ({ headers }: FastifyRequest) =>
    authenticate(headers).then(
      identity => identity.isAdmin,
      () => false,
    )
  app.get('/healthz', async request => {
    const { revision, trouble } = store
    if (trouble === undefined) return { status: 'ok', revision }
    const reason = (await isOperator(request)) ? trouble.message : publicWords(trouble)
    return { status: 'degraded', revision, reason }
  })
}

/** Serves /metrics from a registry, and adds the API's own figures to it. */
export function serveMetrics(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: 'flowright_api_request_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}
