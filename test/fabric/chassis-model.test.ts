import { describe, expect, test } from 'vitest'
import {
  bindingOutcome,
  bindToHost,
  chassisLost,
  claimPort,
  claims,
  cutOver,
  hostBindings,
  rebind,
  releaseClaim,
  setPortStatus,
} from '#model/binding'
import { attachments, bindings, chassis } from '#model/chassis'
import { approveChassis, type ChassisReport, drainChassis, removeChassis, reportChassis } from '#model/chassis-report'
import { ports } from '#model/port'
import type { Store } from '#store/store'
import { addNetwork, addPort, change, memoryStore, removePort, whereIs } from './chassis-support.ts'

const report = (id: string, more: Partial<ChassisReport> = {}): ChassisReport => ({
  id,
  hostname: `${id}.example`,
  tunnelIp: `192.0.2.${id.slice(4)}`,
  tunnelTypes: ['vxlan'],
  bridgeMappings: [],
  gatewayPriority: 0,
  datapathType: '',
  knownDatapathTypes: ['netdev', 'system'],
  bridges: ['br-int', 'br-tun'],
  providerPorts: {},
  providerDown: [],
  ovsVersion: '3.1.0',
  schemaVersion: '8.3.1',
  problems: [],
  ...more,
})

const join = (store: Store, id: string, more: Partial<ChassisReport> = {}, approve = true) =>
  change(store, tx => reportChassis(tx, report(id, more), approve))

const plug = (store: Store, at: string, port: string, ofport = 5, name = `tap${port}`) =>
  change(store, tx =>
    claimPort(tx, { chassis: at, interface: name, port, ofport, error: ofport < 0 ? 'no such device' : '' }),
  )

const unplug = (store: Store, at: string, port: string) => change(store, tx => releaseClaim(tx, at, `tap${port}`))

const twoHosts = async () => {
  const store = memoryStore()
  await join(store, 'host1')
  await join(store, 'host2')
  await addNetwork(store, 'net', 1)
  return store
}

describe('what becomes of a report', () => {
  test('a chassis keeps its key over reports, and a new one gets another', async () => {
    const store = memoryStore()
    const { key } = await join(store, 'host1')
    const second = await join(store, 'host2')
    expect((await join(store, 'host1', { tunnelIp: '192.0.2.77' })).key).toBe(key)
    expect(second.key).not.toBe(key)
    expect(store.get(chassis, 'host1')).toMatchObject({ tunnelIp: '192.0.2.77', problems: [], admission: 'approved' })
  })

  test('who holds a VTEP address first keeps it, and the next has it when it is free', async () => {
    const store = memoryStore()
    await join(store, 'host1', { tunnelIp: '2001:DB8::0:1' })
    const second = await join(store, 'host2', { tunnelIp: '2001:db8::1' })
    expect(second.tunnelIp).toBe('')
    expect(second.problems).toEqual(['VTEP address 2001:db8::1 is in use by chassis host1'])
    expect(store.get(chassis, 'host1')).toMatchObject({ tunnelIp: '2001:db8::1', problems: [] })
    await join(store, 'host1', { tunnelIp: '192.0.2.1' })
    expect(store.get(chassis, 'host2')).toMatchObject({ tunnelIp: '2001:db8::1', problems: [] })
  })

  test('a chassis that waits for approval holds no address and binds nothing', async () => {
    const store = memoryStore()
    await join(store, 'host1', { tunnelIp: '192.0.2.9' }, false)
    await join(store, 'host2', { tunnelIp: '192.0.2.9' })
    await addNetwork(store, 'net', 1)
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    expect(whereIs(store, 'a')).toEqual([])
    expect(bindingOutcome(store, store.get(ports, 'a')!)).toMatchObject({
      state: 'failed',
      reason: /waits for approval/,
    })
    await change(store, tx => approveChassis(tx, 'host1'))
    expect(store.get(chassis, 'host2')?.tunnelIp).toBe('192.0.2.9')
    expect(store.get(chassis, 'host1')?.problems).toEqual(['VTEP address 192.0.2.9 is in use by chassis host2'])
    await change(store, tx => removeChassis(tx, 'host2'))
    expect(store.get(chassis, 'host1')?.tunnelIp).toBe('192.0.2.9')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
  })

  test.each<[string, Partial<ChassisReport>, RegExp, boolean]>([
    ['an old Open vSwitch', { ovsVersion: '2.17.9' }, /3\.1\.0 or later is needed, it runs 2\.17\.9/, true],
    ['an old database without a version', { ovsVersion: '', schemaVersion: '8.3.0' }, /schema 8\.3\.0/, true],
    ['an unknown datapath type', { datapathType: 'quantum' }, /'quantum'.*knows netdev, system/, true],
    ['a missing physical bridge', { bridgeMappings: [['physnet1', 'br-ex']] }, /bridge br-ex .*does not exist/, false],
    ['a mapping to a bridge of ours', { bridgeMappings: [['physnet1', 'br-int']] }, /Flowright's own/, false],
    ['an unknown tunnel type', { tunnelTypes: ['vxlan', 'stt'] }, /unknown tunnel type 'stt'/, false],
    ['an address that is none', { tunnelIp: 'host1.example' }, /'host1.example', which is not a unicast/, false],
    ['a multicast address', { tunnelIp: '224.0.0.1' }, /not a unicast/, false],
    ['no address', { tunnelIp: '' }, /no VTEP address/, false],
  ])('%s is a problem', async (_, more, problem, isRefused) => {
    const record = await join(memoryStore(), 'host1', more)
    expect(record.problems).toHaveLength(1)
    expect(record.problems[0]).toMatch(problem)
    expect(record.refused !== '').toBe(isRefused)
  })

  test('a newer Open vSwitch is no problem, nor is one that tells no version', async () => {
    const store = memoryStore()
    expect((await join(store, 'host1', { ovsVersion: '3.10.0' })).problems).toEqual([])
    expect((await join(store, 'host2', { ovsVersion: '', schemaVersion: '8.8.0' })).problems).toEqual([])
  })

  test('one bridge cannot serve two physical networks', async () => {
    const bridgeMappings = [['physnet1', 'br-ex'] as const, ['physnet2', 'br-ex'] as const]
    const record = await join(memoryStore(), 'host1', { bridgeMappings, bridges: ['br-ex'] })
    expect(record.bridgeMappings).toEqual({ physnet1: 'br-ex' })
    expect(record.problems[0]).toMatch(/mapped twice; only physical network physnet1/)
  })
})

describe('admission', () => {
  test('a draining chassis keeps its ports and takes no new one', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await addPort(store, 'b', 2, 'net')
    await plug(store, 'host1', 'a')
    await change(store, tx => drainChassis(tx, 'host1'))
    await plug(store, 'host1', 'b')
    await plug(store, 'host1', 'a', 6)
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
    expect(store.get(bindings, 'a@host1')?.ofport).toBe(6)
    expect(whereIs(store, 'b')).toEqual([])
    expect(store.get(claims, 'host1/tapb')?.problem).toBe('chassis host1 is being drained')
    await change(store, tx => approveChassis(tx, 'host1'))
    expect(whereIs(store, 'b')).toEqual(['host1 active'])
  })

  test('a chassis with ports is removed by force only, and then leaves nothing', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    await change(store, tx => setPortStatus(tx, 'a', 'ACTIVE'))
    await expect(change(store, tx => removeChassis(tx, 'host1'))).rejects.toThrow(
      'Chassis host1 still has bound ports (1)',
    )
    await change(store, tx => removeChassis(tx, 'host1', true))
    expect(store.get(ports, 'a')?.status).toBe('DOWN')
    for (const kind of [claims, bindings, attachments]) expect(store.count(kind as typeof claims)).toBe(0)
    await expect(change(store, tx => removeChassis(tx, 'host1'))).rejects.toThrow('Chassis host1 could not be found')
  })
})

describe('binding', () => {
  test('a plugged port is bound with a local VLAN of its network, until the last is unplugged', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await addPort(store, 'b', 2, 'net')
    await plug(store, 'host1', 'a')
    const vlan = store.get(attachments, 'host1/net')?.localVlan
    expect(vlan).toBe(1)
    await plug(store, 'host1', 'b')
    await unplug(store, 'host1', 'a')
    expect(store.get(attachments, 'host1/net')?.localVlan).toBe(vlan)
    await unplug(store, 'host1', 'b')
    expect(store.get(attachments, 'host1/net')).toBeUndefined()
    expect(store.count(bindings)).toBe(0)
  })

  test('a port plugged before it exists is bound when it is created', async () => {
    const store = await twoHosts()
    await plug(store, 'host1', 'a')
    expect(whereIs(store, 'a')).toEqual([])
    await addPort(store, 'a', 1, 'net')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
  })

  test('a port deleted while plugged is bound no more, and again if it is made again', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    await removePort(store, 'a')
    expect(store.count(bindings) + store.count(attachments)).toBe(0)
    await addPort(store, 'a', 2, 'net')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
  })

  test('a second claim is pending, and becomes active by cut-over', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    await plug(store, 'host2', 'a')
    expect(whereIs(store, 'a')).toEqual(['host1 active', 'host2 pending'])
    expect(store.get(attachments, 'host2/net')).toBeDefined()
    await change(store, tx => cutOver(tx, 'a', 'host2'))
    expect(whereIs(store, 'a')).toEqual(['host1 pending', 'host2 active'])
    await change(store, tx => rebind(tx, 'a'))
    await unplug(store, 'host1', 'a')
    expect(whereIs(store, 'a')).toEqual(['host2 active'])
  })

  test('a pending claim becomes active when the old place unplugs; the port stays ACTIVE', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    await change(store, tx => setPortStatus(tx, 'a', 'ACTIVE'))
    await plug(store, 'host2', 'a')
    await unplug(store, 'host1', 'a')
    expect(whereIs(store, 'a')).toEqual(['host2 active'])
    expect(store.get(ports, 'a')?.status).toBe('ACTIVE')
    await unplug(store, 'host2', 'a')
    expect(store.get(ports, 'a')?.status).toBe('DOWN')
  })

  test('only the host of binding:host_id may bind, by hostname or system-id', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net', { bindingHost: 'host2.example' })
    await plug(store, 'host1', 'a')
    expect(store.get(claims, 'host1/tapa')?.problem).toBe(
      'the port is bound to host host2.example, not to host1.example',
    )
    await plug(store, 'host2', 'a')
    expect(whereIs(store, 'a')).toEqual(['host2 active'])
  })

  test('setting the host of a port cuts over to a claim there, as binding activation does', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net', { bindingHost: 'host1' })
    await plug(store, 'host1', 'a')
    await change(store, tx => {
      tx.insert(hostBindings, { id: 'a@host2', port: 'a', host: 'host2', vnicType: 'normal', profile: {} })
      rebind(tx, 'a')
    })
    await plug(store, 'host2', 'a')
    expect(whereIs(store, 'a')).toEqual(['host1 active', 'host2 pending'])
    await change(store, tx => {
      tx.replace(ports, { ...tx.get(ports, 'a')!, bindingHost: 'host2' })
      bindToHost(tx, 'a')
    })
    expect(whereIs(store, 'a')).toEqual(['host2 active'])
  })

  test('a network that a chassis cannot reach fails the binding with the reason, until it can', async () => {
    const store = await twoHosts()
    await addNetwork(store, 'gre', 2, { segments: [{ networkType: 'gre', segmentationId: 7 }] })
    const vlan = { networkType: 'vlan', physicalNetwork: 'physnet1', segmentationId: 7 } as const
    await addNetwork(store, 'vlan', 3, { segments: [vlan] })
    await addPort(store, 'a', 1, 'gre')
    await addPort(store, 'b', 2, 'vlan')
    await plug(store, 'host1', 'a')
    await plug(store, 'host1', 'b')
    const outcome = (id: string) => bindingOutcome(store, store.get(ports, id)!)
    expect(outcome('a')).toMatchObject({ state: 'failed', reason: /needs gre, which it does not offer/ })
    expect(outcome('b')).toMatchObject({ state: 'failed', reason: /physical network physnet1, which it does not map/ })
    await join(store, 'host1', { tunnelTypes: ['gre'], providerPorts: { physnet1: 9 } })
    expect(outcome('a')).toEqual({ state: 'bound', chassis: 'host1' })
    expect(outcome('b')).toEqual({ state: 'bound', chassis: 'host1' })
  })

  test('a port with a host counts as bound before it is plugged, if that host can reach its network', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net', { bindingHost: 'host1.example' })
    await addPort(store, 'b', 2, 'net', { bindingHost: 'elsewhere' })
    await addPort(store, 'c', 3, 'net')
    const outcome = (id: string) => bindingOutcome(store, store.get(ports, id)!)
    expect(outcome('a')).toEqual({ state: 'bound', chassis: 'host1' })
    expect(outcome('b')).toMatchObject({ state: 'failed', reason: /no chassis .* elsewhere/ })
    expect(outcome('c')).toEqual({ state: 'unbound' })
  })

  test('an interface that the switch cannot open, and a port plugged twice on one host, say so', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a', -1)
    expect(store.get(claims, 'host1/tapa')?.problem).toMatch(/cannot use interface tapa: no such device/)
    await plug(store, 'host1', 'a', 4, 'tap-one')
    await plug(store, 'host1', 'a', 5, 'tap-two')
    expect(store.get(bindings, 'a@host1')).toMatchObject({ interface: 'tap-one', ofport: 4 })
    expect(store.get(claims, 'host1/tap-two')?.problem).toBe('the port is already plugged there, as tap-one')
  })

  test('a chassis that is full refuses the next network and binds it when one leaves', async () => {
    const store = await twoHosts()
    await change(store, tx => {
      const all = { name: 'local_vlan', first: 1, last: 4094 }
      for (let vlan = 1; vlan <= 4094; vlan++) tx.take(all, vlan, 'host1')
    })
    await addPort(store, 'a', 1, 'net')
    await plug(store, 'host1', 'a')
    expect(store.get(claims, 'host1/tapa')?.problem).toMatch(/as many networks as it can \(4094\)/)
    await plug(store, 'host2', 'a')
    expect(whereIs(store, 'a')).toEqual(['host2 active'])
  })

  test('ACTIVE is recorded of ports that are bound and up; losing the chassis makes them DOWN and keeps them bound', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    const status = () => store.get(ports, 'a')?.status
    await change(store, tx => setPortStatus(tx, 'a', 'ACTIVE'))
    expect(status()).toBe('DOWN')
    await plug(store, 'host1', 'a')
    await change(store, tx => setPortStatus(tx, 'a', 'ACTIVE'))
    expect(status()).toBe('ACTIVE')
    await change(store, tx => chassisLost(tx, 'host1'))
    expect(status()).toBe('DOWN')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
    await change(store, tx => {
      setPortStatus(tx, 'a', 'ACTIVE')
      tx.replace(ports, { ...tx.get(ports, 'a')!, adminStateUp: false })
      rebind(tx, 'a')
    })
    expect(status()).toBe('DOWN')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
  })

  test('the iface-id of an interface may change', async () => {
    const store = await twoHosts()
    await addPort(store, 'a', 1, 'net')
    await addPort(store, 'b', 2, 'net')
    await plug(store, 'host1', 'a', 5, 'tap0')
    await plug(store, 'host1', 'b', 5, 'tap0')
    expect(whereIs(store, 'a')).toEqual([])
    expect(whereIs(store, 'b')).toEqual(['host1 active'])
  })
})
