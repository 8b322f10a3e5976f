// Health and metrics: /healthz, /metrics, and how long requests take.
import type { FastifyInstance } from 'fastify'
import { Histogram, type Registry } from 'prom-client'
import type { Store } from '#store'

/** Serves /healthz: 200 while requests are answered at all; `degraded` while the disk takes no writes. */
export function serveHealth(app: FastifyInstance, store: Store): void {
  app.get('/healthz', () => ({
    status: store.trouble ? 'degraded' : 'ok',
    revision: store.revision,
    ...(store.trouble ? { reason: store.trouble.message } : {}),
  }))
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
