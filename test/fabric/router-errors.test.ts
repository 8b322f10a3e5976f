// ICMP errors of routers: what is said, by whom, about what none is sent, and how many.
import { beforeEach, describe, expect, test } from 'vitest'
import { icmpError, type RouterError } from '#fabric/icmp-error'
import { RouterErrors, type Undelivered } from '#fabric/router-errors'
import { tcpReset } from '#fabric/tcp-reset'
import {
  chassis,
  type FloatingIp,
  floatingIps,
  modelKinds,
  ports,
  routerPorts,
  routers,
  type SubnetPool,
  subnetPools,
  subnets,
} from '#model'
import { openMemoryStore, type Store } from '#store'
import { ACK, type End, echo, frame, icmp, other, type Payload, SYN, tcp, udp } from '#test/support/frames'
import { addInterface, aRouter, aSubnet, fixedIps } from '#test/support/routing'
import { aChassis, addNetwork, addPort, aNetwork, aPort } from '#test/support/secured'

const vm4: End = { mac: 'fa:16:3e:00:00:05', ip: '10.1.0.5' }
const vm6: End = { mac: vm4.mac, ip: 'fd01::5' }
const router = 'fa:16:3e:00:00:01'
const to4: End = { mac: router, ip: '203.0.113.9' }
const to6: End = { mac: router, ip: '2001:db8::9' }
const own4 = { mac: router, ip: '10.1.0.1' }
const own6 = { mac: router, ip: 'fd01::1' }

/** Sums 16-bit words, as a receiver checks: 0xffff when all is well. */
const sum = (...parts: readonly Buffer[]) => {
  const bytes = Buffer.concat(parts)
  let total = 0
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

const said = (payload: Payload, why: RouterError, family: 4 | 6 = 4) => {
  const [from, to, own] = family === 4 ? [vm4, to4, own4] : [vm6, to6, own6]
  const error = icmpError(frame(from, to, payload), why, own)
  const message = error?.subarray(family === 4 ? 34 : 54)
  return message && `${message[0]}/${message[1]}`
}

test.each([
  ['expired', udp(1, 2), '11/0', '3/0'],
  ['noRoute', udp(1, 2), '3/0', '1/0'],
  ['noNeighbor', tcp(1, 2, SYN), '3/1', '1/3'],
  ['notServed', udp(1, 2), '3/3', '1/4'],
  ['notServed', other(47), '3/2', '4/1'],
] as const)('%s', (why, payload, v4, v6) => {
  expect(said(payload, why)).toBe(v4)
  expect(said(payload, why, 6)).toBe(v6)
})

test('is a packet that hosts accept, with what it is about inside', () => {
  const about = frame(vm4, to4, udp(1, 2, Buffer.alloc(1200)))
  const error = icmpError(about, 'expired', own4) as Buffer
  expect(error.subarray(0, 14).toString('hex')).toBe('fa163e000005fa163e0000010800')
  const [header, message] = [error.subarray(14, 34), error.subarray(34)]
  expect([sum(header), sum(message)]).toEqual([0xffff, 0xffff])
  expect(error.length - 14).toBe(576)
  expect(message.subarray(8)).toEqual(about.subarray(14, 14 + 548))
  const about6 = frame(vm6, to6, udp(1, 2, Buffer.alloc(1300)))
  const error6 = icmpError(about6, 'expired', own6) as Buffer
  const pseudo = Buffer.concat([error6.subarray(22, 54), Buffer.alloc(8)])
  pseudo.writeUInt32BE(error6.readUInt16BE(18), 32)
  pseudo[39] = 58
  expect(sum(pseudo, error6.subarray(54))).toBe(0xffff)
  expect(error6.length - 14).toBe(1280)
})

test('is never about errors, later fragments and what is not between two hosts', () => {
  expect(said(icmp(3, 1, Buffer.alloc(32)), 'expired')).toBeUndefined()
  expect(said(icmp(1, 1, Buffer.alloc(52), 58), 'expired', 6)).toBeUndefined()
  expect(said(echo(8), 'expired')).toBe('11/0')
  expect(said(icmp(13, 0, Buffer.alloc(16)), 'notServed')).toBeUndefined()
  const none = (from: End, to: End, more = {}) =>
    icmpError(frame(from, to, udp(1, 2, Buffer.alloc(64)), more), 'expired', own4)
  expect(none(vm4, to4, { fragment: { offset: 0, length: 32, more: true } })).toBeDefined()
  expect(none(vm4, to4, { fragment: { offset: 32, length: 32, more: false } })).toBeUndefined()
  expect(none({ ...vm4, ip: '0.0.0.0' }, to4)).toBeUndefined()
  expect(none(vm4, { ...to4, ip: '224.0.0.1' })).toBeUndefined()
  expect(none(vm4, { ...to4, mac: 'ff:ff:ff:ff:ff:ff' })).toBeUndefined()
  expect(icmpError(Buffer.from('00'.repeat(20), 'hex'), 'expired', own4)).toBeUndefined()
})

test('quotes the first fragment of a packet as a whole one, as conntrack translates no other', () => {
  const fragment = frame(vm4, to4, udp(1, 2, Buffer.alloc(64)), { fragment: { offset: 0, length: 32, more: true } })
  const quoted = (icmpError(fragment, 'tooBig', own4, 1400) as Buffer).subarray(42)
  expect(quoted.readUInt16BE(6)).toBe(0)
  expect(sum(quoted.subarray(0, 20))).toBe(0xffff)
  expect(quoted.subarray(20)).toEqual(fragment.subarray(34))
})

test('tells for which MTU a packet is too big', () => {
  const error4 = icmpError(frame(vm4, to4, udp(1, 2)), 'tooBig', own4, 1400) as Buffer
  expect(error4.subarray(34, 36).toString('hex') + error4.subarray(38, 42).toString('hex')).toBe('030400000578')
  const error6 = icmpError(frame(vm6, to6, udp(1, 2)), 'tooBig', own6, 1400) as Buffer
  expect(error6.subarray(54, 56).toString('hex') + error6.subarray(58, 62).toString('hex')).toBe('020000000578')
})

describe('a reset', () => {
  const reset = (flags: number, ends: readonly [End, End] = [vm4, to4]) =>
    tcpReset(frame(...ends, tcp(1025, 80, flags, 0xffffffff, 77)), to4.mac)
  const ports = '0050' + '0401'

  test('acknowledges what it refuses', () => {
    expect(reset(SYN)?.subarray(34, 48).toString('hex')).toBe(`${ports}${'00000000'}${'00000000'}5014`)
    expect(reset(SYN | 1)?.readUInt32BE(42)).toBe(1)
  })

  test('continues where the other end is', () => {
    expect(reset(ACK)?.subarray(34, 48).toString('hex')).toBe(`${ports}${'0000004d'}${'00000000'}5004`)
  })

  test('comes from the destination, with the right checksums, and never answers a reset', () => {
    const [four, six] = [reset(SYN), reset(SYN, [vm6, to6])]
    expect([...four!.subarray(26, 34)]).toEqual([203, 0, 113, 9, 10, 1, 0, 5])
    const pseudo = (ends: Buffer, length: number) => Buffer.concat([ends, Buffer.from([0, 6, 0, length])])
    expect([sum(four!.subarray(14, 34)), sum(pseudo(four!.subarray(26, 34), 20), four!.subarray(34))]).toEqual([
      0xffff, 0xffff,
    ])
    expect(sum(pseudo(six!.subarray(22, 54), 20), six!.subarray(54))).toBe(0xffff)
    expect(reset(4)).toBeUndefined()
    expect(tcpReset(frame(vm4, to4, udp(1, 2)), to4.mac)).toBeUndefined()
  })
})

const floatingIp: FloatingIp = {
  ...{ id: 'fip', key: 1, projectId: 'p', floatingNetworkId: 'out', floatingIpAddress: '203.0.113.9' },
  ...{ floatingPortId: 'fip', portId: null, fixedIpAddress: null, routerId: 'r', dnsName: '', dnsDomain: '' },
}

const pool: SubnetPool = {
  ...{ id: 'pool', projectId: 'p', name: 'pool', ipVersion: 4, prefixes: ['0.0.0.0/0'], defaultPrefixLength: 24 },
  ...{ minPrefixLength: 8, maxPrefixLength: 32, defaultQuota: null, addressScopeId: 'scope', isDefault: false },
}

describe('an answer', () => {
  const sent: string[] = []
  let now = 0
  let errors: RouterErrors
  let store: Store
  const words = (bytes: Uint8Array) => {
    const packet = Buffer.from(bytes)
    const [from, to] = [packet.subarray(26, 30).join('.'), packet.subarray(30, 34).join('.')]
    return `${packet.toString('hex', 6, 12).slice(-2)}>${packet.toString('hex', 0, 6).slice(-2)} ${from}>${to} ${packet[23]}`
  }
  const gateway: End = { mac: 'fa:16:3e:00:00:63', ip: '203.0.113.2' }
  const outside: End = { mac: '02:00:00:00:00:99', ip: '198.51.100.9' }

  beforeEach(async () => {
    sent.length = 0
    now = 0
    store = openMemoryStore({ kinds: modelKinds })
    await store.transact({ source: 'test' }, tx => {
      for (const network of [aNetwork('net', 1), aNetwork('other', 2), aNetwork('out', 3)]) addNetwork(tx, network, [])
      tx.insert(chassis, aChassis('host1', 1))
      const r = aRouter('r', 2)
      addInterface(tx, r, aNetwork('net', 1), 7, { '10.0.0.0/24': '10.0.0.1', '10.1.0.0/24': '10.1.0.1' })
      addInterface(tx, r, aNetwork('other', 2), 8, { '10.2.0.0/24': '10.2.0.1' })
      tx.insert(subnets, aSubnet('203.0.113.0/24', 'out'))
      const external = (id: string, key: number, ip: string, deviceOwner: string) =>
        tx.insert(ports, aPort(id, key, 'out', { fixedIps: fixedIps({ '203.0.113.0/24': ip }), deviceOwner }))
      external('gw', 9, '203.0.113.2', 'network:router_gateway')
      external('fip', 10, '203.0.113.9', 'network:floatingip')
      tx.insert(floatingIps, floatingIp)
      tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' })
      const vm = aPort('vm', 5, 'net', { fixedIps: fixedIps({ '10.1.0.0/24': vm4.ip }) })
      addPort(tx, vm, aChassis('host1', 1))
    })
    errors = new RouterErrors({
      store,
      emit: (host, port, packet) => sent.push(`${host} port ${port}: ${words(packet)}`),
      route: (host, router, packet, isTranslated) =>
        sent.push(`${host} router ${router}${isTranslated ? ' translated' : ''}: ${words(packet)}`),
      forward: (host, { network, zone }, packet) =>
        sent.push(`${host} network ${network} zone ${zone}: ${words(packet)}`),
      now: () => now,
    })
  })
  const about = (from: End, to: End, more: Partial<Undelivered> = {}) => ({
    ...{ chassis: 'host1', packet: frame(from, to, udp(1, 2)), why: 'noRoute' as const },
    ...{ router: 2, interfaceKey: 7, sourcePort: 5, ...more },
  })

  test('comes from the address of the router on the network of the sender, so many a second for each chassis', () => {
    for (let i = 0; i < 300; i++) errors.answer(about(vm4, to4))
    expect(sent).toHaveLength(200)
    expect(sent[0]).toBe('host1 port 105: 07>05 10.1.0.1>10.1.0.5 1')
    errors.answer(about(vm4, to4, { chassis: 'host2' }))
    expect(sent).toHaveLength(201)
    now += 1000
    for (let i = 0; i < 300; i++) errors.answer(about(vm4, to4))
    errors.answer(about(vm4, to4, { router: 77, interfaceKey: 78 }))
    expect(errors.counts).toEqual({ sent: new Map([['noRoute', 301]]), dropped: 300 })
  })

  test('to one who is elsewhere goes through the router', () => {
    errors.answer(about(vm4, to4, { interfaceKey: 0, sourcePort: 0 }))
    expect(sent).toEqual(['host1 router 2: 07>05 10.1.0.1>10.1.0.5 1'])
  })

  test('about a translated packet is translated back', () => {
    errors.answer(about({ ...vm4, ip: gateway.ip }, outside, { why: 'tooBig', mtu: 1400 }))
    errors.answer(about({ ...vm4, ip: '203.0.113.9' }, outside, { why: 'noNeighbor', sourcePort: 0, interfaceKey: 0 }))
    expect(sent).toEqual([
      'host1 router 2 translated: 07>05 10.0.0.1>203.0.113.2 1',
      'host1 router 2 translated: 07>05 10.0.0.1>203.0.113.9 1',
    ])
  })

  test('to the outside is in the name of the one that the packet was for', () => {
    errors.answer(about(outside, { mac: gateway.mac, ip: vm4.ip }, { interfaceKey: 9, sourcePort: 0, why: 'tooBig' }))
    errors.answer(about(outside, gateway, { interfaceKey: 9, sourcePort: 0, why: 'notServed' }))
    expect(sent).toEqual([
      'host1 router 2: 09>99 10.1.0.5>198.51.100.9 1',
      'host1 router 2: 09>99 203.0.113.2>198.51.100.9 1',
    ])
  })

  test('to the outside, where that knows addresses inside as they are, comes from the gateway', async () => {
    const from = about(outside, { mac: gateway.mac, ip: vm4.ip }, { interfaceKey: 9, sourcePort: 0, why: 'expired' })
    await store.transact({ source: 'test' }, tx => tx.replace(routers, aRouter('r', 2, { enableSnat: false })))
    errors.answer(from)
    await store.transact({ source: 'test' }, tx =>
      tx.replace(floatingIps, { ...floatingIp, portId: 'vm', fixedIpAddress: vm4.ip }),
    )
    errors.answer(from)
    const scoped = { ...aSubnet('10.1.0.0/24', 'net'), subnetPoolId: 'pool' }
    await store.transact({ source: 'test' }, tx => {
      tx.replace(floatingIps, floatingIp)
      tx.replace(routers, aRouter('r', 2))
      tx.insert(subnetPools, pool)
      tx.replace(subnets, scoped)
      tx.replace(subnets, { ...aSubnet('203.0.113.0/24', 'out'), subnetPoolId: 'pool' })
    })
    errors.answer(from)
    expect(sent).toEqual([
      'host1 router 2: 09>99 203.0.113.2>198.51.100.9 1',
      'host1 router 2: 09>99 10.1.0.5>198.51.100.9 1',
      'host1 router 2: 09>99 203.0.113.2>198.51.100.9 1',
    ])
  })

  test('of a firewall is a reset for TCP alone', () => {
    const packet = frame(vm4, to4, tcp(1, 2, SYN))
    errors.answer(about(vm4, to4, { why: 'rejected', packet }))
    errors.answer(about(vm4, to4, { why: 'rejected' }))
    expect(sent).toEqual(['host1 port 105: 07>05 203.0.113.9>10.1.0.5 6', 'host1 port 105: 07>05 10.1.0.1>10.1.0.5 1'])
  })

  test('of the firewall of a port comes from the destination, by the way of its answers', () => {
    const there: End = { mac: 'fa:16:3e:00:00:66', ip: '10.1.0.6' }
    const reject = (from: End, to: End, sourcePort: number, network: number) =>
      errors.reject({ chassis: 'host1', packet: frame(from, to, tcp(1, 2, SYN)), sourcePort, network, zone: 4 })
    reject(vm4, there, 5, 1)
    reject({ ...vm4, mac: router }, there, 5, 2)
    reject(there, vm4, 0, 1)
    expect(sent).toEqual([
      'host1 port 105: 66>05 10.1.0.6>10.1.0.5 6',
      'host1 port 105: 07>05 10.1.0.6>10.1.0.5 6',
      'host1 network 1 zone 4: 05>66 10.1.0.5>10.1.0.6 6',
    ])
  })
})
