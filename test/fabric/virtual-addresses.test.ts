// Addresses that several ports may have: who is believed, who is asked, when one is forgotten, and how many are kept.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gratuitousArp } from '#fabric/arp'
import { neighborSolicitation, unsolicitedAdvertisement } from '#fabric/nd'
import { readSpoken, VirtualAddresses } from '#fabric/virtual-addresses'
import { bindings, modelKinds, networks, type Port, ports, virtualAddresses } from '#model'
import { openMemoryStore, type Store } from '#store'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'
import { until } from '#test/support/ovs'
import { addInterface, aRouter } from '#test/support/routing'

const vip = '10.0.0.100'
const vip6 = 'fd00::100'

test('what a port says is read from ARP and from advertisements', () => {
  const mac = 'fa:16:3e:00:00:05'
  expect(readSpoken(gratuitousArp(mac, vip))).toEqual({ mac, ip: vip })
  expect(readSpoken(unsolicitedAdvertisement(mac, vip6, false))).toEqual({ mac, ip: vip6 })
  expect(readSpoken(neighborSolicitation(mac, vip6))).toBeUndefined()
  expect(readSpoken(Buffer.alloc(20))).toBeUndefined()
})

describe('virtual addresses', () => {
  let store: Store
  let virtual: VirtualAddresses
  let now = 0
  const asked: string[] = []
  const begin = () => {
    virtual = new VirtualAddresses({
      ...{ store, now: () => now },
      emit: (chassis, port, frame) => asked.push(`${chassis} ${port} ${Buffer.from(frame).toString('hex', 12, 14)}`),
    })
  }
  const seconds = (n: number) => {
    for (let i = 0; i < n; i++) virtual.tick()
  }
  const holder = (n: number, ips: readonly string[] = [`${vip}/32`, vip6]): Port => {
    const port = aPort(`p${n}`, n, 'net')
    return { ...port, allowedAddressPairs: ips.map(ipAddress => ({ ipAddress, macAddress: port.macAddress })) }
  }
  const macOf = (n: number) => aPort(`p${n}`, n, 'net').macAddress
  const where = (ip = vip) => store.get(virtualAddresses, `net/${ip}`)?.portId

  beforeEach(async () => {
    asked.length = 0
    now = 0
    store = openMemoryStore({ kinds: modelKinds })
    await store.transact({ source: 'test' }, tx => {
      tx.insert(networks, aNetwork('net', 1))
      addInterface(tx, aRouter('r', 1), aNetwork('net', 1), 90, {
        '10.0.0.0/24': '10.0.0.254',
        'fd00::/64': 'fd00::fe',
      })
      for (const n of [1, 2]) {
        tx.insert(ports, holder(n))
        tx.insert(bindings, aBinding(holder(n), aChassis(`host${n}`, n), 10 + n))
      }
    })
    begin()
  })
  afterEach(async () => {
    virtual.close()
    await store.close()
  })

  test('are where a port that may have them last spoke for them', async () => {
    await virtual.spoke(1, { ip: vip, mac: macOf(1) })
    expect(where()).toBe('p1')
    await virtual.spoke(2, { ip: vip, mac: macOf(2) })
    expect(where()).toBe('p2')
    const { revision } = store
    for (let i = 0; i < 10; i++) await virtual.spoke(2, { ip: vip, mac: macOf(2) })
    await virtual.spoke(1, { ip: vip, mac: macOf(2) })
    await virtual.spoke(1, { ip: '10.0.0.101', mac: macOf(1) })
    await virtual.spoke(77, { ip: vip, mac: macOf(1) })
    expect([store.revision, where()]).toEqual([revision, 'p2'])
  })

  test('are asked of every port that may have them', () => {
    expect(virtual.ask({ network: 'net', ip: vip })).toBe(true)
    expect(virtual.ask({ network: 'net', ip: vip6 })).toBe(true)
    expect(virtual.ask({ network: 'net', ip: '10.0.0.101' })).toBe(false)
    expect(asked).toEqual(['host1 11 0806', 'host2 12 0806', 'host1 11 86dd', 'host2 12 86dd'])
  })

  test('are forgotten when their port is silent, and asked for before', async () => {
    await virtual.spoke(1, { ip: vip, mac: macOf(1) })
    seconds(60)
    expect(asked).toEqual(['host1 11 0806', 'host1 11 0806'])
    await virtual.spoke(1, { ip: vip, mac: macOf(1) })
    seconds(94)
    expect(where()).toBe('p1')
    virtual.close()
    begin()
    seconds(90)
    expect(where()).toBe('p1')
    seconds(10)
    await until('it is forgotten', () => where() === undefined)
  })

  test('are forgotten with the pair, and with the binding of their port', async () => {
    await virtual.spoke(1, { ip: vip, mac: macOf(1) })
    await virtual.spoke(2, { ip: vip6, mac: macOf(2) })
    await store.transact({ source: 'test' }, tx => tx.replace(ports, holder(1, [vip6])))
    await until('the first is forgotten', () => where() === undefined)
    expect(where(vip6)).toBe('p2')
    await store.transact({ source: 'test' }, tx => tx.remove(bindings, 'p2@host2'))
    await until('the other is forgotten', () => where(vip6) === undefined)
    await until('both are counted', () => virtual.counts.forgotten === 2)
  })

  test('move ten times a second, and are 256 on a network', async () => {
    for (let i = 0; i < 50; i++) await virtual.spoke(1 + (i % 2), { ip: vip, mac: macOf(1 + (i % 2)) })
    // Every other one says what is known.
    expect(virtual.counts).toMatchObject({ moved: 20, unheeded: 15 })
    await virtual.spoke(1, { ip: vip, mac: macOf(1) })
    expect(where()).toBe('p2')
    now += 1000
    seconds(1)
    await until('the last word is heeded', () => where() === 'p1')
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${1 + (i >> 8)}.${i & 255}`)
    await store.transact({ source: 'test' }, tx => tx.replace(ports, holder(1, many)))
    for (const ip of many) {
      now += 1000
      await virtual.spoke(1, { ip, mac: macOf(1) })
    }
    await until('the first is forgotten', () => where() === undefined)
    expect(store.countBy(virtualAddresses, 'network', 'net')).toBeLessThanOrEqual(256)
    expect(store.countBy(virtualAddresses, 'network', 'net')).toBeGreaterThanOrEqual(255)
  })
})
