// Networks reach the chassis that have ports on them, those that route to them, and the gateways of their routers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  affectedBy,
  attach,
  attachments,
  bindings,
  type ChassisReport,
  chassis,
  detach,
  detachAll,
  gatewayCandidates,
  isProgrammed,
  localVlans,
  modelKinds,
  networks,
  PoolExhausted,
  type Reader,
  reattach,
  reattachChassis,
  removeChassis,
  reportChassis,
  routedFrom,
  routerPorts,
  routers,
  segmentAt,
  type Transaction,
} from '#model'
import { joinRouter } from '#model/rules/router-port'
import { openMemoryStore } from '#store'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'
import { aRouter } from '#test/support/routing'

const setUp = () => {
  const store = openMemoryStore({ kinds: modelKinds })
  return <T>(work: (tx: Transaction) => T) => store.transact({ source: 'test' }, work)
}
const host = aChassis('host1', 1)
const flatNetwork = (id: string, key: number, physicalNetwork = 'physnet1') =>
  aNetwork(id, key, { segments: [{ networkType: 'flat', physicalNetwork }] })
const connect = (tx: Transaction, routerId: string, networkId: string, role: 'interface' | 'gateway' = 'interface') => {
  if (!tx.get(routers, routerId)) tx.insert(routers, aRouter(routerId, Number(routerId.slice(1))))
  tx.insert(routerPorts, { id: `${routerId}-${networkId}`, routerId, networkId, role })
  reattach(tx, affectedBy(tx, routerId))
}
const disconnect = (tx: Transaction, routerId: string, networkId: string) => {
  const affected = affectedBy(tx, routerId)
  tx.remove(routerPorts, `${routerId}-${networkId}`)
  reattach(tx, affected)
}
const bind = (tx: Transaction, key: number, network: string, on = host) => {
  attach(tx, on.id, network)
  tx.insert(bindings, aBinding(aPort(`p${key}`, key, network), on, key))
}
const unbind = (tx: Transaction, key: number, network: string, on = host) => {
  tx.remove(bindings, `p${key}@${on.id}`)
  detach(tx, on.id, network)
}
const reached = (tx: Reader, at = host.id) =>
  Object.fromEntries(
    Array.from(tx.by(attachments, 'chassis', at), a => [a.network, a.isMember ? 'member' : 'routed'] as const),
  )
/** A chassis with the physical network of `outside`. */
const gateway = (id: string, key: number, gatewayPriority = 10) =>
  aChassis(id, key, { gatewayPriority, providerPorts: { physnet1: 7 } })

test('a chassis with a port on a network gets all that routers connect with it', async () => {
  const change = setUp()
  await change(tx => {
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'b')
    connect(tx, 'r2', 'b')
    connect(tx, 'r2', 'c')
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

test('the external network comes with the others, where the chassis has its physical network', async () => {
  const change = setUp()
  await change(tx => {
    const with1 = aChassis('host2', 2, { providerPorts: { physnet1: 7 } })
    tx.insert(networks, flatNetwork('outside', 9))
    for (const c of [host, with1]) tx.insert(chassis, c)
    bind(tx, 1, 'a')
    bind(tx, 2, 'b', with1)
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'b')
    connect(tx, 'r1', 'outside', 'gateway')
    expect(reached(tx)).toEqual({ a: 'member', b: 'routed' })
    expect(reached(tx, 'host2')).toEqual({ a: 'routed', b: 'member', outside: 'routed' })
    disconnect(tx, 'r1', 'outside')
    expect(reached(tx, 'host2')).toEqual({ a: 'routed', b: 'member' })
  })
})

test('gateways get all networks of their routers, without a port there', async () => {
  const change = setUp()
  await change(tx => {
    tx.insert(networks, flatNetwork('outside', 9))
    tx.insert(chassis, gateway('host2', 2))
    tx.insert(chassis, aChassis('host3', 3, { providerPorts: { physnet1: 7 } }))
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'outside', 'gateway')
    expect(reached(tx, 'host2')).toEqual({ a: 'routed', outside: 'routed' })
    expect(reached(tx, 'host3')).toEqual({})
    connect(tx, 'r1', 'b')
    expect(reached(tx, 'host2')).toEqual({ a: 'routed', b: 'routed', outside: 'routed' })
    tx.replace(chassis, { ...tx.get(chassis, 'host2')!, gatewayPriority: 0 })
    reattachChassis(tx, ['host2'], true)
    expect(reached(tx, 'host2')).toEqual({})
    tx.replace(chassis, { ...tx.get(chassis, 'host3')!, gatewayPriority: 1, providerDown: ['physnet1'] })
    reattachChassis(tx, ['host3'], true)
    expect(reached(tx, 'host3')).toEqual({ a: 'routed', b: 'routed', outside: 'routed' })
    detachAll(tx, 'host3')
    expect(tx.count(attachments)).toBe(0)
  })
})

test('connecting a router brings networks to chassis that are there already, taking it away removes them', async () => {
  const change = setUp()
  await change(tx => {
    bind(tx, 1, 'a')
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'b')
    expect(reached(tx)).toEqual({ a: 'member', b: 'routed' })
    disconnect(tx, 'r1', 'b')
    expect(reached(tx)).toEqual({ a: 'member' })
  })
})

test('a chassis without a free local VLAN for one of them gets none of them', async () => {
  const change = setUp()
  await change(tx => {
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'b')
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.take(localVlans, vlan, host.id)
    expect(() => attach(tx, host.id, 'a')).toThrow(PoolExhausted)
    expect(reached(tx)).toEqual({})
    expect(tx.allocate(localVlans, host.id)).toBe(1)
  })
})

test('a router is not connected with a network that a chassis has no local VLAN for', async () => {
  const change = setUp()
  const whole = aRouter('r1', 1)
  await change(tx => {
    bind(tx, 1, 'a')
    joinRouter(tx, whole, aPort('ra', 2, 'a'), 'interface')
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.take(localVlans, vlan, host.id)
    expect(() => joinRouter(tx, whole, aPort('rb', 3, 'b'), 'interface')).toThrow(/local_vlan of host1/)
  })
})

test('a chassis that cannot reach all networks of its routers is a gateway of none, and another is in its place', async () => {
  const change = setUp()
  const six = Array.from({ length: 6 }, (_, i) => gateway(`host${i + 2}`, i + 2, 20 - i))
  await change(tx => {
    tx.insert(networks, flatNetwork('outside', 9))
    for (const c of six.slice(1)) tx.insert(chassis, c)
    connect(tx, 'r1', 'a')
    connect(tx, 'r1', 'outside', 'gateway')
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.take(localVlans, vlan, 'host2')
    tx.insert(chassis, six[0]!)
    reattachChassis(tx, ['host2'], true)
    expect(tx.get(chassis, 'host2')).toMatchObject({ crowded: true, problems: [/as many networks as it can/] })
    expect(reached(tx, 'host2')).toEqual({})
    expect(reached(tx, 'host7')).toEqual({ a: 'routed', outside: 'routed' })
    for (let vlan = 2; vlan <= localVlans.last; vlan++) tx.release(localVlans, vlan, 'host2')
    reattachChassis(tx, ['host2'], true)
    expect(tx.get(chassis, 'host2')).toMatchObject({ crowded: false, problems: [] })
    expect(reached(tx, 'host2')).toEqual({ a: 'routed', outside: 'routed' })
    expect(reached(tx, 'host7')).toEqual({ outside: 'routed' })
  })
})

const names = { networks: ['a', 'b', 'c', 'd', 'x', 'y'], routers: ['r1', 'r2', 'r3'], hosts: [1, 2, 3, 4, 5, 6, 7] }
const report = (key: number, more: Partial<ChassisReport>): ChassisReport => ({
  ...{ id: `host${key}`, hostname: `host${key}`, tunnelIp: `192.0.2.${key}`, tunnelTypes: ['vxlan'] },
  ...{ bridgeMappings: [], gatewayPriority: 0, datapathType: '', knownDatapathTypes: [], bridges: [] },
  ...{ providerPorts: {}, providerDown: [], ovsVersion: '3.1.0', schemaVersion: '8.3.1', problems: [] },
  ...more,
})

/** What the rule says, without regard to how it came about. */
const wanted = (tx: Reader): readonly string[] => {
  const found: string[] = []
  const offered = [...tx.all(chassis)].filter(c => c.gatewayPriority > 0)
  for (const c of tx.all(chassis)) {
    const members = Array.from(tx.by(bindings, 'chassis', c.id), b => b.network)
    const served = Array.from(tx.all(routers)).filter(r => {
      const out = tx.holder(routerPorts, `gateway ${r.id}`)
      if (!out) return false
      const { segments } = tx.get(networks, out.networkId)!
      const up = offered.map(one => ({ ...one, providerDown: [] }))
      return [offered, up].some(among => gatewayCandidates(among, segments, r.key).includes(c.id))
    })
    const interfaces = (id: string) => [...tx.by(routerPorts, 'router', id)].filter(p => p.role === 'interface')
    const seeds = [...members, ...served.flatMap(r => interfaces(r.id).map(p => p.networkId))]
    const routed = new Set(seeds.flatMap(network => [...routedFrom(tx, network)]))
    const external = [...tx.all(routerPorts)].filter(p => {
      if (p.role !== 'gateway' || !isProgrammed(c)) return false
      if (segmentAt(tx.get(networks, p.networkId)!.segments, c) === undefined) return false
      return (c.gatewayPriority > 0 && !c.crowded) || interfaces(p.routerId).some(i => routed.has(i.networkId))
    })
    for (const network of new Set([...routed, ...external.map(p => p.networkId)]))
      found.push(`${c.id}/${network} ${members.includes(network)}`)
  }
  return found.sort()
}

test('what is attached follows from bindings, routers and chassis alone', async () => {
  const pick = fc.nat(100)
  const verbs = ['bind', 'bind', 'unbind', 'connect', 'connect', 'disconnect', 'gateway', 'report', 'report', 'remove']
  const step = fc.record({ verb: fc.constantFrom(...verbs), a: pick, b: pick, c: pick })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async steps => {
      const change = setUp()
      await change(tx => {
        for (const [i, id] of names.networks.entries())
          tx.insert(networks, i < 4 ? aNetwork(id, i + 1) : flatNetwork(id, i + 1, `physnet${i - 3}`))
      })
      for (const { verb, a, b, c } of steps)
        await change(tx => {
          const network = names.networks[a % 6]!
          const router = names.routers[b % 3]!
          const key = names.hosts[c % 7]!
          const on = tx.get(chassis, `host${key}`)
          const id = a * 1000 + key
          const has = [...tx.by(routerPorts, 'router', router)]
          if (verb === 'bind' && on && !tx.get(bindings, `p${id}@${on.id}`)) bind(tx, id, network, on)
          if (verb === 'unbind' && on) {
            const [one] = tx.by(bindings, 'chassis', on.id)
            if (one) unbind(tx, Number(one.port.slice(1)), one.network, on)
          }
          if (verb === 'connect' && !has.some(p => p.networkId === network)) connect(tx, router, network)
          if (verb === 'gateway' && !has.some(p => p.role === 'gateway' || p.networkId === (c % 2 ? 'x' : 'y')))
            connect(tx, router, c % 2 ? 'x' : 'y', 'gateway')
          if (verb === 'disconnect' && has.length > 0) disconnect(tx, router, has[a % has.length]!.networkId)
          if (verb === 'report')
            reportChassis(
              tx,
              report(key, {
                gatewayPriority: (a % 3) * 10,
                providerPorts: { ...(b % 3 ? { physnet1: 7 } : {}), ...(b % 4 ? { physnet2: 8 } : {}) },
                providerDown: a % 5 ? [] : ['physnet1'],
              }),
              b % 7 !== 0,
            )
          if (verb === 'remove' && on) {
            for (const one of [...tx.by(bindings, 'chassis', on.id)])
              unbind(tx, Number(one.port.slice(1)), one.network, on)
            removeChassis(tx, on.id)
          }
          expect(Array.from(tx.all(attachments), one => `${one.id} ${one.isMember}`).sort()).toEqual(wanted(tx))
        })
    }),
    { numRuns: 150 },
  )
})
