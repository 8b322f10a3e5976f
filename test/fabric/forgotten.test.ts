// What is to be forgotten of addresses that changed hands, where, and when.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Forgotten } from '#fabric/forgotten'
import {
  attachments,
  bindings,
  chassis,
  floatingIps,
  modelKinds,
  networks,
  portForwardings,
  ports,
  routerPorts,
  routers,
  subnets,
  type Transaction,
} from '#model'
import { openMemoryStore, type Store } from '#store'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'
import { aRouter, aSubnet, fixedIps } from '#test/support/routing'
import { remembered } from '../../src/main/remembered.ts'

const out = '203.0.113.0/24'
const red = '10.0.0.0/24'
const red6 = 'fd00::/64'
const vm = aPort('vm', 5, 'red', { fixedIps: fixedIps({ [red]: '10.0.0.5', [red6]: 'fd00::5' }) })
const other = aPort('other', 6, 'red', { fixedIps: fixedIps({ [red]: '10.0.0.6' }) })
const gateway = aPort('gw', 1, 'out', { fixedIps: fixedIps({ [out]: '203.0.113.2' }) })
const fip = {
  ...{ id: 'fip', key: 1, projectId: 'p', floatingNetworkId: 'out', floatingIpAddress: '203.0.113.9' },
  ...{ floatingPortId: 'fip-port', portId: 'vm' as string | null, fixedIpAddress: '10.0.0.5' as string | null },
  ...{ routerId: 'r', dnsName: '', dnsDomain: '' },
}
const [host1, host2] = [aChassis('host1', 1), { ...aChassis('host2', 2), gatewayPriority: 1 }]

describe('forgetting', () => {
  let store: Store
  let forgotten: Forgotten
  const sent: string[] = []
  let waiting: (() => void)[] | undefined
  const change = (work: (tx: Transaction) => void) => store.transact({ source: 'test' }, work)
  const within = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    return sent.splice(0).sort()
  }
  const ends = (of: { src?: string; dst?: string; dstPort?: number } | undefined) =>
    of === undefined ? '' : [of.src ?? '', of.dst ?? '', ...(of.dstPort === undefined ? [] : [of.dstPort])].join('>')

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    sent.length = 0
    waiting = undefined
    store = openMemoryStore({ kinds: modelKinds })
    await change(tx => {
      const physical = [{ networkType: 'flat', physicalNetwork: 'physnet1' }] as const
      tx.insert(networks, { ...aNetwork('out', 1), external: true, segments: physical })
      tx.insert(networks, aNetwork('red', 2))
      for (const [cidr, network] of [[out, 'out'] as const, [red, 'red'] as const, [red6, 'red'] as const])
        tx.insert(subnets, aSubnet(cidr, network))
      for (const one of [host1, host2]) {
        tx.insert(chassis, { ...one, providerPorts: { physnet1: 20 } })
        for (const [i, network] of ['out', 'red'].entries()) {
          const id = `${one.id}/${network}`
          tx.insert(attachments, { id, chassis: one.id, network, localVlan: i + 1, isMember: true })
        }
      }
      tx.insert(routers, aRouter('r', 1))
      const floatingPort = aPort('fip-port', 2, 'out', { fixedIps: fixedIps({ [out]: '203.0.113.9' }) })
      for (const port of [vm, other, gateway, floatingPort]) tx.insert(ports, port)
      tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' })
      tx.insert(bindings, aBinding(vm, host1, 5))
      tx.insert(bindings, aBinding(other, host1, 6))
      tx.insert(floatingIps, fip)
    })
    forgotten = new Forgotten({
      ...{ store, remembered: remembered(store), now: () => performance.now() },
      forget: (host, { zone, protocol = '', original, reply }) =>
        sent.push(`${host} ${zone} ${protocol} ${ends(original)} ${ends(reply)}`),
      acknowledged: async () => {
        if (waiting) await new Promise<void>(resolve => waiting?.push(resolve))
        return true
      },
    })
  })
  afterEach(async () => {
    forgotten.close()
    vi.useRealTimers()
    await store.close()
  })

  const ofFip = (host: string, fixed: string) => [
    `${host} 4097  ${fixed}> >203.0.113.9`,
    `${host} 4097  >203.0.113.9 ${fixed}>`,
  ]

  test('a floating IP that goes to another port: what was of the former, when the flows are there, three times', async () => {
    waiting = []
    await change(tx => tx.replace(floatingIps, { ...fip, portId: 'other', fixedIpAddress: '10.0.0.6' }))
    expect(await within(5000)).toEqual([])
    for (const resolve of waiting) resolve()
    expect(await within(0)).toEqual(ofFip('host1', '10.0.0.5'))
    expect(await within(300)).toEqual(ofFip('host1', '10.0.0.5'))
    expect(await within(700)).toEqual(ofFip('host1', '10.0.0.5'))
    expect(await within(10_000)).toEqual([])
  })

  test('a floating IP that goes, or moves with its port, where it was; on the gateway, on all that may be that', async () => {
    await change(tx => {
      tx.remove(bindings, 'vm@host1')
      tx.insert(bindings, aBinding(vm, host2, 5))
    })
    expect(await within(0)).toEqual(ofFip('host1', '10.0.0.5'))
    await within(5000)
    await change(tx => tx.replace(routers, aRouter('r', 1, { distributed: false })))
    await within(5000)
    await change(tx => tx.remove(floatingIps, 'fip'))
    expect(await within(0)).toEqual(ofFip('host2', '10.0.0.5'))
  })

  test('a forwarded port that leads elsewhere, and no other', async () => {
    const forwarding = {
      ...{ id: 'pf', projectId: 'p', floatingIpId: 'fip', protocol: 'tcp' as const, internalPortId: 'vm' },
      ...{ externalPorts: { first: 80, last: 80 }, internalPorts: { first: 8080, last: 8080 } },
      internalIpAddress: '10.0.0.5',
    }
    await change(tx => {
      tx.replace(floatingIps, { ...fip, portId: null, fixedIpAddress: null })
      for (const id of ['pf', 'still']) {
        const externalPorts = id === 'pf' ? forwarding.externalPorts : { first: 90, last: 99 }
        tx.insert(portForwardings, { ...forwarding, id, externalPorts })
      }
    })
    await within(5000)
    await change(tx => tx.replace(portForwardings, { ...forwarding, internalPorts: { first: 81, last: 81 } }))
    expect(await within(0)).toEqual(['host2 4097 6 >203.0.113.9>80 10.0.0.5>'])
    await within(5000)
    await change(tx => tx.remove(portForwardings, 'still'))
    expect(await within(0)).toEqual(['host2 4097 6 >203.0.113.9 10.0.0.5>'])
  })

  test('the address that a router translates to, when it is another or none', async () => {
    await change(tx => tx.replace(ports, { ...gateway, fixedIps: fixedIps({ [out]: '203.0.113.3' }) }))
    expect(await within(0)).toEqual(['host2 4097   >203.0.113.2'])
    await within(5000)
    await change(tx => tx.replace(routers, aRouter('r', 1, { enableSnat: false })))
    expect(await within(0)).toEqual(['host2 4097   >203.0.113.3'])
  })

  test('addresses of a port that is nowhere any more, and one that was taken from it; nothing when it lives on elsewhere', async () => {
    const of = (ip: string) => [`host1 2  ${ip}> `, `host1 2  >${ip} `].sort()
    await change(tx => tx.replace(ports, { ...vm, fixedIps: fixedIps({ [red]: '10.0.0.5' }) }))
    expect(await within(0)).toEqual(of('fd00::5'))
    await within(5000)
    await change(tx => {
      tx.remove(floatingIps, 'fip')
      tx.remove(bindings, 'vm@host1')
      tx.remove(ports, 'vm')
    })
    expect((await within(0)).filter(text => text.includes(' 2 '))).toEqual(of('10.0.0.5'))
    await within(5000)
    await change(tx => {
      tx.remove(bindings, 'other@host1')
      tx.insert(bindings, aBinding(other, host2, 6))
    })
    expect(await within(0)).toEqual([])
    await change(tx => tx.remove(bindings, 'other@host2'))
    expect(await within(0)).toEqual(of('10.0.0.6').map(text => text.replace('host1', 'host2')))
  })

  test('no more at once than a switch can do beside its work', async () => {
    await change(tx => {
      for (let n = 1; n <= 50; n++) {
        const port = aPort(`p${n}`, 100 + n, 'red', { fixedIps: fixedIps({ [red]: `10.0.0.${100 + n}` }) })
        tx.insert(ports, port)
        tx.insert(bindings, aBinding(port, host1, 100 + n))
      }
    })
    await change(tx => {
      for (let n = 1; n <= 50; n++) {
        tx.remove(bindings, `p${n}@host1`)
        tx.remove(ports, `p${n}`)
      }
    })
    expect(await within(0)).toHaveLength(20)
    const soon = (await within(1000)).length
    expect(soon).toBeLessThanOrEqual(5)
    expect(await within(60_000)).toHaveLength(300 - 20 - soon)
  })
})
