// Floating IPs and gateways are announced where they come to be, once the flows are there.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Announcements } from '#fabric/announcements'
import { wayOut } from '#fabric/way-out'
import {
  attachments,
  bindings,
  chassis,
  floatingIps,
  modelKinds,
  networks,
  ports,
  routerPorts,
  routers,
  subnets,
  type Transaction,
} from '#model'
import { openMemoryStore, type Store } from '#store'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'
import { aRouter, aSubnet, fixedIps } from '#test/support/routing'
import { announced } from '../../src/main/announced.ts'

const out = '203.0.113.0/24'
const out6 = '2001:db8::/64'
const physical = [{ networkType: 'flat', physicalNetwork: 'physnet1' }] as const
const vm = aPort('vm', 5, 'red', { fixedIps: fixedIps({ '10.0.0.0/24': '10.0.0.5' }) })
const gateway = aPort('gw', 1, 'out', { fixedIps: fixedIps({ [out]: '203.0.113.9', [out6]: '2001:db8::9' }) })
const floating = aPort('fip-port', 2, 'out', { fixedIps: fixedIps({ [out]: '203.0.113.77' }) })
const fip = {
  ...{ id: 'fip', key: 1, projectId: 'p', floatingNetworkId: 'out', floatingIpAddress: '203.0.113.77' },
  ...{
    floatingPortId: 'fip-port',
    portId: 'vm',
    fixedIpAddress: '10.0.0.5',
    routerId: 'r',
    dnsName: '',
    dnsDomain: '',
  },
}

describe('announcements', () => {
  let store: Store
  let announcements: Announcements
  const said: string[] = []
  const acknowledged = new Set(['host1', 'host2'])
  let waiting: (() => void)[] = []
  const change = (work: (tx: Transaction) => void) => store.transact({ source: 'test' }, work)
  const begin = () => {
    announcements = new Announcements({
      ...{ store, ...announced(store) },
      wayOut: at => wayOut(store, at),
      emit: (host, port, bytes) => {
        const frame = Buffer.from(bytes)
        const isArp = frame.readUInt16BE(12) === 0x0806
        const ip = isArp ? [...frame.subarray(28, 32)].join('.') : frame.toString('hex', 22, 38)
        said.push(`${host} ${port} ${frame.toString('hex', 6, 12)} ${ip}`)
      },
      acknowledged: async id => {
        if (!acknowledged.has(id)) await new Promise<void>(resolve => waiting.push(resolve))
        return true
      },
      isConnected: () => true,
      now: () => performance.now(),
    })
  }
  const within = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    return said.splice(0)
  }
  const mac = (of: { readonly macAddress: string }) => of.macAddress.replaceAll(':', '')
  const fipAt = (host: string) => `${host} 20 ${mac(floating)} 203.0.113.77`

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    said.length = 0
    waiting = []
    acknowledged.add('host2')
    store = openMemoryStore({ kinds: modelKinds })
    await change(tx => {
      tx.insert(networks, { ...aNetwork('out', 1), external: true, segments: physical })
      tx.insert(networks, aNetwork('red', 2))
      for (const cidr of [out, out6]) tx.insert(subnets, aSubnet(cidr, 'out'))
      tx.insert(subnets, aSubnet('10.0.0.0/24', 'red'))
      for (const [i, id] of ['host1', 'host2'].entries()) {
        tx.insert(chassis, { ...aChassis(id, i + 1), providerPorts: { physnet1: 20 } })
        tx.insert(attachments, { id: `${id}/out`, chassis: id, network: 'out', localVlan: 1, isMember: false })
      }
      tx.insert(routers, aRouter('r', 1))
      for (const port of [vm, gateway, floating]) tx.insert(ports, port)
      tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' })
      tx.insert(bindings, aBinding(vm, aChassis('host1', 1), 5))
    })
  })
  afterEach(async () => {
    announcements.close()
    vi.useRealTimers()
    await store.close()
  })

  test('are made three times of a floating IP from the chassis of its port, and again when that moves', async () => {
    begin()
    await change(tx => tx.insert(floatingIps, fip))
    expect(await within(0)).toEqual([fipAt('host1')])
    expect(await within(999)).toEqual([])
    expect(await within(1)).toEqual([fipAt('host1')])
    expect(await within(2000)).toEqual([fipAt('host1')])
    expect(await within(10_000)).toEqual([])
    acknowledged.delete('host2')
    await change(tx => {
      tx.remove(bindings, 'vm@host1')
      tx.insert(bindings, aBinding(vm, aChassis('host2', 2), 5))
    })
    expect(await within(5000)).toEqual([])
    for (const resolve of waiting) resolve()
    expect(await within(0)).toEqual([fipAt('host2')])
    expect(await within(5000)).toEqual([fipAt('host2'), fipAt('host2')])
  })

  test('end when the address is no more there', async () => {
    begin()
    await change(tx => tx.insert(floatingIps, fip))
    expect(await within(0)).toHaveLength(1)
    await change(tx => tx.replace(floatingIps, { ...fip, portId: null, fixedIpAddress: null, routerId: null }))
    expect(await within(5000)).toEqual([])
    expect(announcements.pending).toBe(0)
  })

  test('are made of a gateway and what is translated there, where the gateway is', async () => {
    begin()
    await change(tx => {
      tx.replace(routers, aRouter('r', 1, { distributed: false }))
      tx.insert(floatingIps, fip)
    })
    expect(await within(5000)).toEqual([])
    const gatewayAt = (host: string) => [
      `${host} 20 ${mac(gateway)} 203.0.113.9`,
      `${host} 20 ${mac(gateway)} 20010db8000000000000000000000009`,
    ]
    for (const host of ['host1', 'host2']) {
      announcements.gatewayMoved('r', host)
      announcements.gatewayMoved('r', host)
      expect(await within(0)).toEqual([...gatewayAt(host), fipAt(host)])
      expect(await within(500)).toEqual([])
    }
    announcements.gatewayMoved('r', undefined)
    expect(await within(5000)).toEqual([])
    announcements.gatewayMoved('r', 'host1')
    await within(5000)
    await change(tx => tx.replace(ports, { ...gateway, fixedIps: fixedIps({ [out]: '203.0.113.10' }) }))
    expect((await within(0)).map(text => text.split(' ').at(-1))).toEqual(['203.0.113.10'])
  })

  test('are not repeated when the controller starts, but when a chassis is back', async () => {
    await change(tx => tx.insert(floatingIps, fip))
    begin()
    expect(await within(5000)).toEqual([])
    announcements.returned('host2')
    expect(await within(0)).toEqual([])
    announcements.returned('host1')
    expect(await within(0)).toEqual([fipAt('host1')])
  })

  test('are a thousand a second from one chassis', async () => {
    begin()
    await change(tx => {
      for (let n = 1; n <= 1500; n++) {
        const ip = `203.0.${114 + (n >> 8)}.${n & 255}`
        tx.insert(ports, aPort(`f${n}`, 100 + n, 'out', { fixedIps: fixedIps({ [out]: ip }) }))
        const fixed = `10.1.${n >> 8}.${n & 255}`
        const more = { id: `fip${n}`, key: n, floatingIpAddress: ip, floatingPortId: `f${n}`, fixedIpAddress: fixed }
        tx.insert(floatingIps, { ...fip, ...more })
      }
    })
    expect(await within(0)).toHaveLength(1000)
    expect((await within(700)).length).toBe(500)
  })
})
