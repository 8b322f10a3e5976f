// What security groups let through and what they stop: packets of real VMs on two hosts, IPv4 and IPv6, as the whole
// controller programs it from the API. Packets that must not arrive are followed by one that must: when it is there, the
// others are not on their way any more.
import ipaddr from 'ipaddr.js'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Host } from '#test/support/cloud'
import { type End, ethernet, frame, icmp, type Payload, sctp, udp } from '#test/support/frames'
import { describeDataplane, until } from '#test/support/ovs'
import { type Machine, makeGroup, startMachine } from './agent.ts'
import { ipOf, type PortResource, type Resource, startWorld, type World } from './world.ts'

const FAMILIES = [4, 6] as const
type Family = (typeof FAMILIES)[number]

const ingress = (ethertype: string, more: Record<string, unknown>) => ({ direction: 'ingress', ethertype, ...more })
const egress = (ethertype: string, more: Record<string, unknown> = {}) => ({ direction: 'egress', ethertype, ...more })
const ports = (protocol: string, min: number, max = min) => ({ protocol, port_range_min: min, port_range_max: max })
const twice = (rule: (ethertype: string, more: Record<string, unknown>) => Record<string, unknown>, more = {}) => [
  rule('IPv4', more),
  rule('IPv6', more),
]

const text = (mark: string) => Buffer.from(`~${mark}~`)
/** A link-local address (RFC 4291, appendix A). */
const linkLocal = (mac: string) => {
  const bytes = mac.split(':').map(byte => Number.parseInt(byte, 16))
  const id = [(bytes[0] ?? 0) ^ 2, ...bytes.slice(1, 3), 0xff, 0xfe, ...bytes.slice(3)]
  const word = (i: number) => (((id[i] ?? 0) << 8) | (id[i + 1] ?? 0)).toString(16)
  return `fe80::${[0, 2, 4, 6].map(word).join(':')}`
}
/** A fragment of what IPv6 carries (RFC 8200, section 4.5). */
const fragment6 = (whole: Payload, from: number, to: number): Payload => ({
  protocol: 44,
  bytes: (...ends) => {
    const bytes = whole.bytes(...ends)
    const header = Buffer.from([whole.protocol, 0, 0, 0, 0, 0, 0, 1])
    header.writeUInt16BE(from | (to < bytes.length ? 1 : 0), 2)
    return Buffer.concat([header, bytes.subarray(from, to)])
  },
})
/** The only fragment of a packet (RFC 6946). */
const atomic = (whole: Payload) => fragment6(whole, 0, 65536)
/** What is too long for one frame. */
const long = (mark: string) => Buffer.from(`~${mark}~`.repeat(99)).subarray(0, 2000)
const neighborAdvertisement = (target: string, mark: string): Payload =>
  icmp(
    136,
    0,
    Buffer.concat([
      Buffer.from('20000000', 'hex'),
      Buffer.from(ipaddr.parse(target).toByteArray()),
      text(mark.padEnd(16)),
    ]),
    58,
  )

describeDataplane('security groups', () => {
  let world: World
  let hosts: Host[]
  let net: Resource
  let other: Resource
  const machines: Machine[] = []
  let sentinels = 0
  const groups: Record<string, string> = {}
  let client: Machine
  let stranger: Machine
  let near: Machine
  let far: Machine
  /** Without port security, on host2: routers, servers and attackers. */
  let open: Machine
  /** With stateless groups, on a network of theirs: two on host1, one on host2; and one without port security. */
  let plain: Machine[]
  let plainOpen: Machine
  let memberElsewhere: PortResource
  let strangerElsewhere: PortResource

  /** Makes VMs on hosts and networks, with ports as said. */
  const machinesOn = async <T extends readonly (readonly [number, Resource, Record<string, unknown>])[]>(
    ...wanted: T
  ) => {
    const made = await Promise.all(
      wanted.map(async ([host, network, body]) =>
        startMachine(...(await world.vmOn(hosts[host - 1] as Host, network, body))),
      ),
    )
    machines.push(...made)
    return made as { readonly [I in keyof T]: Machine }
  }
  const group = async (
    name: string,
    ...rest: Parameters<typeof makeGroup> extends [World, string, ...infer R] ? R : never
  ) => {
    groups[name] = (await makeGroup(world, name, ...rest)).id
    return groups[name]
  }
  const address = (of: Machine, family: Family) => (family === 4 ? of.ip : of.ip6)
  const end = (of: Machine, family: Family): End => ({ mac: of.port.mac_address, ip: address(of, family) })
  const sendFrame = (from: Machine, source: End, to: End, payload: Payload) =>
    from.call('frame', { hex: frame(source, to, payload).toString('hex') })
  /** The same in two fragments. */
  const sendPieces = async (from: Machine, source: End, to: End, whole: Payload) => {
    for (const offset of [0, 1280])
      if (source.ip.includes(':')) await sendFrame(from, source, to, fragment6(whole, offset, offset + 1280))
      else {
        const { length } = whole.bytes(source, to)
        const fragment = { offset, length: 1280, more: offset + 1280 < length }
        await from.call('frame', { hex: frame(source, to, whole, { fragment }).toString('hex') })
      }
  }
  /** What arrived with each mark, once the packet did that `last` sends with a mark; twice, as a batch may be turned round. */
  const arrived = async (to: Machine, names: readonly string[], last: (mark: string) => Promise<unknown>) => {
    for (const _ of [1, 2]) {
      const mark = `last.${++sentinels}`
      await last(mark)
      await to.sees(mark)
    }
    return await to.seen(names)
  }

  beforeAll(async () => {
    world = await startWorld()
    hosts = await Promise.all([world.addHost('host1', 1), world.addHost('host2', 2)])
    net = await world.createNetwork({ name: 'net' }, ['10.61.0.0/24', 'fd61::/64'])
    other = await world.createNetwork({ name: 'other' }, ['10.62.0.0/24', 'fd62::/64'])
    await group('client', twice(egress))
    await group('stranger', twice(egress))
    const partners = await world.create('address-group', {
      name: 'partners',
      addresses: ['10.61.0.201/32', '10.61.0.208/28', 'fd61::201/128', 'fd61::1:0/112'],
    })
    await group('services', [
      ...twice(ingress, ports('tcp', 80)),
      ...twice(ingress, ports('udp', 5000, 5003)),
      ...twice(ingress, ports('sctp', 9000)),
      ...twice(ingress, { protocol: '112' }),
      ingress('IPv4', { protocol: 'icmp', port_range_min: 8, port_range_max: 0 }),
      ingress('IPv6', { protocol: 'ipv6-icmp', port_range_min: 128 }),
    ])
    await group('friends', [
      ...twice(ingress, { ...ports('udp', 6000), remote_group_id: groups.client }),
      ...twice(ingress, { ...ports('udp', 6001), remote_address_group_id: partners.id }),
      ingress('IPv4', { ...ports('udp', 6002), remote_ip_prefix: '10.61.0.128/25' }),
      ingress('IPv6', { ...ports('udp', 6002), remote_ip_prefix: 'fd61::/64' }),
      ...twice(egress, ports('udp', 7000)),
    ])
    await group('all', [...twice(ingress), ...twice(egress)])
    await group('all.stateless', [...twice(ingress), ...twice(egress)], { stateful: false })
    const icmps = [
      { ...ingress('IPv4', { protocol: 'icmp', port_range_min: 8 }) },
      ingress('IPv6', { protocol: 'ipv6-icmp', port_range_min: 128 }),
    ]
    await group('plain', [...twice(egress), ...twice(ingress, ports('udp', 5000, 5001)), ...icmps], { stateful: false })
    for (const rule of twice(ingress, { ...ports('udp', 6000), remote_group_id: groups.plain }))
      await world.create('security-group-rule', { security_group_id: groups.plain, ...rule })
    const servers = { security_groups: [groups.services, groups.friends] }
    const pairs = ['10.61.0.200', 'fd61::200'].map(ip_address => ({ ip_address }))
    const apart = await world.createNetwork({ name: 'apart' }, ['10.63.0.0/24', 'fd63::/64'])
    const plainGroup = { security_groups: [groups.plain] }
    ;[client, stranger, near, far, open, plainOpen, ...plain] = await machinesOn(
      [1, net, { security_groups: [groups.client], allowed_address_pairs: pairs }],
      [1, net, { security_groups: [groups.stranger] }],
      [1, net, servers],
      [2, net, servers],
      [2, net, { port_security_enabled: false }],
      [1, apart, { port_security_enabled: false }],
      [1, apart, plainGroup],
      [1, apart, plainGroup],
      [2, apart, plainGroup],
    )
    memberElsewhere = await world.createPort(other, { security_groups: [groups.client] })
    strangerElsewhere = await world.createPort(other, { security_groups: [groups.stranger] })
    for (const server of [near, far])
      for (const family of FAMILIES) {
        await server.call('serve', { family, port: 80 })
        await server.call('serve', { family, port: 81 })
        for (const port of [5000, 5002]) await server.call('listen_udp', { family, port })
        await until('the way to be known', () => client.vm.ping(address(server, family)))
      }
  }, 120_000)
  // A test that is tried again sends the same marks again.
  beforeEach(() => Promise.all(machines.map(machine => machine.call('forget_marks'))))
  afterAll(async () => {
    for (const { stop } of machines) stop()
    await world?.stop()
  })

  const cases = FAMILIES.flatMap(family => (['near', 'far'] as const).map(place => [family, place] as const))

  test.each(cases)(
    'IPv%i: what a rule allows comes in, from whom it says, and nothing else (%s)',
    async (family, place) => {
      const server = place === 'near' ? near : far
      const to = address(server, family)
      const ip = (v4: string, v6: string) => (family === 4 ? v4 : v6)
      const expected: Record<string, readonly string[]> = {}
      const expects = async (name: string, kinds: readonly string[], send: (mark: string) => Promise<unknown>) => {
        const mark = `${family}.${place}.${name}`
        expected[mark] = kinds
        await send(mark)
      }
      const datagram =
        (from: Machine, port: number, size = 0) =>
        (mark: string) =>
          from.call('udp', { to, port, mark, size })
      /** A datagram from the machine, but from another address than its own. */
      const as = (from: Machine, source: string, port: number) => (mark: string) =>
        sendFrame(from, { ...end(from, family), ip: source }, end(server, family), udp(4001, port, text(mark)))
      const raw = (protocol: number, bytes: Buffer) => (mark: string) =>
        client.call('raw', { to, protocol, hex: Buffer.concat([bytes, text(mark)]).toString('hex') })
      const chunk = (port: number) => sctp(9999, port).bytes(end(client, family), end(server, family))
      // ICMP timestamp request, ICMPv6 node information query.
      const query = (mark: string) =>
        sendFrame(
          client,
          end(client, family),
          end(server, family),
          icmp(family === 4 ? 13 : 139, 0, text(mark.padEnd(16)), family === 4 ? 1 : 58),
        )

      await expects('udp', ['udp'], datagram(client, 5002))
      await expects('udp.beyond', [], datagram(client, 5004))
      await expects('fragments', ['udp', 'fragment', 'fragment'], datagram(client, 5002, 3000))
      await expects('fragments.beyond', [], datagram(client, 5005, 3000))
      await expects('sctp', ['sctp'], raw(132, chunk(9000)))
      await expects('sctp.beyond', [], raw(132, chunk(9001)))
      await expects('112', ['112'], raw(112, Buffer.alloc(8)))
      await expects('113', [], raw(113, Buffer.alloc(8)))
      await expects('query', [], query)
      await expects('member', ['udp'], datagram(client, 6000))
      await expects('member.pair', ['udp'], as(client, ip('10.61.0.200', 'fd61::200'), 6000))
      await expects('member.elsewhere', ['udp'], as(open, ipOf(memberElsewhere, family), 6000))
      await expects('stranger', [], datagram(stranger, 6000))
      await expects('stranger.elsewhere', [], as(open, ipOf(strangerElsewhere, family), 6000))
      await expects('partner', ['udp'], as(open, ip('10.61.0.201', 'fd61::201'), 6001))
      await expects('partner.prefix', ['udp'], as(open, ip('10.61.0.222', 'fd61::1:77'), 6001))
      await expects('no.partner', [], as(open, ip('10.61.0.202', 'fd61::202'), 6001))
      await expects('prefix', ['udp'], as(open, ip('10.61.0.130', 'fd61::130'), 6002))
      await expects('prefix.beyond', [], as(open, ip('10.61.0.127', 'fd62::130'), 6002))
      for (const sender of [client, stranger, open]) await arrived(server, [], datagram(sender, 5000))
      expect(await server.seen(Object.keys(expected))).toEqual(expected)

      // Real connections, and pings of two fragments.
      const connect = (from: Machine, port: number) => from.call<string>('connect', { to, port })
      const opened = expect.stringMatching(/^80 /)
      const results = [connect(client, 80), connect(stranger, 80), connect(client, 81)]
      expect(await Promise.all(results)).toEqual([opened, opened, 'timeout'])
      expect(await client.vm.ping(to, { size: 3000, wait: 3 })).toBe(true)
    },
  )

  test.each(cases)(
    'IPv%i: replies and errors pass; what nobody asked for does not, either way (%s)',
    async (family, place) => {
      const server = place === 'near' ? near : far
      const mark = (name: string) => `${family}.${place}.${name}`
      const [to, back] = [address(server, family), address(client, family)]
      await client.call('listen_udp', { family, port: 4000 })
      await client.call('udp', { to, port: 5002, source: 4000, mark: mark('request') })
      await client.call('udp', { to, port: 5001, mark: mark('closed') })
      await server.call('udp', { to: back, port: 4000, source: 5000, mark: mark('unasked') })
      await server.call('udp', { to: back, port: 7000, mark: mark('refused.by.client') })
      await server.sees(mark('request'))
      const names = ['closed', 'unasked', 'refused.by.client'].map(mark)
      const reply = (m: string) => server.call('udp', { to: back, port: 4000, source: 5002, mark: m })
      expect(await arrived(client, names, reply)).toEqual({
        [mark('closed')]: [family === 4 ? 'icmp 3' : 'icmpv6 1'],
        [mark('unasked')]: [],
        [mark('refused.by.client')]: [],
      })
      await server.call('udp', { to: address(open, family), port: 7001, mark: mark('out.beyond') })
      const out = (m: string) => server.call('udp', { to: address(open, family), port: 7000, mark: m })
      expect(await arrived(open, [mark('out.beyond')], out)).toEqual({ [mark('out.beyond')]: [] })
      expect(
        await Promise.all([server.call('connect', { to: back, port: 80 }), server.vm.ping(back, { wait: 0.5 })]),
      ).toEqual(['timeout', false])
    },
  )

  const EVERYBODY: End = { mac: 'ff:ff:ff:ff:ff:ff', ip: '255.255.255.255' }
  const ALL_NODES: End = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }
  const discover = (from: Machine, mark: string) =>
    sendFrame(from, { ...end(from, 4), ip: '0.0.0.0' }, EVERYBODY, udp(68, 67, text(mark)))
  const offer = (from: Machine, to: End, mark: string) => sendFrame(from, end(from, 4), to, udp(67, 68, text(mark)))
  const advertise = (from: Machine, mark: string) => {
    const router = { mac: from.port.mac_address, ip: linkLocal(from.port.mac_address) }
    return sendFrame(from, router, ALL_NODES, icmp(134, 0, Buffer.concat([Buffer.alloc(12), text(mark)]), 58))
  }

  test('what a host needs to join a network passes without any rule', async () => {
    const [bare] = await machinesOn([1, net, { security_groups: [] }])
    const server = open
    await discover(bare, 'discover')
    await server.sees('discover')
    await offer(server, end(bare, 4), 'offer')
    await bare.sees('offer')
    await offer(server, EVERYBODY, 'offer.to.all')
    await bare.sees('offer.to.all')
    await advertise(server, 'advertisement')
    await bare.sees('advertisement')
    // It finds its neighbours, and is found; nothing else goes either way.
    for (const family of FAMILIES) {
      const [to, back] = [address(server, family), address(bare, family)]
      expect(await Promise.all([bare.vm.ping(to), server.vm.ping(back, { wait: 0.5 })])).toEqual([false, false])
      expect(await bare.vm.exec('ip', 'neigh', 'show', to)).toContain(server.port.mac_address)
      expect(await server.vm.exec('ip', 'neigh', 'show', back)).toContain(bare.port.mac_address)
    }
  })

  test.each(['all', 'all.stateless'])(
    'a VM is no DHCP server, no router and nobody else, whatever the rules allow (%s)',
    async name => {
      const anything = { security_groups: [groups[name]] }
      const [bad, nearby, remote] = await machinesOn([1, net, anything], [1, net, anything], [2, net, anything])
      const mac = bad.port.mac_address
      const [own, own6] = [end(bad, 4), end(bad, 6)]
      const local: End = { mac, ip: linkLocal(mac) }
      const data = Buffer.alloc(12)
      for (const [where, victim] of [
        ['near', nearby],
        ['far', remote],
      ] as const) {
        const place = `${name}.${where}`
        const [to, to6] = [end(victim, 4), end(victim, 6)]
        const forbidden: Readonly<Record<string, (mark: string) => Promise<unknown>>> = {
          offer: mark => offer(bad, to, mark),
          'offer.to.all': mark => offer(bad, EVERYBODY, mark),
          'offer.fragmented': mark => sendPieces(bad, own, to, udp(67, 68, long(mark))),
          'offer.v6': mark => sendFrame(bad, local, to6, udp(547, 546, text(mark))),
          advertisement: mark => advertise(bad, mark),
          'advertisement.to.one': mark =>
            sendFrame(bad, local, to6, icmp(134, 0, Buffer.concat([data, text(mark)]), 58)),
          'advertisement.as.fragment': mark =>
            sendFrame(bad, local, to6, atomic(icmp(134, 0, Buffer.concat([data, text(mark)]), 58))),
          'advertisement.fragmented': mark =>
            sendPieces(bad, local, to6, icmp(134, 0, Buffer.concat([data, long(mark)]), 58)),
          'offer.v6.fragmented': mark => sendPieces(bad, local, to6, udp(547, 546, long(mark))),
          redirect: mark => sendFrame(bad, local, to6, icmp(137, 0, Buffer.concat([data, text(mark)]), 58)),
          address: mark => sendFrame(bad, { mac, ip: client.ip }, to, udp(1, 2, text(mark))),
          'address.v6': mark => sendFrame(bad, { mac, ip: client.ip6 }, to6, udp(1, 2, text(mark))),
          'address.pair.of.another': mark => sendFrame(bad, { mac, ip: '10.61.0.200' }, to, udp(1, 2, text(mark))),
          mac: mark => sendFrame(bad, { mac: client.port.mac_address, ip: own.ip }, to, udp(1, 2, text(mark))),
          neighbor: mark => sendFrame(bad, own6, to6, neighborAdvertisement(client.ip6, mark)),
          'neighbor.as.fragment': mark => sendFrame(bad, own6, to6, atomic(neighborAdvertisement(client.ip6, mark))),
          tagged: mark =>
            bad.call('frame', { hex: frame(own, to, udp(1, 2, text(mark)), { vlan: 5 }).toString('hex') }),
        }
        const names = Object.fromEntries(Object.keys(forbidden).map(name => [`${place}.${name}`, []]))
        for (const [name, send] of Object.entries(forbidden)) await send(`${place}.${name}`)
        const allowed = (to: Machine) => (mark: string) => sendFrame(bad, own, end(to, 4), udp(1, 2, text(mark)))
        for (const receiver of [victim, nearby]) {
          const seen = await arrived(receiver, Object.keys(names), allowed(receiver))
          // A later fragment is worth nothing without the first, and may pass by its addresses.
          const whole = Object.entries(seen).map(([mark, kinds]) => [mark, kinds.filter(kind => kind !== 'fragment')])
          expect(Object.fromEntries(whole)).toEqual(names)
        }
      }
    },
  )

  test.each(cases)(
    'IPv%i: stateless groups ask for rules of both ways, and leave conntrack alone (%s)',
    async (family, place) => {
      const [a, b] = [plain[0], plain[place === 'near' ? 1 : 2]] as [Machine, Machine]
      const [to, back] = [address(b, family), address(a, family)]
      const marks = ['udp', 'beyond', 'large', 'member', 'stranger', 'reply', 'reply.allowed'].map(
        name => `plain.${family}.${place}.${name}`,
      )
      const [sent, beyond, large, member, foreign, reply, replyAllowed] = marks as [string, ...string[]] as string[] & {
        length: 7
      }
      const send =
        (from: Machine, port: number, size = 0) =>
        (mark: string) =>
          from.call('udp', { to, port, mark, source: 4000, size })
      await send(a, 5000)(sent!)
      await send(a, 5004)(beyond!)
      await send(a, 5000, 3000)(large!)
      await send(a, 6000)(member!)
      await send(plainOpen, 6000)(foreign!)
      await arrived(b, [], send(plainOpen, 5000))
      expect(await arrived(b, marks.slice(0, 5), send(a, 5000))).toEqual({
        [sent!]: ['udp'],
        [beyond!]: [],
        [large!]: ['udp', 'fragment', 'fragment'],
        [member!]: ['udp'],
        [foreign!]: [],
      })
      const answer = (port: number) => (mark: string) => b.call('udp', { to: back, port, mark, source: 5000 })
      await answer(4000)(reply!)
      expect(await arrived(a, [reply!], answer(5001))).toEqual({ [reply!]: [] })
      expect(await a.vm.ping(to, { wait: 0.5 })).toBe(false)
      const added = [
        ports('udp', 4000),
        family === 4 ? { protocol: 'icmp', port_range_min: 0 } : { protocol: 'ipv6-icmp', port_range_min: 129 },
      ]
      const rules = await Promise.all(
        added.map(rule =>
          world.create('security-group-rule', { security_group_id: groups.plain, ...ingress(`IPv${family}`, rule) }),
        ),
      )
      await until('the reply to pass', async () => {
        await answer(4000)(replyAllowed!)
        return (await a.seen([replyAllowed!]))[replyAllowed!]?.length
      })
      await until('the echo to pass', () => a.vm.ping(to))
      for (const { ovs } of hosts) {
        const connections = await ovs.appctl('dpctl/dump-conntrack')
        expect(connections).not.toContain(to)
        expect(connections).not.toContain(back)
      }
      for (const { id } of rules) await world.call('DELETE', `/v2.0/security-group-rules/${id}`)
    },
  )

  test('a port without port security sends and receives anything', async () => {
    const [second] = await machinesOn([1, net, { port_security_enabled: false }])
    const [from, to] = [end(second, 4), end(open, 4)]
    const fake: End = { mac: '02:00:00:00:00:99', ip: '203.0.113.9' }
    const [own6, to6] = [end(second, 6), end(open, 6)]
    await sendFrame(second, fake, to, udp(1, 2, text('free.spoofed')))
    await sendFrame(second, from, to, udp(67, 68, text('free.offer')))
    await sendFrame(second, own6, to6, icmp(134, 0, Buffer.concat([Buffer.alloc(12), text('free.advertisement')]), 58))
    await second.call('frame', { hex: ethernet(from.mac, to.mac, 0x88b5, text('free.other')).toString('hex') })
    await second.call('raw', { to: open.ip, protocol: 113, hex: text('free.113').toString('hex') })
    const names = ['spoofed', 'offer', 'advertisement', 'other', '113'].map(name => `free.${name}`)
    expect(await arrived(open, names, mark => second.call('udp', { to: open.ip, port: 9, mark }))).toEqual({
      'free.spoofed': ['udp'],
      'free.offer': ['udp'],
      'free.advertisement': ['icmpv6 134'],
      'free.other': ['0x88b5'],
      'free.113': ['113'],
    })
  })

  test('bridged traffic is tracked once a chassis, and a thousand connections share a few megaflows', async () => {
    const megaflows = async ({ ovs }: Host) =>
      (await ovs.appctl('dpctl/dump-flows')).split('\n').filter(flow => flow.includes('eth_type(0x0800)'))
    const total = async (server: Machine) => (await server.call<{ bytes: number }>('totals', { port: 80 })).bytes
    for (const [place, server] of [
      ['near', near],
      ['far', far],
    ] as const) {
      await client.call('close_each', { port: 80 })
      expect(await client.call('connect_many', { to: server.ip, port: 80, count: 1000 })).toBe(1000)
      const before = await total(server)
      // Flows of the handshakes go; what the connections need from now on is made again.
      for (const { ovs } of hosts) await ovs.appctl('revalidator/purge')
      const sent = await client.call<number>('write_each', { port: 80 })
      await until('all of it to arrive', async () => (await total(server)) - before >= sent)
      const flows = await Promise.all(hosts.map(megaflows))
      console.log(`${place}: ${flows.map(some => some.length)} megaflows on host1, host2 for 1,000 connections`)
      for (const some of flows) expect(some.length).toBeLessThanOrEqual(8)
      const tracked = flows.flat().filter(flow => flow.includes('recirc('))
      expect(tracked.length).toBeGreaterThan(0)
      expect(tracked.filter(flow => !flow.includes('recirc_id(0)'))).toEqual([])
    }
  })
})
