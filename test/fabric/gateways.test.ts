// Where the gateways of routers are, from what chassis report.
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { type ActiveChange, GatewayWatch } from '#fabric/gateways'
import { chassis, modelKinds, networks, routerPorts, routers } from '#model'
import { openMemoryStore, type Store } from '#store'
import { aChassis, aNetwork } from '#test/support/model'
import { aRouter } from '#test/support/routing'

const gateway = (key: number, gatewayPriority: number) =>
  aChassis(`host${key}`, key, { gatewayPriority, providerPorts: { physnet1: 7 } })

let store: Store
let connected: Set<string>
let seen: ActiveChange[]
let logged: string[]
let watch: GatewayWatch
const sees = (id: string, view: Readonly<Record<number, boolean>>) =>
  watch.observe(id, new Map(Object.entries(view).map(([key, isLive]) => [Number(key), isLive])))
const leaves = (id: string) => {
  connected.delete(id)
  watch.connectionChanged(id)
}
const comes = (id: string) => {
  connected.add(id)
  watch.connectionChanged(id)
}
const active = async () => {
  await setImmediate()
  await setImmediate()
  return watch.state('r')?.active
}

beforeEach(async () => {
  store = openMemoryStore({ kinds: modelKinds })
  await store.transact({ source: 'test' }, tx => {
    tx.insert(networks, aNetwork('out', 1, { segments: [{ networkType: 'flat', physicalNetwork: 'physnet1' }] }))
    for (const c of [gateway(1, 20), gateway(2, 10), aChassis('host3', 3)]) tx.insert(chassis, c)
    tx.insert(routers, aRouter('r', 1))
    tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' })
  })
  connected = new Set(['host1', 'host2', 'host3'])
  seen = []
  logged = []
  watch = new GatewayWatch({
    store,
    isConnected: id => connected.has(id),
    log: { info: (_, text) => logged.push(text), warn: (_, text) => logged.push(text) },
    holdOff: 50,
  })
  watch.on('active', change => seen.push(change))
  sees('host1', { 2: true, 3: true })
  sees('host2', { 1: true, 3: true })
  sees('host3', { 1: true, 2: true })
  return () => watch.close()
})

test('the best is active while it lives, and the next when it dies', async () => {
  expect(await active()).toBe('host1')
  // its connection may seem open for a while
  sees('host2', { 1: false, 3: true })
  sees('host3', { 1: false, 2: true })
  expect(await active()).toBe('host2')
  leaves('host1')
  expect(await active()).toBe('host2')
  // it comes back, and is taken at once by itself, later by others
  comes('host1')
  expect(await active()).toBe('host2')
  sees('host3', { 1: true, 2: true })
  sees('host2', { 1: true, 3: true })
  expect(await active()).toBe('host1')
  expect(seen).toEqual([
    { router: 'r', chassis: 'host1', before: undefined },
    { router: 'r', chassis: 'host2', before: 'host1' },
    { router: 'r', chassis: 'host1', before: 'host2' },
  ])
  expect(logged).toEqual([])
})

test('a lost connection to the controller moves nothing', async () => {
  expect(await active()).toBe('host1')
  leaves('host1')
  expect(await active()).toBeUndefined()
  comes('host1')
  expect(await active()).toBe('host1')
  expect(seen).toHaveLength(1)
})

test('two that do not see each other are an alarm, until they do again', async () => {
  sees('host1', { 2: false, 3: true })
  sees('host2', { 1: false, 3: true })
  expect(await active()).toBe('host1')
  expect(watch.problems('host1')).toEqual([])
  await delay(100)
  expect(watch.state('r')).toMatchObject({ active: 'host1', conflict: ['host1', 'host2'] })
  expect(watch.problems('host2')).toEqual([
    expect.stringMatching(/host1 and host2 both hold themselves the gateway of 1/),
  ])
  expect(watch.problems('host3')).toEqual([])
  expect(watch.sessions).toEqual({ up: 4, down: 2 })
  sees('host2', { 1: true, 3: true })
  expect(await active()).toBe('host1')
  expect(watch.conflicts).toEqual([])
  expect(logged).toHaveLength(2)
})

test('gateways follow the model', async () => {
  await store.transact({ source: 'test' }, tx => tx.replace(chassis, gateway(2, 30)))
  expect(await active()).toBe('host2')
  await store.transact({ source: 'test' }, tx => tx.remove(routerPorts, 'gw'))
  expect(await active()).toBeUndefined()
  expect([...watch.states()]).toEqual([])
})
