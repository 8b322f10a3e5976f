import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Compiled } from '#compiler/flow-set'
import { PortStatus } from '#fabric/port-status'
import { type Binding, bindings, modelKinds, networks, ports } from '#model'
import { openMemoryStore, type Store } from '#store'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'
import { until } from '#test/support/ovs'

const origin = { source: 'test' }

describe('the status of ports', () => {
  const acknowledged = new Map<string, number>()
  const connected = new Set<string>()
  const holders = new Set<string>()
  let listeners: ((chassis: string | undefined) => void)[] = []
  let revision = 0
  let store: Store
  let status: PortStatus

  const compiled = {
    get revision() {
      return revision
    },
    flowSetsOf: () => new Set(['network/n']),
    subscribers: () => holders,
  } as unknown as Compiled
  const acknowledgements = {
    isAcknowledged: (id: string, wanted: number) => (acknowledged.get(id) ?? 0) >= wanted,
    isConnected: (id: string) => connected.has(id),
    onProgress: (listener: (chassis: string | undefined) => void) => {
      listeners.push(listener)
      return () => {
        listeners = listeners.filter(l => l !== listener)
      }
    },
  }
  const acknowledge = (id: string) => {
    acknowledged.set(id, store.revision)
    for (const listener of listeners) listener(id)
  }
  const compile = () => {
    revision = store.revision
    for (const listener of listeners) listener(undefined)
  }
  const port = (n: number) => aPort(`p${n}`, n, 'n')
  const plug = (n: number, host = 'host1') =>
    store.transact(origin, tx => {
      tx.insert(ports, port(n))
      tx.insert(bindings, aBinding(port(n), aChassis(host, 1), n))
    })
  const statusOf = (n: number) => store.get(ports, `p${n}`)?.status
  const begin = (patience = 10_000) => {
    status = new PortStatus({ store, compiled, acknowledgements, patience })
  }

  beforeEach(async () => {
    acknowledged.clear()
    holders.clear()
    connected.clear()
    revision = 0
    store = openMemoryStore({ kinds: modelKinds })
    await store.transact(origin, tx => tx.insert(networks, aNetwork('n', 1)))
    for (const id of ['host1', 'host2', 'host3']) {
      holders.add(id)
      connected.add(id)
    }
  })
  afterEach(async () => {
    status.close()
    await store.close()
  })

  test('become ACTIVE after their own chassis and every other that must reach them acknowledged', async () => {
    begin()
    await plug(1)
    compile()
    acknowledge('host2')
    acknowledge('host1')
    expect(statusOf(1)).toBe('DOWN')
    acknowledge('host3')
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
    expect(status.pending).toBe(0)
    expect(status.late).toEqual([])
  })

  test('do not wait for a chassis that is not connected, nor for one that leaves', async () => {
    begin()
    connected.delete('host3')
    await plug(1)
    compile()
    acknowledge('host1')
    connected.delete('host2')
    for (const listener of listeners) listener('host2')
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
  })

  test('wait for their own chassis however long, and list who was late', async () => {
    begin(50)
    await plug(1)
    compile()
    acknowledge('host2')
    await new Promise(resolve => setTimeout(resolve, 150))
    expect(statusOf(1)).toBe('DOWN')
    acknowledge('host1')
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
    expect(status.late).toMatchObject([{ port: 'p1', chassis: ['host3'] }])
  })

  test('that are bound when the controller starts become ACTIVE, in few transactions', async () => {
    for (let n = 1; n <= 100; n++) await plug(n)
    begin()
    compile()
    const before = store.revision
    for (const id of holders) acknowledge(id)
    await until('all ACTIVE', () => statusOf(100) === 'ACTIVE' && status.pending === 0)
    expect(store.revision - before).toBeLessThan(5)
  })

  test('stay DOWN when they are unplugged meanwhile, or administratively down', async () => {
    begin()
    await plug(1)
    await plug(2)
    await store.transact(origin, tx => tx.remove(bindings, 'p1@host1'))
    await store.transact(origin, tx => tx.replace(ports, { ...port(2), adminStateUp: false }))
    compile()
    for (const id of holders) acknowledge(id)
    await plug(3)
    compile()
    for (const id of holders) acknowledge(id)
    await until('ACTIVE', () => statusOf(3) === 'ACTIVE')
    expect([statusOf(1), statusOf(2)]).toEqual(['DOWN', 'DOWN'])
  })

  test('that went DOWN with their chassis become ACTIVE when it is back', async () => {
    begin()
    await plug(1)
    compile()
    for (const id of holders) acknowledge(id)
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
    acknowledged.delete('host1')
    connected.delete('host1')
    await store.transact(origin, tx => tx.replace(ports, { ...port(1), status: 'DOWN' }))
    compile()
    for (const id of ['host2', 'host3']) acknowledge(id)
    expect(status.pending).toBe(1)
    connected.add('host1')
    acknowledge('host1')
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
  })

  test('move with their binding', async () => {
    begin()
    await plug(1)
    await store.transact(origin, tx => {
      const old = tx.get(bindings, 'p1@host1') as Binding
      tx.remove(bindings, old.id)
      tx.insert(bindings, { ...old, id: 'p1@host2', chassis: 'host2' })
    })
    compile()
    acknowledge('host1')
    acknowledge('host3')
    expect(statusOf(1)).toBe('DOWN')
    acknowledge('host2')
    await until('ACTIVE', () => statusOf(1) === 'ACTIVE')
  })
})
