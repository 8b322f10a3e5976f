// ICMP errors of routers: what is said, by whom, about what none is sent, and how many.
import { expect, test } from 'vitest'
import { icmpError, type RouterError } from '#fabric/icmp-error'
import { RouterErrors } from '#fabric/router-errors'
import { ports, subnets } from '#model'
import { type End, echo, frame, icmp, other, type Payload, SYN, tcp, udp } from '#test/support/frames'
import { aSubnet, fixedIps } from '#test/support/routing'
import { aPort, securedCloud } from '#test/support/secured'

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

test('comes from the address of the router on the network of the sender, so many a second for each chassis', async () => {
  const { store, change } = securedCloud()
  await change(tx => {
    for (const cidr of ['10.0.0.0/24', '10.1.0.0/24']) tx.insert(subnets, aSubnet(cidr, 'net'))
    const addresses = fixedIps({ '10.0.0.0/24': '10.0.0.1', '10.1.0.0/24': '10.1.0.1' })
    tx.insert(ports, aPort('interface', 7, 'net', { fixedIps: addresses }))
  })
  const sent: [string, number, string][] = []
  let now = 0
  const errors = new RouterErrors({
    store,
    send: (chassis, port, packet) => sent.push([chassis, port, Buffer.from(packet).subarray(26, 30).join('.')]),
    now: () => now,
  })
  const about = { inPort: 105, packet: frame(vm4, to4, udp(1, 2)), why: 'noRoute', interfaceKey: 7 } as const
  for (let i = 0; i < 300; i++) errors.answer({ ...about, chassis: 'host1' })
  expect(sent).toHaveLength(200)
  expect(sent[0]).toEqual(['host1', 105, '10.1.0.1'])
  errors.answer({ ...about, chassis: 'host2' })
  now += 1000
  for (let i = 0; i < 300; i++) errors.answer({ ...about, chassis: 'host1' })
  errors.answer({ ...about, chassis: 'host1', interfaceKey: 8 })
  expect(errors.counts).toEqual({ sent: 301, dropped: 300 })
})
