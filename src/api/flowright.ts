// Flowright's own API below /flowright/v1: chassis, and the flows that they hold and why.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  approveChassis,
  bindings,
  type Chassis,
  chassis,
  chassisOf,
  claims,
  type Doc,
  drainChassis,
  modelKinds,
  ports,
  type Reader,
  refuse,
  removeChassis,
} from '#model'
import type { Store } from '#store'
import { formatTime } from './engine/common.ts'
import { notIn } from './engine/parameters.ts'
import { invalid, quote, read, readCookie } from './engine/read.ts'
import type { Serve } from './engine/serve.ts'
import { flag } from './engine/value.ts'
import { meaningOf } from './explain-words.ts'
import type { FabricView, FlowFilter, FlowView, SourceView, TableNameView } from './fabric-view.ts'

type One = { Params: { id: string } }
type Flows = One & { Querystring: { bridge?: string; table?: string; source?: string; counters?: string } }

const kindsByName = new Map(modelKinds.map(kind => [kind.name, kind]))

/** Serves it. Only administrators may look. */
export function serveFlowright(app: FastifyInstance, store: Store, fabric: FabricView, serve: Serve): void {
  app.addHook('onRequest', async request => {
    if (!request.context.isAdmin) throw refuse('PolicyNotAuthorized', { action: 'rule:admin_only' })
  })
  app.get(
    '/chassis',
    serve.read(({ reader }) => ({
      chassis: Array.from(reader.all(chassis), c => showChassis(c, reader, fabric)),
      strangers: fabric.strangers().map(({ remote, systemId, since, reason }) => ({
        ...{ remote, system_id: systemId, since: formatTime(since), reason },
      })),
    })),
  )
  app.get<One>(
    '/chassis/:id',
    serve.read(({ reader }, { params }) => ({
      chassis: showChassis(chassisOf(reader, params.id), reader, fabric),
    })),
  )
  app.put<One>(
    '/chassis/:id',
    serve.write(({ reader: tx }, { params, body }) => {
      const admission = readAdmission(body)
      const { id } = chassisOf(tx, params.id)
      if (admission === 'approved') approveChassis(tx, id)
      else drainChassis(tx, id)
      return { chassis: showChassis(chassisOf(tx, id), tx, fabric) }
    }),
  )
  app.delete<One & { Querystring: { force?: string } }>(
    '/chassis/:id',
    { config: { parameters: { force: 'one' } } },
    serve.write((view, { params, query }, reply) => {
      removeChassis(view.reader, params.id, readFlag(query, 'force'))
      reply.code(204)
    }),
  )

  app.get<Flows>(
    '/chassis/:id/flows',
    { config: { parameters: { bridge: 'one', table: 'one', source: 'one', counters: 'one' } } },
    async ({ params, query }) => {
      chassisOf(store, params.id)
      const flows = await fabric.flows(params.id, readFilter(query, fabric.tables, store))
      return { flows: flows.map(flow => showFlow(flow, store)) }
    },
  )
  app.get<One>('/chassis/:id/diff', async ({ params }) => {
    chassisOf(store, params.id)
    const { missing, unexpected, different, quarantined } = await fabric.diff(params.id)
    return {
      missing: missing.map(flow => showFlow(flow, store)),
      unexpected: unexpected.map(flow => showFlow(flow, store)),
      different: different.map(d => ({
        expected: showFlow(d.expected, store),
        installed: showFlow(d.installed, store),
      })),
      quarantined: quarantined.map(q => ({ ...showFlow(q.flow, store), error: q.error })),
    }
  })
  app.get<One>('/chassis/:id/drift', async ({ params }) => {
    chassisOf(store, params.id)
    return {
      drift: fabric.drift(params.id).map(({ at, sources, ...event }) => ({
        ...event,
        at: formatTime(at),
        resources: sources.map(source => showSource(source, store)),
      })),
    }
  })
  app.get<One & { Params: { cookie: string } }>(
    '/chassis/:id/cookies/:cookie',
    async ({ params }: FastifyRequest<One & { Params: { id: string; cookie: string } }>) => {
      chassisOf(store, params.id)
      const cookie = readCookie(params.cookie)
      const found = fabric.explain(params.id, cookie)
      if (!found) throw refuse('CookieNotFound', { cookie: hex(cookie), chassis: params.id })
      const resources = distinct(found.flows.flatMap(flow => flow.sources)).map(source => showSource(source, store))
      const last = resources.toSorted((a, b) => (b.revision ?? 0) - (a.revision ?? 0))[0]
      return {
        cookie: hex(cookie),
        bridge: found.bridge,
        table: found.table,
        file: found.file,
        description: found.description,
        meaning: meaningOf(found, params.id, store),
        flows: found.flows.map(flow => flow.text),
        resources,
        ...(last?.revision === undefined ? {} : { revision: last.revision }),
        ...(last?.request === undefined ? {} : { request: last.request }),
      }
    },
  )
}

/** The interfaces of a chassis that ask for a port and do not get it, and why. */
const showUnbound = (chassisId: string, reader: Reader) =>
  Array.from(reader.by(claims, 'chassis', chassisId), ({ port, interface: plugged, problem }) => ({
    ...{ port, interface: plugged },
    reason: reader.get(ports, port) === undefined ? 'there is no such port' : problem,
  })).filter(({ reason }) => reason !== '')

function showChassis(c: Chassis, reader: Reader, fabric: FabricView) {
  const session = fabric.session(c.id)
  const programming = fabric.programming(c.id)
  return {
    id: c.id,
    key: c.key,
    hostname: c.hostname,
    admission: c.admission,
    connected: session?.isUp ?? false,
    since: session ? formatTime(session.since) : null,
    remote: session?.remote ?? '',
    reason: session?.reason ?? 'not seen since the controller started',
    tunnel_ip: c.tunnelIp,
    reported_tunnel_ip: c.reportedTunnelIp,
    tunnel_types: c.tunnelTypes,
    bridge_mappings: c.bridgeMappings,
    provider_ports: c.providerPorts,
    datapath_type: c.datapathType,
    ovs_version: c.ovsVersion,
    gateway_priority: c.gatewayPriority,
    refused: c.refused,
    problems: [...c.problems, ...(session?.problems ?? [])],
    openflow: programming
      ? {
          connected: programming.isConnected,
          acknowledged: programming.acknowledged,
          bridges: programming.bridges,
        }
      : null,
    bindings: Array.from(reader.by(bindings, 'chassis', c.id), b => ({
      port: b.port,
      network: b.network,
      interface: b.interface,
      ofport: b.ofport,
      state: b.state,
    })),
    unbound: showUnbound(c.id, reader),
  }
}

const hex = (cookie: bigint) => `0x${cookie.toString(16)}`

/** A flow with what the switch counted, if it was asked, and the records that asked for it. */
export function showFlow(flow: FlowView, store: Store) {
  const { counters } = flow
  return {
    bridge: flow.bridge,
    table: flow.table,
    cookie: hex(flow.cookie),
    text: flow.text,
    ...(counters
      ? { packets: Number(counters.packets), bytes: Number(counters.bytes), seconds: counters.seconds }
      : {}),
    resources: flow.sources.map(source => showSource(source, store)),
  }
}

/** A record with its name, and who wrote it last, when, and by which request. */
export function showSource({ kind: name, id, table }: SourceView, store: Store) {
  const kind = kindsByName.get(name)
  const doc = kind && (store.get(kind, id) as { readonly name?: string } | undefined)
  const written = kind && store.written(kind, id)
  return {
    kind: name,
    id,
    ...(doc?.name ? { name: doc.name } : {}),
    table,
    ...(written ? { revision: written.revision, at: formatTime(written.at) } : {}),
    ...(written?.origin.request === undefined ? {} : { request: written.origin.request }),
  }
}

const distinct = (sources: readonly SourceView[]): readonly SourceView[] => [
  ...new Map(sources.map(source => [JSON.stringify(source), source])).values(),
]

const admissions = ['approved', 'draining'] as const

function readAdmission(body: unknown): (typeof admissions)[number] {
  const admission = (body as { chassis?: { admission?: unknown } } | null | undefined)?.chassis?.admission
  const found = admissions.find(one => one === admission)
  if (found === undefined) throw notIn('admission', admission, admissions)
  return found
}

const readFlag = (query: Readonly<Record<string, string | undefined>>, name: string): boolean =>
  read(flag, query[name] ?? false, name)

function readFilter(query: Flows['Querystring'], tables: readonly TableNameView[], reader: Reader): FlowFilter {
  const bridges = [...new Set(tables.map(table => table.bridge))]
  const bridge = bridges.find(name => name === query.bridge)
  if (query.bridge !== undefined && bridge === undefined) throw notIn('bridge', query.bridge, bridges)
  const { table, source } = query
  const there = tables.filter(t => bridge === undefined || t.bridge === bridge)
  if (table !== undefined && !there.some(({ name, number }) => table === name || table === String(number)))
    throw notIn('table', table, [...new Set(there.map(({ name }) => name))])
  const sources = source === undefined ? undefined : sourcesNamed(source, reader)
  return { bridge, table, sources, counters: readFlag(query, 'counters') }
}

/** The ids of the records of any kind with this id, else with this name, which several may have. Refuses where there is none. */
function sourcesNamed(text: string, reader: Reader): ReadonlySet<string> {
  const isId = (id: string) => modelKinds.some(kind => reader.get(kind, id) !== undefined)
  if (isId(text)) return new Set([text])
  const named = modelKinds.flatMap(kind =>
    Array.from(reader.all(kind) as Iterable<Doc & { readonly name?: string }>).filter(
      ({ name }) => name === text && name !== '',
    ),
  )
  if (named.length > 0) return new Set(named.map(({ id }) => id))
  // `PORT@CHASSIS` and `CHASSIS/NETWORK` are records while the port is bound there, or the network reaches it.
  const parts = text.split(/[@/]/)
  if (parts.length === 2 && parts.every(isId)) return new Set([text])
  throw invalid('source', `'${quote(text)}' is neither the id nor the name of a resource`)
}
