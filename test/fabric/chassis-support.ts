// A model in memory and sessions on loopback, for the tests of the OVSDB half.
import {
  type ChassisSessions,
  type ChassisSessionsOptions,
  controllerTarget,
  startChassisSessions,
} from '#fabric/chassis/index'
import { rebind } from '#model/binding'
import { bindings } from '#model/chassis'
import { modelKinds } from '#model/declared'
import { type Network, networks } from '#model/network'
import { type Port, ports } from '#model/port'
import type { Transaction } from '#model/transaction'
import { openMemoryStore } from '#store/memory-store'
import type { Store } from '#store/store'
import { aNetwork, aPort } from '#test/support/model'
import { until } from '#test/support/ovs'

/** A store in memory. */
export const memoryStore = (): Store => openMemoryStore({ kinds: modelKinds })

const origin = { source: 'test' }

/** Runs a transaction as the API would. */
export const change = <R>(store: Store, work: (tx: Transaction) => R): Promise<R> => store.transact(origin, work)

/** Creates a network. */
export const addNetwork = async (store: Store, id: string, key: number, more: Partial<Network> = {}) => {
  await change(store, tx => tx.insert(networks, aNetwork(id, key, more)))
}

/** Creates a port, as the API does: with a call of rebind. */
export const addPort = (store: Store, id: string, key: number, network: string, more: Partial<Port> = {}) =>
  change(store, tx => {
    tx.insert(ports, aPort(id, key, network, more))
    rebind(tx, id)
  })

/** Deletes a port, as the API does. */
export const removePort = (store: Store, id: string) =>
  change(store, tx => {
    tx.remove(ports, id)
    rebind(tx, id)
  })

/** The bindings of a port as `chassis state`, the active one first. */
export const whereIs = (store: Store, port: string): string[] =>
  Array.from(store.by(bindings, 'port', port), b => `${b.chassis} ${b.state}`).sort()

/** Waits until a port is bound in these places. */
export const untilBound = (store: Store, port: string, ...where: string[]): Promise<void> =>
  until(
    `port ${port} at [${where}], it is at [${whereIs(store, port)}]`,
    () => `${whereIs(store, port)}` === `${where}`,
  )

/** A controller without API and flows: a model in memory, and sessions that listen on loopback. */
export interface Controller {
  readonly store: Store
  readonly sessions: ChassisSessions
  /** `tcp:127.0.0.1:PORT` of its first listener. */
  readonly manager: string
  readonly log: string[]
  stop(): Promise<void>
}

/** Starts a controller; chassis are approved at once unless said otherwise. */
export const startController = async (options: Partial<ChassisSessionsOptions> = {}): Promise<Controller> => {
  const store = options.store ?? memoryStore()
  const log: string[] = []
  const line = (facts: object, text: string) => void log.push(`${text} ${JSON.stringify(facts)}`)
  const openflow = [{ protocol: 'ptcp', host: '127.0.0.1', port: 6 }] as const
  const sessions = await startChassisSessions({
    store,
    log: { info: line, warn: line },
    listen: [{ protocol: 'ptcp', host: '127.0.0.1', port: 0 }],
    dial: [],
    autoApprove: true,
    controllerTarget: reached => controllerTarget(openflow, reached),
    ...options,
  })
  const port = sessions.ports[0]
  return { store, sessions, log, manager: `tcp:127.0.0.1:${port}`, stop: () => sessions.close() }
}

/** Waits until a chassis' session is up, or down. */
export const untilUp = (controller: Controller, chassisId: string, isUp = true): Promise<void> =>
  until(`chassis ${chassisId} to be ${isUp ? 'up' : 'down'}`, () => controller.sessions.state(chassisId)?.isUp === isUp)
