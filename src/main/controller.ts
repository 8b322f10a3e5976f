// The controller: opens the store, compiles what is in it, and connects the API, the chassis and the switches to it.
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { buildApi, keystone } from '#api'
import { showHostPort, showListener } from '#cli/endpoint'
import type { ServeOptions } from '#cli/serve-options'
import { Compiler } from '#compiler'
import { ChassisSessions, controllerTarget, type ListenAt } from '#fabric/chassis/index'
import { GatewayWatch } from '#fabric/gateways'
import { LeftGateways } from '#fabric/left-gateways'
import { PortStatus } from '#fabric/port-status'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { PACKET_IN, portOfCutOver } from '#flows/packet-in'
import { pipeline } from '#flows/pipeline'
import { routerZone } from '#flows/routers'
import {
  attachments,
  type Commit,
  chassis,
  cutOver,
  type Doc,
  isProgrammed,
  type Kind,
  modelKinds,
  modelPools,
  routers,
} from '#model'
import { openStore, type Store } from '#store'
import { ChangeCosts } from './change-costs.ts'
import { counterView } from './counters.ts'
import { dropTotals } from './drop-totals.ts'
import { fabricView } from './fabric-view.ts'
import { openFeedJournal } from './feed-journal.ts'
import { addGatewayMetrics } from './gateway-metrics.ts'
import { liveView } from './live-view.ts'
import { addFabricMetrics, timedStore } from './metrics.ts'
import { migrations } from './migrations/index.ts'
import { previewing } from './preview.ts'
import { serveRouters } from './routing.ts'
import { addRoutingMetrics } from './routing-metrics.ts'
import { snatTotals } from './snat-totals.ts'
import { tracing } from './trace.ts'
import { reportUpgrade } from './upgrade-report.ts'

/** A controller at work. */
export interface Controller {
  /** Where the API listens. */
  readonly api: string
  readonly store: Store
  readonly programming: Programming
  /** The TCP ports on which chassis may dial in; undefined for Unix sockets. */
  readonly ovsdbPorts: readonly (number | undefined)[]
  /** Finishes what is in flight and leaves every flow in place. */
  stop(): Promise<void>
}

/** Starts a controller. Rejects, with everything closed again, when an address or the data directory cannot be used. */
export const startController = async (options: ServeOptions, log: Logger, version: string): Promise<Controller> => {
  const closers: (() => unknown)[] = []
  const stop = async () => {
    for (const close of closers.reverse().splice(0)) await close()
  }
  try {
    const store = await openStore({ dataDir: options.data, kinds: modelKinds, pools: modelPools, migrations })
    closers.push(() => store.close())

    const stored = timedStore(store, Date.now)
    const compiler = new Compiler(pipeline)
    if (store.upgrade) reportUpgrade(store, log)
    let compile = (commit: Commit): unknown => compiler.apply(commit)
    store.follow(commit => compile(commit), { fromStart: true })
    logConflicts(compiler, log)

    const programming = new Programming({
      compiled: compiler,
      report: (id, bridge, what) => log.warn({ chassis: id, bridge }, what),
    })
    closers.push(() => programming.close())
    compiler.onDelta(delta => programming.apply(delta))
    const costs = new ChangeCosts(compiler, programming, () => performance.now())
    compile = commit => {
      // A local VLAN that is used again is a conntrack zone with the connections of another network; so is a router's key.
      for (const { chassis: id, localVlan } of newOf(attachments, commit)) programming.flushZone(id, localVlan)
      for (const { key } of newOf(routers, commit))
        for (const { id } of store.all(chassis)) programming.flushZone(id, routerZone(key))
      costs.apply(commit)
    }
    const status = new PortStatus({
      store,
      compiled: compiler,
      acknowledgements: programming,
      report: what => log.warn(what),
    })
    closers.push(() => status.close())
    const gateways = new GatewayWatch({ store, log, isConnected: id => programming.isConnected(id) })
    closers.push(() => gateways.close())
    const left = new LeftGateways({
      isConnected: id => programming.isConnected(id),
      forget: (id, router) => {
        const found = store.get(routers, router)
        if (found) programming.flushZone(id, routerZone(found.key))
      },
    })
    gateways.on('active', change => left.moved(change))
    programming.onProgress(id => {
      if (id === undefined) return
      gateways.connectionChanged(id)
      left.connectionChanged(id)
    })
    programming.packetIns.on(PACKET_IN.cutOver, async ({ chassis: id, bridge, inPort, packet, userdata }) => {
      await store.transact({ source: 'fabric', request: id }, tx => cutOver(tx, portOfCutOver(userdata), id))
      // The announcement goes on its way once it may: physical switches learn the new place from it.
      if (await programming.acknowledged(id, store.revision, 2000)) programming.inject(id, bridge, inPort, packet)
    })
    const routing = serveRouters(store, programming, what => log.warn(what))
    gateways.on('active', ({ router, chassis: id }) => routing.announcements.gatewayMoved(router, id))
    closers.push(() => routing.close())

    const switches = await Promise.all(
      options.openflow.map(listener =>
        listenForSwitches({
          address: addressOf(listener, options.tls),
          programming,
          chassisWithKey: key => {
            const found = store.holder(chassis, `key ${key}`)
            return found && isProgrammed(found) ? found.id : undefined
          },
          ...(listener.protocol === 'pssl' ? { isCertificateOf: (names, id) => names.includes(id) } : {}),
          report: what => log.warn(what),
        }),
      ),
    )
    closers.push(() => Promise.all(switches.map(server => server.close())))
    closers.push(() => programming.finish(STOP_PATIENCE))

    const listening = boundAt(
      options.openflow,
      switches.map(server => server.address?.port),
    )
    const sessions = new ChassisSessions({
      store,
      log,
      listen: options.ovsdb,
      dial: options.chassis,
      ...(options.tls ? { tls: options.tls } : {}),
      autoApprove: options.autoApprove,
      controllerTarget: reached => controllerTarget(listening, reached, options.advertise),
      onBfd: (id, seen) => gateways.observe(id, seen),
    })
    closers.push(() => sessions.close())
    await sessions.start()

    const metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    const journal = openFeedJournal(options.data, what => log.warn(what))
    closers.push(() => journal.close())
    const counters = counterView({ compiler, programming, pipeline })
    const drops = dropTotals(
      counters,
      () => programming.chassis,
      () => performance.now(),
    )
    addFabricMetrics(metrics, { store, compiler, programming, sessions, status, stored, drops })
    addRoutingMetrics(metrics, routing)
    const snat = snatTotals(
      counters,
      () => gateways.states(),
      () => performance.now(),
    )
    addGatewayMetrics(metrics, gateways, snat)
    const api = buildApi({
      store,
      ...(options.keystone === undefined ? {} : { authenticate: keystone({ url: options.keystone }) }),
      quotas: options.quotas,
      fabric: fabricView({ compiler, programming, sessions, gateways, pipeline }),
      gateways: {
        states: () => gateways.states(),
        state: router => gateways.state(router),
        snat: async () => (await snat()).perRouter,
      },
      counters,
      preview: previewing(compiler, pipeline),
      tracing: tracing({ store, compiler, programming, pipeline, seenBy: id => gateways.seenBy(id) }),
      journal,
      live: liveView({ compiler, programming, costs, pipeline }),
      console: CONSOLE,
      metrics,
      version,
      // Requests are counted and timed in /metrics; a line for each is for debugging.
      logger: log.child({}, { level: log.isLevelEnabled('debug') ? 'debug' : 'warn' }),
    })
    closers.push(() => api.close())
    await api.listen({ host: options.api.host, port: options.api.port })
    const bound = api.server.address()
    const at = showHostPort({
      host: options.api.host,
      port: typeof bound === 'object' && bound !== null ? bound.port : options.api.port,
    })
    log.info(
      {
        api: at,
        ovsdb: boundAt(options.ovsdb, sessions.ports).map(showListener),
        openflow: listening.map(showListener),
        revision: store.revision,
      },
      `flowright ${version} serves ${options.data}`,
    )
    return { api: at, store, programming, ovsdbPorts: sessions.ports, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Where the console is built: scripts/console. */
const CONSOLE = fileURLToPath(new URL('../console/dist', import.meta.url))

/** How long (ms) switches may take, at the end, to acknowledge what is under way. */
const STOP_PATIENCE = 2000

const newOf = <T extends Doc>(kind: Kind<T>, { changes }: Commit): readonly T[] =>
  changes.flatMap(({ kind: { name }, before, after }) =>
    name === kind.name && before === undefined && after !== undefined ? [after as T] : [],
  )

const refusals = {
  match: 'records want different flows with one match; the first one has it',
  limit: 'more members on one network than a flood flow can hold; the others get no broadcast',
}

/** Logs each refusal of the compiler once. */
const logConflicts = (compiler: Compiler, log: Logger) => {
  let logged = new Set<string>()
  const look = () => {
    const { conflicts } = compiler
    for (const { reason, flowSet, slot, kept, refused } of conflicts)
      if (!logged.has(`${flowSet} ${slot}`)) log.error({ flowSet, kept, refused }, refusals[reason])
    logged = new Set(conflicts.map(({ flowSet, slot }) => `${flowSet} ${slot}`))
  }
  compiler.onDelta(look)
  look()
}

/** Listeners with the TCP ports that they got, where they asked for any. */
const boundAt = (listeners: readonly ListenAt[], ports: readonly (number | undefined)[]): readonly ListenAt[] =>
  listeners.map((listener, i) =>
    listener.protocol === 'punix' ? listener : { ...listener, port: ports[i] ?? listener.port },
  )

const addressOf = (listener: ListenAt, tls: ServeOptions['tls']) => {
  if (listener.protocol === 'punix') return { path: listener.path }
  const { host, port } = listener
  return listener.protocol === 'pssl' && tls ? { host, port, tls } : { host, port }
}
