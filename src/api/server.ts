// The HTTP server: Neutron's API, Flowright's own, health, metrics and the OpenAPI page, over a store.
import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname as machineName } from 'node:os'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import type { Registry } from 'prom-client'
import { defaultNetworkSettings, type NetworkSettings, type QuotaLimits, refuse, unlimitedQuotas } from '#model'
import type { Store } from '#store'
import { serveConsole } from './console.ts'
import { type CounterView, noCounters } from './counter-view.ts'
import { serveCounters } from './counters.ts'
import { type Authenticate, everybody } from './engine/context.ts'
import { serveVersions } from './engine/discovery.ts'
import { answerError } from './engine/errors.ts'
import { serveOpenApi } from './engine/openapi.ts'
import { requireDeclared } from './engine/parameters.ts'
import { rehearsals, serveFrom } from './engine/serve.ts'
import { type FabricView, noFabric } from './fabric-view.ts'
import { serveFeed } from './feed.ts'
import type { FeedJournal } from './feed-log.ts'
import { serveFlowright, showSource } from './flowright.ts'
import { type GatewayView, serveGateways } from './gateways.ts'
import type { LiveView } from './live-view.ts'
import { serveHealth, serveMetrics } from './metrics.ts'
import { serveNeutron } from './neutron/index.ts'
import { type Previewing, servePreview } from './preview.ts'
import { serveTrace } from './trace.ts'
import type { Tracing } from './trace-view.ts'
import { serveTunnels } from './tunnels.ts'

/** What the API serves from. */
export interface ApiOptions {
  readonly store: Store
  /** Tells who asks; absent: everybody is the administrator. */
  readonly authenticate?: Authenticate
  readonly networkSettings?: NetworkSettings
  /** The limits of projects without limits of their own; absent: none. */
  readonly quotas?: QuotaLimits
  /** The running fabric; absent: every chassis is away. */
  readonly fabric?: FabricView
  /** Where gateways are; absent: there is no such path. */
  readonly gateways?: GatewayView
  /** What the switches count; absent: nothing. */
  readonly counters?: CounterView
  /** Traces packets; absent: there is no such path. */
  readonly tracing?: Tracing
  /** Says what changes would do to flows; absent: there is no such path. */
  readonly preview?: Previewing
  /** What the event feed follows; absent: there is no feed. */
  readonly live?: LiveView
  /** Where the feed's log of changes outlives the controller; absent: it begins with this run. */
  readonly journal?: FeedJournal
  /** The directory of the built console; absent: there is none. */
  readonly console?: string
  /** What /metrics shows; the API's own figures are added to it. */
  readonly metrics?: Registry
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /** Flowright's own version, for the OpenAPI page. */
  readonly version?: string
  /** A pino logger, or false for none. */
  readonly logger?: FastifyServerOptions['loggerInstance'] | false
}

/** Request bodies beyond this many bytes are refused. */
const bodyLimit = 8 * 1024 * 1024

/** Builds the server; it listens when told to. */
export function buildApi(options: ApiOptions): FastifyInstance {
  const {
    store,
    authenticate = async () => everybody,
    networkSettings = defaultNetworkSettings,
    quotas = unlimitedQuotas,
    fabric = noFabric,
    counters = noCounters,
    clock = Date.now,
    logger = false,
  } = options
  const app = Fastify({
    ...(logger ? { loggerInstance: logger } : {}),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // a request must arrive within a minute
    requestTimeout: 60_000,
    genReqId: () => `req-${randomUUID()}`,
    // `/v2.0/networks.json` is `/v2.0/networks`
    rewriteUrl: request => (request.url ?? '/').replace(/\.json(?=$|\?)/, ''),
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 1000 },
    exposeHeadRoutes: true,
    // A path that cannot be decoded: refused like any other mistake, before any hook.
    frameworkErrors: answerError,
  })
  acceptJson(app)
  app.decorateRequest('context')
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-openstack-request-id', request.id)
    requireJsonWanted(request.headers.accept)
    requireOwnPage(request)
    if (options.authenticate === undefined) requireLocalName(request)
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) => answerError(refuse('HTTPNotFound', {}), request, reply))

  const identify = async (request: FastifyRequest) => {
    request.context = { ...(await authenticate(request.headers)), requestId: request.id }
  }

  const serve = serveFrom(store, quotas)
  const { live, journal, version = '0' } = options
  serveOpenApi(app, version)
  if (live) serveFeed(app, { store, fabric, live, version, authenticate, ...(journal ? { journal } : {}) })
  if (options.console !== undefined) serveConsole(app, options.console)
  serveHealth(app, store, authenticate)
  if (options.metrics) serveMetrics(app, options.metrics)
  serveVersions(app, options.console !== undefined)
  app.register(
    async v2 => {
      v2.addHook('onRequest', identify)
      serveNeutron(v2, serve, { networkSettings, fabric, clock })
    },
    { prefix: '/v2.0' },
  )
  app.register(
    async own => {
      own.addHook('onRequest', identify)
      own.addHook('preHandler', requireDeclared)
      serveFlowright(own, store, fabric, serve)
      serveCounters(own, store, counters)
      if (options.gateways) serveGateways(own, store, options.gateways)
      if (live) serveTunnels(own, store, live)
      if (options.preview) servePreview(own, store, options.preview)
      if (options.tracing) serveTrace(own, store, options.tracing, showSource)
    },
    { prefix: '/flowright/v1' },
  )
  return app
}

/** Bodies are JSON whatever their content type says; types are checked by the resources, not by Fastify. */
function acceptJson(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined)
    try {
      done(null, JSON.parse(body as string))
    } catch (error) {
      const reason = (error as Error).message.slice(0, 200)
      done(refuse('HTTPBadRequest', { message: `The request body is malformed: it is not JSON (${reason})` }))
    }
  })
}

function requireJsonWanted(accept: string | undefined): void {
  if (accept === undefined || accept === '') return
  const types = accept.split(',').map(type => type.split(';')[0]!.trim())
  if (types.some(type => ['*/*', 'application/*', 'application/json', 'text/plain', 'text/html'].includes(type))) return
  throw refuse('HTTPNotAcceptable', {})
}

/** One line for each change that was asked for; what is only looked at is for debugging. */
function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  if (rehearsals.getStore()) return
  const level = request.method === 'GET' || request.method === 'HEAD' ? 'debug' : 'info'
  const facts = {
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    project: request.context?.projectId,
  }
  request.log[level](facts, `${request.method} ${request.url.slice(0, 500)}`)
}

/** A page of another site, open in an operator's browser, must not drive an API that asks for no token. */
function requireOwnPage({ headers: { origin }, host }: FastifyRequest): void {
  if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return
  throw refuse('HTTPForbidden', { message: `A page of ${origin.slice(0, 100)} may not use the API at ${host}.` })
}

/**
 * Who asks over loopback for an API that wants no token calls it by an address or by this machine's name. Any other name may
 * be one that a web page made point here (DNS rebinding), whose requests the browser holds for the page's own.
 */
function requireLocalName({ hostname, socket: { localAddress = '' } }: FastifyRequest): void {
  if (!/^(::ffff:)?127\.|^::1$/.test(localAddress)) return
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(name) !== 0 || ['localhost', machineName().toLowerCase()].includes(name.toLowerCase())) return
  const message = `Without authentication the API is not to be called ${name.slice(0, 100)} here; call it localhost, or use --auth keystone.`
  throw refuse('HTTPForbidden', { message })
}
