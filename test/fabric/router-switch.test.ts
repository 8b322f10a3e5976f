// What the controller does for routers, with a real switch between it and the packets: a gateway on the dummy datapath, with
// a network outside behind its provider port.
import { existsSync, readFileSync, statSync } from 'node:fs'
import ipaddr from 'ipaddr.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { datapathId } from '#fabric/datapath-id'
import { unsolicitedAdvertisement } from '#fabric/nd'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import {
  attachments,
  chassis,
  chassisPort,
  type FloatingIp,
  floatingIps,
  networks,
  PATCH_TUN,
  ports,
  routerPorts,
  subnets,
  type Transaction,
  virtualAddresses,
} from '#model'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import { addFirewallGroup, addFirewallPolicy } from '#test/support/firewalled'
import { type End, frame, gratuitousArp, type Payload, SYN, tcp, udp } from '#test/support/frames'
import { anAttachment } from '#test/support/model'
import { describeOvs, until } from '#test/support/ovs'
import { addInterface, aRouter, aSubnet, fixedIps } from '#test/support/routing'
import {
  aChassis,
  addGroup,
  addPort,
  addRule,
  aNetwork,
  aPort,
  removePort,
  type SecuredCloud,
  securedCloud,
} from '#test/support/secured'
import { type Routing, serveRouters } from '../../src/main/routing.ts'

const PROVIDER = 20
const VM = 105
const cidr = '203.0.113.0/24'
const red = aNetwork('red', 1)
const out = {
  ...aNetwork('out', 2),
  external: true,
  mtu: 1500,
  segments: [{ networkType: 'flat', physicalNetwork: 'physnet1' }] as const,
}
const host = aChassis('host1', 1, { providerPorts: { physnet1: PROVIDER }, gatewayPriority: 100 })
const gateway: End = { mac: aPort('gw', 9, 'out').macAddress, ip: '203.0.113.2' }
const outside: End = { mac: '02:00:00:00:00:01', ip: '203.0.113.1' }
const far = '198.51.100.7'
const [cidr6, gateway6, outside6, far6] = ['2001:db8:1::/64', '2001:db8:1::2', '2001:db8:1::1', '2001:db8:9::7']
const vm6 = 'fd00::5'

describeOvs('routers, with the controller behind them,', () => {
  let cloud: SecuredCloud
  let programming: Programming
  let server: Awaited<ReturnType<typeof listenForSwitches>>
  let dummy: DummyChassis
  let routing: Routing
  let vm: End
  let router: End
  const positions = new Map<number, number>()

  const change = async (work: (tx: Transaction) => void) => {
    await cloud.change(work)
    expect(await programming.acknowledged('host1', cloud.store.revision, 5000)).toBe(true)
  }

  beforeEach(async () => {
    positions.clear()
    cloud = securedCloud()
    programming = new Programming({ compiled: cloud.compiler })
    cloud.compiler.onDelta(delta => programming.apply(delta))
    routing = serveRouters(cloud.store, programming)
    server = await listenForSwitches({ address: { port: 0 }, programming, chassisWithKey: () => 'host1' })
    await cloud.change(tx => {
      tx.insert(chassis, host)
      for (const network of [red, out]) {
        tx.insert(networks, network)
        tx.insert(attachments, { ...anAttachment(network, host, network.key + 1), isMember: network === red })
      }
      tx.insert(subnets, { ...aSubnet(cidr, 'out'), gatewayIp: outside.ip })
      tx.insert(subnets, { ...aSubnet(cidr6, 'out'), gatewayIp: outside6 })
      const r = aRouter('r', 3)
      const by = addInterface(tx, r, red, 7, { '10.0.0.0/24': '10.0.0.1', 'fd00::/64': 'fd00::1' })
      router = { mac: by.macAddress, ip: '10.0.0.1' }
      tx.insert(ports, {
        ...aPort('gw', 9, 'out', {
          fixedIps: fixedIps({ [cidr]: gateway.ip, [cidr6]: gateway6 }),
          portSecurityEnabled: false,
        }),
        deviceOwner: 'network:router_gateway',
      })
      tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' })
      const more = { fixedIps: fixedIps({ '10.0.0.0/24': '10.0.0.5', 'fd00::/64': vm6 }), portSecurityEnabled: false }
      const port = addPort(tx, aPort('vm', 5, 'red', more), host)
      vm = { mac: port.macAddress, ip: '10.0.0.5' }
    })
    expect(cloud.compiler.conflicts).toEqual([])
    dummy = await startDummyChassis(cloud.compiler, 'host1')
    await dummy.plug(PROVIDER, VM, chassisPort(1))
    for (const port of [PROVIDER, VM])
      await dummy.ovs.vsctl('set', 'interface', `p${port}`, `options:tx_pcap=${dummy.ovs.dir}/${port}.pcap`)
    await dummy.ovs.vsctl('add-br', 'br-tun', '--', 'set', 'bridge', 'br-tun', 'protocols=OpenFlow15')
    for (const bridge of ['br-int', 'br-tun'] as const)
      await dummy.ovs.vsctl(
        ...['set', 'bridge', bridge, `other-config:datapath-id=${datapathId(1, bridge)}`],
        ...['--', 'set-controller', bridge, `tcp:127.0.0.1:${server.address!.port}`],
        ...['--', 'set', 'controller', bridge, 'max_backoff=1000', 'connection_mode=out-of-band'],
      )
    await until('the switch is programmed', () => programming.isAcknowledged('host1', cloud.store.revision))
  })
  afterEach(async () => {
    routing.close()
    await server.close()
    programming.close()
    await dummy.stop()
  })

  /** Frames that left at a port since this was asked last. */
  const left = (port: number): readonly Buffer[] => {
    const file = `${dummy.ovs.dir}/${port}.pcap`
    const from = positions.get(port) ?? 24
    if (!existsSync(file)) return []
    const bytes = readFileSync(file)
    positions.set(port, Math.max(24, statSync(file).size))
    const found: Buffer[] = []
    for (let at = from; at + 16 <= bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
      found.push(bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)))
    return found
  }
  /** Waits until a frame of this kind leaves at a port. */
  const leaving = async (port: number, what: string, is: (frame: Buffer) => boolean): Promise<Buffer> => {
    let found: Buffer | undefined
    await until(what, () => {
      found = left(port).find(is)
      return found !== undefined
    })
    return found!
  }
  const isArp = (bytes: Buffer) => bytes.readUInt16BE(12) === 0x0806
  const isIp = (protocol: number) => (bytes: Buffer) => bytes.readUInt16BE(12) === 0x0800 && bytes[23] === protocol
  const ends = (bytes: Buffer, at = 26) =>
    `${bytes.subarray(at, at + 4).join('.')}>${bytes.subarray(at + 4, at + 8).join('.')}`
  const fromVm = (payload: Payload, to = far) => frame(vm, { mac: router.mac, ip: to }, payload)
  /** The sum of 16-bit words: 0xffff where the checksum is right. */
  const sum = (...parts: readonly Buffer[]) => {
    const bytes = Buffer.concat(parts)
    let total = 0
    for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
    return total
  }
  const knowOutside = () => dummy.send(PROVIDER, gratuitousArp(outside))

  test('hold a packet until its next hop is known', async () => {
    await dummy.send(VM, fromVm(udp(1000, 53)))
    const question = await leaving(PROVIDER, 'a question', isArp)
    expect(ends(question, 38)).toMatch(/^203\.0\.113\.1/)
    expect([question.toString('hex', 6, 8), question.toString('hex', 28, 32)]).toEqual([
      `0a${question.toString('hex', 7, 8)}`,
      '00000000',
    ])
    await knowOutside()
    const packet = await leaving(PROVIDER, 'the packet', isIp(17))
    expect(ends(packet)).toBe(`${gateway.ip}>${far}`)
    expect(packet.toString('hex', 0, 6)).toBe(outside.mac.replaceAll(':', ''))
    expect(packet.toString('hex', 6, 12)).toBe(gateway.mac.replaceAll(':', ''))
    expect(routing.nextHops.counts).toMatchObject({ dropped: 0, unreachable: 0 })
  })

  test('tell the sender when nobody answers for the next hop, in its own terms', async () => {
    await dummy.send(VM, fromVm(udp(1000, 53)))
    const error = await leaving(VM, 'an error', isIp(1))
    expect([error[34], error[35], ends(error)]).toEqual([3, 1, `10.0.0.1>${vm.ip}`])
    expect(ends(error, 42 + 12)).toBe(`${vm.ip}>${far}`)
    expect(sum(error.subarray(34))).toBe(0xffff)
    expect(routing.errors.counts.sent.get('noNeighbor')).toBe(1)
  })

  const fip: End = { mac: aPort('fip-port', 10, 'out').macAddress, ip: '203.0.113.9' }
  const addFloatingIp = () =>
    change(tx => {
      tx.insert(ports, {
        ...aPort('fip-port', 10, 'out', { fixedIps: fixedIps({ [cidr]: fip.ip }), portSecurityEnabled: false }),
        deviceOwner: 'network:floatingip',
      })
      tx.insert(floatingIps, {
        ...{ id: 'fip', key: 1, projectId: 'p', floatingNetworkId: 'out', floatingIpAddress: fip.ip },
        ...{
          floatingPortId: 'fip-port',
          portId: 'vm',
          fixedIpAddress: vm.ip,
          routerId: 'r',
          dnsName: '',
          dnsDomain: '',
        },
      })
    })
  /** An ICMP error: type and code, MTU, ends, and the ends of what it is about; all checksums are right. */
  const read = (error: Buffer) => {
    const message = error.subarray(34, 14 + error.readUInt16BE(16))
    expect([sum(error.subarray(14, 34)), sum(message), sum(message.subarray(8, 28))]).toEqual([0xffff, 0xffff, 0xffff])
    return {
      type: `${message[0]}/${message[1]}`,
      mtu: message.readUInt16BE(6),
      ends: ends(error),
      about: ends(message, 20),
    }
  }
  const big = (bytes: number) => udp(1000, 53, Buffer.alloc(bytes))

  test('tell the outside of a floating IP what is too big for the network behind it', async () => {
    await addFloatingIp()
    await knowOutside()
    await change(tx => tx.replace(networks, { ...red, mtu: 1400 }))
    left(PROVIDER)
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, fip, big(1420)))
    expect(read(await leaving(PROVIDER, 'an error', isIp(1)))).toEqual({
      ...{ type: '3/4', mtu: 1400 },
      ...{ ends: `${fip.ip}>${far}`, about: `${far}>${fip.ip}` },
    })
    expect(left(VM)).toEqual([])
  })

  test('tell the outside what is too big for the network of the port that it answers', async () => {
    await knowOutside()
    await change(tx => tx.replace(networks, { ...red, mtu: 1400 }))
    await dummy.send(VM, fromVm(udp(1000, 53)))
    const sent = await leaving(PROVIDER, 'the question', isIp(17))
    const port = sent.readUInt16BE(34)
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, gateway, udp(53, port, Buffer.alloc(1420))))
    expect(read(await leaving(PROVIDER, 'an error', isIp(1)))).toEqual({
      ...{ type: '3/4', mtu: 1400 },
      ...{ ends: `${gateway.ip}>${far}`, about: `${far}>${gateway.ip}` },
    })
  })

  test('tell a port what is too big for the outside', async () => {
    await knowOutside()
    await change(tx => tx.replace(networks, { ...out, mtu: 1300 }))
    await dummy.send(VM, fromVm(big(1350)))
    expect(read(await leaving(VM, 'an error', isIp(1)))).toEqual({
      ...{ type: '3/4', mtu: 1300 },
      ...{ ends: `${router.ip}>${vm.ip}`, about: `${vm.ip}>${far}` },
    })
    expect(left(PROVIDER).filter(isIp(17))).toEqual([])
  })

  test('tell the outside that nobody serves at the address of the gateway, and what does not arrive in time', async () => {
    await addFloatingIp()
    await knowOutside()
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, gateway, udp(1000, 53)))
    expect(read(await leaving(PROVIDER, 'an error', isIp(1)))).toMatchObject({
      ...{ type: '3/3', ends: `${gateway.ip}>${far}`, about: `${far}>${gateway.ip}` },
    })
    const late = frame({ ...outside, ip: far }, fip, udp(1000, 53))
    late[22] = 1
    late.writeUInt16BE(late.readUInt16BE(24) + (63 << 8), 24)
    await dummy.send(PROVIDER, late)
    expect(read(await leaving(PROVIDER, 'an error', isIp(1)))).toMatchObject({
      ...{ type: '11/0', ends: `${fip.ip}>${far}`, about: `${far}>${fip.ip}` },
    })
  })

  test('do all that for IPv6, untranslated', async () => {
    const isIpv6 = (next: number, type?: number) => (bytes: Buffer) =>
      bytes.readUInt16BE(12) === 0x86dd && bytes[20] === next && (type === undefined || bytes[54] === type)
    const hex = (ip: string) => Buffer.from(ipaddr.parse(ip).toByteArray()).toString('hex')
    const fromVm6 = (bytes: number) => frame({ ...vm, ip: vm6 }, { mac: router.mac, ip: far6 }, big(bytes))
    await dummy.send(VM, fromVm6(10))
    const question = await leaving(PROVIDER, 'a solicitation', isIpv6(58, 135))
    expect(question.toString('hex', 62, 78)).toBe(hex(outside6))
    await dummy.send(PROVIDER, unsolicitedAdvertisement(outside.mac, outside6, true))
    const packet = await leaving(PROVIDER, 'the packet', isIpv6(17))
    expect(packet.toString('hex', 22, 54)).toBe(hex(vm6) + hex(far6))
    expect(packet.toString('hex', 0, 6)).toBe(outside.mac.replaceAll(':', ''))
    await change(tx => tx.replace(networks, { ...red, mtu: 1400 }))
    const intoVm = frame({ ...outside, ip: far6 }, { mac: gateway.mac, ip: vm6 }, big(1420))
    await dummy.send(PROVIDER, intoVm)
    const error = await leaving(PROVIDER, 'an error', isIpv6(58, 2))
    expect(error.readUInt32BE(58)).toBe(1400)
    expect(error.toString('hex', 22, 54)).toBe(hex(gateway6) + hex(far6))
  })

  /** A TCP segment: flags, sequence and acknowledgement numbers, ends; its checksum is right. */
  const readTcp = (bytes: Buffer) => {
    const segment = bytes.subarray(34, 14 + bytes.readUInt16BE(16))
    const pseudo = Buffer.concat([bytes.subarray(26, 34), Buffer.from([0, 6, 0, segment.length])])
    expect(sum(pseudo, segment)).toBe(0xffff)
    return { flags: segment[13], seq: segment.readUInt32BE(4), ack: segment.readUInt32BE(8), ends: ends(bytes) }
  }

  test('tell a port of another chassis, whose packets come here by transit', async () => {
    await knowOutside()
    const away = aPort('away', 20, 'red', {
      fixedIps: fixedIps({ '10.0.0.0/24': '10.0.0.20' }),
      portSecurityEnabled: false,
    })
    await change(tx => {
      const there = aChassis('host2', 2)
      tx.insert(chassis, there)
      tx.insert(attachments, anAttachment(red, there, 2))
      addPort(tx, away, there)
      tx.replace(networks, { ...out, mtu: 1300 })
    })
    await dummy.ovs.vsctl('set', 'interface', `p${PATCH_TUN}`, `options:tx_pcap=${dummy.ovs.dir}/${PATCH_TUN}.pcap`)
    const transit = { mac: '02:00:00:03:40:01', ip: far }
    await dummy.send(PATCH_TUN, frame({ mac: away.macAddress, ip: '10.0.0.20' }, transit, big(1350), { vlan: 4095 }))
    const tagged = await leaving(PATCH_TUN, 'an error', bytes => bytes.readUInt16BE(12) === 0x8100 && bytes[27] === 1)
    expect([tagged.toString('hex', 0, 6), tagged.readUInt16BE(14)]).toEqual([away.macAddress.replaceAll(':', ''), 2])
    const error = Buffer.concat([tagged.subarray(0, 12), tagged.subarray(16)])
    expect(read(error)).toEqual({
      ...{ type: '3/4', mtu: 1300 },
      ...{ ends: `${router.ip}>10.0.0.20`, about: `10.0.0.20>${far}` },
    })
  })

  test('let the firewall of a port reject what it sends and what it gets', async () => {
    await addFloatingIp()
    await knowOutside()
    await change(tx => {
      addFirewallPolicy(tx, 'refuse', { tcp: { action: 'reject', protocolNumber: 6 } })
      addFirewallGroup(tx, 'g', ['vm'], { ingressPolicyId: 'refuse', egressPolicyId: 'refuse' })
    })
    await dummy.send(VM, fromVm(tcp(1025, 80, SYN, 99)))
    const toVm = readTcp(await leaving(VM, 'a reset', isIp(6)))
    expect(toVm).toEqual({ flags: 20, seq: 0, ack: 100, ends: `${far}>${vm.ip}` })
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, fip, tcp(1025, 80, SYN, 99)))
    const toOutside = readTcp(await leaving(PROVIDER, 'a reset', isIp(6)))
    expect(toOutside).toEqual({ flags: 20, seq: 0, ack: 100, ends: `${fip.ip}>${far}` })
    expect(routing.errors.counts.sent.get('portRejected')).toBe(2)
  })

  test('let the firewall of an interface reject what comes in and what goes out', async () => {
    await addFloatingIp()
    await knowOutside()
    await change(tx => {
      addFirewallPolicy(tx, 'refuse', { tcp: { action: 'reject', protocolNumber: 6 }, udp: { action: 'reject' } })
      addFirewallGroup(tx, 'g', ['r-red'], { ingressPolicyId: 'refuse', egressPolicyId: 'refuse' })
    })
    await dummy.send(VM, fromVm(tcp(1025, 80, SYN, 99)))
    const toVm = readTcp(await leaving(VM, 'a reset', isIp(6)))
    expect(toVm).toEqual({ flags: 20, seq: 0, ack: 100, ends: `${far}>${vm.ip}` })
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, fip, tcp(1025, 80, SYN, 99)))
    const toOutside = readTcp(await leaving(PROVIDER, 'a reset', isIp(6)))
    expect(toOutside).toEqual({ flags: 20, seq: 0, ack: 100, ends: `${fip.ip}>${far}` })
    await dummy.send(PROVIDER, frame({ ...outside, ip: far }, fip, udp(1025, 53)))
    expect(read(await leaving(PROVIDER, 'an error', isIp(1)))).toMatchObject({
      ...{ type: '3/3', ends: `${fip.ip}>${far}`, about: `${far}>${fip.ip}` },
    })
    expect(routing.errors.counts.sent.get('rejected')).toBe(3)
  })

  test('find the port that has an address which several may have, and follow it', async () => {
    const vip = '10.0.0.100'
    const holder = (id: string, key: number) => {
      const port = aPort(id, key, 'red', { fixedIps: fixedIps({ '10.0.0.0/24': `10.0.0.${key}` }) })
      const pair = { ipAddress: vip, macAddress: port.macAddress }
      return { ...port, allowedAddressPairs: [pair], securityGroups: ['any'] }
    }
    const [one, other] = [holder('one', 16), holder('other', 17)]
    await dummy.plug(116, 117)
    for (const port of [116, 117])
      await dummy.ovs.vsctl('set', 'interface', `p${port}`, `options:tx_pcap=${dummy.ovs.dir}/${port}.pcap`)
    await addFloatingIp()
    await knowOutside()
    await change(tx => {
      addGroup(tx, 'any')
      addRule(tx, 'all', 'any')
      for (const port of [one, other]) addPort(tx, port, host)
      tx.insert(ports, aPort('vip', 18, 'red', { fixedIps: fixedIps({ '10.0.0.0/24': vip }) }))
      tx.replace(floatingIps, { ...(tx.get(floatingIps, 'fip') as FloatingIp), portId: 'vip', fixedIpAddress: vip })
    })
    const call = (port: number) => dummy.send(PROVIDER, frame({ ...outside, ip: far }, fip, udp(port, 53)))
    await call(1000)
    for (const port of [116, 117]) {
      const question = await leaving(port, 'a question', isArp)
      expect(ends(question, 38)).toMatch(/^10\.0\.0\.100/)
      expect([...question.subarray(28, 32)]).toEqual([10, 0, 0, 1])
    }
    const reply = gratuitousArp({ mac: one.macAddress, ip: vip })
    Buffer.from(`${router.mac.replaceAll(':', '')}`, 'hex').copy(reply, 0)
    reply[21] = 2
    Buffer.from([10, 0, 0, 1]).copy(reply, 38)
    await dummy.send(116, reply)
    const packet = await leaving(116, 'the packet', isIp(17))
    expect([ends(packet), packet.toString('hex', 0, 6)]).toEqual([`${far}>${vip}`, one.macAddress.replaceAll(':', '')])
    await dummy.send(117, gratuitousArp({ mac: other.macAddress, ip: vip }))
    await until('the address moved', () => cloud.store.get(virtualAddresses, `red/${vip}`)?.portId === 'other')
    expect(await programming.acknowledged('host1', cloud.store.revision, 5000)).toBe(true)
    await call(1001)
    expect((await leaving(117, 'the packet', isIp(17))).toString('hex', 0, 6)).toBe(
      other.macAddress.replaceAll(':', ''),
    )
    expect(routing.virtual.counts).toMatchObject({ moved: 2, unheeded: 0 })
    await change(tx => removePort(tx, 'other'))
    await until('it is forgotten', () => cloud.store.count(virtualAddresses) === 0)
  })

  test('announce a floating IP', async () => {
    await addFloatingIp()
    const announcement = await leaving(PROVIDER, 'an announcement', bytes => isArp(bytes) && bytes[31] === 9)
    expect(announcement.toString('hex', 6, 12)).toBe(fip.mac.replaceAll(':', ''))
    expect(announcement.subarray(38, 42)).toEqual(announcement.subarray(28, 32))
  })
})
