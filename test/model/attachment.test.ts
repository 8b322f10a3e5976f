// Networks reach the chassis that have ports on them, and those that route to them.
import { expect, test } from 'vitest'
import {
  attach,
  attachments,
  bindings,
  detach,
  localVlans,
  modelKinds,
  PoolExhausted,
  reattach,
  routedFrom,
  routerPorts,
  type Transaction,
} from '#model'
import { joinRouter } from '#model/rules/router-port'
import { openMemoryStore } from '#store'
import { aBinding, aChassis, aPort } from '#test/support/model'

const setUp = () => {
  const store = openMemoryStore({ kinds: modelKinds })
  return <T>(work: (tx: Transaction) => T) => store.transact({ source: 'test' }, work)
}
const host = aChassis('host1', 1)
const connect = (tx: Transaction, routerId: string, networkId: string, role: 'interface' | 'gateway' = 'interface') => {
  const id = `${routerId}-${networkId}`
  const routed = routedFrom(tx, networkId)
  tx.insert(routerPorts, { id, routerId, networkId, role })
  reattach(tx, [...routed, ...routedFrom(tx, networkId)])
}
const bind = (tx: Transaction, key: number, network: string) => {
  attach(tx, host.id, network)
  tx.insert(bindings, aBinding(aPort(`p${key}`, key, network), host, key))
}
const unbind = (tx: Transaction, key: number, network: string) => {
  tx.remove(bindings, `p${key}@${host.id}`)
  detach(tx, host.id, network)
}
const reached = (tx: Transaction) =>
  Object.fromEntries(Array.from(tx.all(attachments), a => [a.network, a.isMember ? 'member' : 'routed']))

test('a chassis with a port on a network gets all that routers connect with it, the external one apart', async () => {
  const change = setUp()
  await change(tx => {
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'b')
    connect(tx, 'r2', 'b')
    connect(tx, 'r2', 'c')
    connect(tx, 'r2', 'outside', 'gateway')
    bind(tx, 1, 'a')
    expect(reached(tx)).toEqual({ a: 'member', b: 'routed', c: 'routed' })
    bind(tx, 2, 'c')
    expect(reached(tx)).toEqual({ a: 'member', b: 'routed', c: 'member' })
    unbind(tx, 1, 'a')
    expect(reached(tx)).toEqual({ a: 'routed', b: 'routed', c: 'member' })
    unbind(tx, 2, 'c')
    expect(reached(tx)).toEqual({})
    expect(tx.allocate(localVlans, host.id)).toBe(4)
  })
})

test('connecting a router brings networks to chassis that are there already, taking it away removes them', async () => {
  const change = setUp()
  await change(tx => {
    bind(tx, 1, 'a')
    connect(tx, 'r', 'a')
    connect(tx, 'r', 'b')
    expect(reached(tx)).toEqual({ a: 'member', b: 'routed' })
    const before = routedFrom(tx, 'b')
    tx.remove(routerPorts, 'r-b')
    reattach(tx, before)
    expect(reached(tx)).toEqual({ a: 'member' })
  })
})

test('a chassis without a free local VLAN for one of them gets none of them', async () => {
  const change = setUp()
  await change(tx => {
    connect(tx, 'r', 'a')
    connect(tx, 'r', 'b')
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.take(localVlans, vlan, host.id)
    expect(() => attach(tx, host.id, 'a')).toThrow(PoolExhausted)
    expect(reached(tx)).toEqual({})
    expect(tx.allocate(localVlans, host.id)).toBe(1)
  })
})

test('a router is not connected with a network that a chassis has no local VLAN for', async () => {
  const change = setUp()
  const router = { id: 'r', key: 1, projectId: 'p', name: 'r', adminStateUp: true, distributed: true, ha: true }
  const whole = { ...router, enableSnat: true, routes: [], availabilityZoneHints: [] }
  await change(tx => {
    bind(tx, 1, 'a')
    joinRouter(tx, whole, aPort('ra', 2, 'a'), 'interface')
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.take(localVlans, vlan, host.id)
    expect(() => joinRouter(tx, whole, aPort('rb', 3, 'b'), 'interface')).toThrow(/local_vlan of host1/)
  })
})
