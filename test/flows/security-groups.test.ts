// Security groups on a real switch: its conntrack, our flows, and frames that leave or do not.
import { afterEach, expect, test } from 'vitest'
import { createAddressGroup, type Transaction } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { ACK, echo, frame, icmp, other, packet, SYN, sctp, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { addGroup, addPort, addRule, allowSending, aPort, removePort, removeRule, wear } from '#test/support/secured'
import { type AddPort, adder, NET_VLAN, startWorld, type World } from './security-world.ts'

/** A group whose ports may send anything and receive what `rules` say, by name of the rule. */
const group = (tx: Transaction, id: string, rules: Readonly<Record<string, Parameters<typeof addRule>[3]>> = {}) => {
  addGroup(tx, id)
  allowSending(tx, id)
  for (const [name, rule] of Object.entries(rules)) addRule(tx, name, id, rule)
}

const DNS = { protocolNumber: 17, portRangeMin: 53, portRangeMax: 53 }
const WEB = { protocolNumber: 6, portRangeMin: 80, portRangeMax: 80 }

describeOvs('security groups', () => {
  let world: World
  const start = async (setUp: (tx: Transaction, add: AddPort) => void) => {
    world = await startWorld(setUp)
  }
  afterEach(() => world.stop())

  /** Whether a frame from one port leaves at another (or at several), and nowhere else. */
  const passes = async (
    from: string,
    to: string,
    payload: Parameters<typeof frame>[2],
    ips: { from?: string; to?: string } = {},
  ) => {
    const left = await world.host.send(world.at(from), frame(world.end(from, ips.from), world.end(to, ips.to), payload))
    expect(Object.keys(left).filter(port => Number(port) !== world.at(to))).toEqual([])
    return left[world.at(to)] === 1
  }
  /** Whether a frame out of the tunnel reaches a port. */
  const arrives = async (
    from: string,
    to: string,
    payload: Parameters<typeof frame>[2],
    ips: { from?: string; to?: string } = {},
  ) => {
    const bytes = frame(world.end(from, ips.from), world.end(to, ips.to), payload, { vlan: NET_VLAN })
    return (await world.host.send(PATCH_TUN, bytes))[world.at(to)] === 1
  }
  /** Whether a frame from a port leaves the chassis. */
  const leaves = async (
    from: string,
    to: string,
    payload: Parameters<typeof frame>[2],
    ips: { from?: string; to?: string } = {},
  ) =>
    (await world.host.send(world.at(from), frame(world.end(from, ips.from), world.end(to, ips.to), payload)))[
      PATCH_TUN
    ] === 1

  test('let in what a rule of any of a port’s groups allows, and nothing else', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'dns', { dns: DNS })
      group(tx, 'web', { web: WEB })
      add('a', 1, ['client'])
      add('b', 2, ['dns', 'web'])
      add('c', 3, ['dns'])
    })
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('a', 'b', tcp(40000, 80, SYN))).toBe(true)
    expect(await passes('a', 'b', udp(40000, 80))).toBe(false)
    expect(await passes('a', 'b', tcp(40000, 81, SYN))).toBe(false)
    expect(await passes('a', 'c', udp(40000, 53))).toBe(true)
    expect(await passes('a', 'c', tcp(40000, 80, SYN))).toBe(false)
    expect(await world.host.counted(73, 'reg12=')).toBe(3)
  })

  test('let replies and related errors pass, and no packet that only looks like one', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'server', { dns: DNS, web: WEB })
      add('a', 1, ['client'])
      add('b', 2, ['server'])
    })
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    const question = udp(40001, 53)
    expect(await passes('a', 'b', question)).toBe(true)
    expect(await passes('b', 'a', udp(53, 40001))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40002))).toBe(false)
    const error = (inner: Buffer) => icmp(3, 3, Buffer.concat([Buffer.alloc(4), inner.subarray(0, 28)]))
    expect(await passes('b', 'a', error(packet(world.end('a'), world.end('b'), question)))).toBe(true)
    expect(await passes('b', 'a', error(packet(world.end('a'), world.end('b'), udp(40009, 53))))).toBe(false)
    expect(await passes('a', 'b', tcp(40001, 80, SYN))).toBe(true)
    expect(await passes('b', 'a', tcp(80, 40001, SYN | ACK, 9, 2))).toBe(true)
    expect(await passes('a', 'b', tcp(40001, 80, ACK, 2, 10))).toBe(true)
  })

  test('let an error about a reply pass where a remote group allows the connection', async () => {
    await start((tx, add) => {
      group(tx, 'both', { dns: { ...DNS, remoteGroupId: 'both' } })
      add('a', 1, ['both'])
      add('b', 2, ['both'])
    })
    const answer = udp(53, 40001)
    expect(await passes('a', 'b', udp(40001, 53))).toBe(true)
    expect(await passes('b', 'a', answer)).toBe(true)
    const error = (inner: Buffer) => icmp(3, 3, Buffer.concat([Buffer.alloc(4), inner.subarray(0, 28)]))
    expect(await passes('a', 'b', error(packet(world.end('b'), world.end('a'), answer)))).toBe(true)
  })

  test('without rules nothing goes in or out', async () => {
    await start((tx, add) => {
      group(tx, 'all', { any: {} })
      add('a', 1, ['all'])
      add('none', 2, [])
      add('off', 3, [], { portSecurityEnabled: false })
    })
    expect(await passes('a', 'none', udp(1, 2))).toBe(false)
    expect(await passes('none', 'a', udp(1, 2))).toBe(false)
    expect(await passes('off', 'a', udp(1, 2))).toBe(true)
    expect(await passes('a', 'off', udp(3, 4))).toBe(true)
    expect(await passes('off', 'none', udp(5, 6))).toBe(false)
    expect(await world.host.counted(23, 'reg12=')).toBe(1)
  })

  test('drop what is invalid, and count it', async () => {
    await start((tx, add) => {
      group(tx, 'all', { any: {} })
      add('a', 1, ['all'])
      add('b', 2, ['all'])
    })
    const broken = frame(world.end('a'), world.end('b'), udp(40000, 53))
    broken[41]! ^= 1
    expect(await world.host.send(world.at('a'), broken)).toEqual({})
    expect(await world.host.counted(21, 'actions=drop')).toBe(1)
    const outside = frame(world.end('a'), world.end('b'), udp(40000, 53), { vlan: NET_VLAN })
    outside[45]! ^= 1
    expect(await world.host.send(PATCH_TUN, outside)).toEqual({})
    expect(await world.host.counted(71, 'actions=drop')).toBe(1)
  })

  test('cut the connections that only a removed rule allowed, in both directions, and no other', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'server', { dns: DNS, web: WEB })
      add('a', 1, ['client'])
      add('b', 2, ['server'])
    })
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(true)
    expect(await passes('a', 'b', tcp(40000, 80, SYN))).toBe(true)
    await world.change(tx => removeRule(tx, 'dns'))
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    expect(await passes('a', 'b', udp(40000, 53))).toBe(false)
    expect(await passes('b', 'a', tcp(80, 40000, SYN | ACK, 9, 2))).toBe(true)
    await world.change(tx => addRule(tx, 'dns', 'server', DNS))
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(true)
    await world.change(tx => wear(tx, 'b', []))
    expect(await passes('b', 'a', tcp(80, 40000, ACK, 10, 2))).toBe(false)
    expect(await passes('a', 'b', udp(40000, 53))).toBe(false)
  })

  test('let nobody inherit a connection with an address', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'server', { dns: DNS })
      group(tx, 'closed')
      add('a', 1, ['client'])
      add('b', 2, ['server'])
    })
    const replaced = (name: string, key: number, groups: readonly string[]) =>
      world.change(tx => {
        const { macAddress, fixedIps } = world.port(name)
        removePort(tx, name)
        adder(tx, world.here, world.there)(name, key, groups, { macAddress, fixedIps })
      })
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(true)
    // The responder is another: what goes to it is new there, and so is what it sends, which a does not let in.
    await replaced('b', 3, ['closed'])
    expect(await passes('a', 'b', udp(40000, 53))).toBe(false)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    // One that may be asked takes the connection over when it is asked, and no sooner.
    await replaced('b', 4, ['server'])
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(true)
    // The originator is another: it is sent no answer that it did not ask for.
    await replaced('a', 5, ['client'])
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(true)
  })

  test('let nobody inherit a connection with a host elsewhere', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'server', { dns: DNS })
      add('a', 1, ['client'])
      add('b', 2, ['server'])
      add('far', 9, ['client'], { elsewhere: true })
    })
    expect(await leaves('a', 'far', udp(40000, 53))).toBe(true)
    expect(await arrives('far', 'a', udp(53, 40000))).toBe(true)
    expect(await arrives('far', 'b', udp(40000, 53))).toBe(true)
    expect(await leaves('b', 'far', udp(53, 40000))).toBe(true)
    await world.change(tx => {
      for (const [name, key, groups] of [
        ['a', 3, ['client']],
        ['b', 4, []],
      ] as const) {
        const { macAddress, fixedIps } = world.port(name)
        removePort(tx, name)
        adder(tx, world.here, world.there)(name, key, groups, { macAddress, fixedIps })
      }
    })
    expect(await arrives('far', 'a', udp(53, 40000))).toBe(false)
    expect(await arrives('far', 'b', udp(40000, 53))).toBe(false)
    expect(await leaves('b', 'far', udp(53, 40000))).toBe(false)
    expect(await leaves('a', 'far', udp(40000, 53))).toBe(true)
    expect(await arrives('far', 'a', udp(53, 40000))).toBe(true)
  })

  test('judge a stranger’s answer anew from where it came in, also from a port that is not judged', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'open', { any: {} })
      add('a', 1, ['client'])
      add('off', 2, [], { portSecurityEnabled: false })
    })
    expect(await passes('a', 'off', udp(40000, 53))).toBe(true)
    expect(await passes('off', 'a', udp(53, 40000))).toBe(true)
    const replaced = (key: number, groups: readonly string[]) =>
      world.change(tx => {
        removePort(tx, 'a')
        const { macAddress, fixedIps } = aPort('a', 1, 'net')
        adder(tx, world.here, world.there)('a', key, groups, { macAddress, fixedIps })
      })
    await replaced(3, ['client'])
    expect(await passes('off', 'a', udp(53, 40000))).toBe(false)
    await replaced(4, ['open'])
    expect(await passes('off', 'a', udp(53, 40000))).toBe(true)
    // Now it is the connection of the one that is not judged, and what answers it is judged as an answer.
    await world.change(tx => wear(tx, 'a', ['client']))
    expect(await passes('a', 'off', udp(40000, 53))).toBe(false)
  })

  test('know a remote group by address: members elsewhere, address pairs, prefixes', async () => {
    await start((tx, add) => {
      group(tx, 'members')
      createAddressGroup(tx, {
        id: 'office',
        projectId: 'p',
        name: 'office',
        description: '',
        addresses: ['192.0.2.0/24', '192.0.0.0/16', '198.51.100.7'],
      })
      group(tx, 'server', {
        dns: { ...DNS, remoteGroupId: 'members' },
        web: { ...WEB, remoteAddressGroupId: 'office' },
      })
      add('b', 2, ['server'])
      add('near', 3, ['members'])
      add('stranger', 4, ['server'])
      const pairs = ['10.9.9.9', '192.0.2.0/25'].map(ipAddress => ({ ipAddress, macAddress: 'fa:16:3e:00:00:05' }))
      add('far', 5, ['members'], { elsewhere: true, allowedAddressPairs: pairs })
      addPort(tx, aPort('other-network', 6, 'net2', { securityGroups: ['members'] }))
    })
    expect(await passes('near', 'b', udp(1000, 53))).toBe(true)
    expect(await passes('stranger', 'b', udp(1000, 53))).toBe(false)
    expect(await arrives('far', 'b', udp(1000, 53))).toBe(true)
    expect(await arrives('far', 'b', udp(1000, 53), { from: '10.9.9.9' })).toBe(true)
    expect(await arrives('far', 'b', udp(1000, 53), { from: '10.0.0.6' })).toBe(true)
    expect(await arrives('far', 'b', udp(1000, 53), { from: '10.0.0.7' })).toBe(false)
    // 192.0.2.1 is in a pair's prefix, and in two longer and shorter ones of the address group.
    expect(await arrives('far', 'b', udp(1000, 53), { from: '192.0.2.1' })).toBe(true)
    expect(await arrives('far', 'b', tcp(1000, 80, SYN), { from: '192.0.2.1' })).toBe(true)
    expect(await arrives('far', 'b', tcp(1000, 80, SYN), { from: '192.0.2.200' })).toBe(true)
    expect(await arrives('far', 'b', udp(1000, 53), { from: '192.0.2.200' })).toBe(false)
    expect(await arrives('far', 'b', tcp(1000, 80, SYN), { from: '192.0.77.1' })).toBe(true)
    expect(await arrives('far', 'b', tcp(1000, 80, SYN), { from: '198.51.100.7' })).toBe(true)
    expect(await arrives('far', 'b', tcp(1000, 80, SYN), { from: '198.51.100.8' })).toBe(false)
    // A member that leaves loses what the group allowed.
    await world.change(tx => wear(tx, 'near', ['server']))
    expect(await passes('near', 'b', udp(1000, 53))).toBe(false)
  })

  test('know more remote groups than a page holds, in IPv6 too', async () => {
    await start((tx, add) => {
      group(tx, 'server')
      for (let i = 0; i < 131; i++) {
        addGroup(tx, `g${i}`)
        allowSending(tx, `g${i}`)
        addRule(tx, `from${i}`, 'server', {
          ...DNS,
          ipVersion: 6,
          portRangeMin: 1000 + i,
          portRangeMax: 1000 + i,
          remoteGroupId: `g${i}`,
        })
      }
      const v6 = (n: number) => ({ fixedIps: [{ subnetId: 's', ipAddress: `fd00::${n}` }] })
      add('b', 2, ['server'], v6(2))
      add('first', 3, ['g0'], v6(3))
      add('last', 4, ['g130', 'g64'], v6(4))
    })
    expect(await passes('first', 'b', udp(1, 1000))).toBe(true)
    expect(await passes('first', 'b', udp(1, 1130))).toBe(false)
    expect(await passes('last', 'b', udp(1, 1130))).toBe(true)
    expect(await passes('last', 'b', udp(1, 1064))).toBe(true)
    expect(await passes('last', 'b', udp(1, 1129))).toBe(false)
  })

  test('stateless ones consult no conntrack: replies need rules of their own', async () => {
    await start((tx, add) => {
      for (const id of ['client', 'server', 'both']) addGroup(tx, id, { stateful: false })
      allowSending(tx, 'client')
      addRule(tx, 'dns', 'server', { ...DNS, remoteGroupId: 'client' })
      addRule(tx, 'ping', 'server', { protocolNumber: 1, portRangeMin: 8, portRangeMax: 0 })
      addRule(tx, 'reply', 'both', { direction: 'egress', protocolNumber: 17 })
      add('a', 1, ['client'])
      add('b', 2, ['server'])
      add('c', 3, ['server', 'both'])
      add('open', 4, [], { portSecurityEnabled: false })
    })
    expect(await passes('a', 'b', udp(40000, 53))).toBe(true)
    expect(await passes('a', 'b', udp(40000, 54))).toBe(false)
    expect(await passes('open', 'b', udp(40000, 53))).toBe(false)
    expect(await passes('b', 'a', udp(53, 40000))).toBe(false)
    expect(await passes('c', 'open', udp(53, 40000))).toBe(true)
    expect(await passes('a', 'b', echo(8))).toBe(true)
    expect(await passes('a', 'b', echo(0))).toBe(false)
    expect((await world.host.megaflows()).filter(flow => flow.includes('ct('))).toEqual([])
    const fragment = { offset: 1480, length: 100, more: false }
    const pieces = (to: number) =>
      [{ offset: 0, length: 1480, more: true }, fragment].map(piece =>
        frame(world.end('a'), world.end('b'), udp(40000, to, Buffer.alloc(1572)), { fragment: piece }),
      )
    expect(await world.host.send(world.at('a'), ...pieces(53))).toEqual({ [world.at('b')]: 2 })
    // Without ports, a later fragment passes by protocol and address; without the first it is worth nothing.
    expect(await world.host.send(world.at('a'), ...pieces(54))).toEqual({ [world.at('b')]: 1 })
  })

  test('judge ICMP by type and code, and protocols by number', async () => {
    await start((tx, add) => {
      group(tx, 'server', {
        ping: { protocolNumber: 1, portRangeMin: 8, portRangeMax: 0 },
        ping6: { ipVersion: 6, protocolNumber: 58, portRangeMin: 128 },
        vrrp: { protocolNumber: 112 },
        sctp: { protocolNumber: 132, portRangeMin: 36412, portRangeMax: 36412 },
        range: { protocolNumber: 17, portRangeMin: 1000, portRangeMax: 1999 },
        office: { protocolNumber: 47, remoteIpPrefix: '10.0.0.0/30' },
      })
      const fixedIps = (n: number) => [`10.0.0.${n}`, `fd00::${n}`].map(ipAddress => ({ subnetId: 's', ipAddress }))
      add('a', 1, ['server'], { fixedIps: fixedIps(1) })
      add('b', 2, ['server'], { fixedIps: fixedIps(2) })
      add('c', 5, ['server'], { fixedIps: fixedIps(5) })
    })
    const six = { from: 'fd00::1', to: 'fd00::2' }
    expect(await passes('a', 'b', echo(8))).toBe(true)
    expect(await passes('b', 'a', echo(0))).toBe(true)
    expect(await passes('a', 'b', icmp(13, 0, Buffer.alloc(16)))).toBe(false)
    expect(await passes('a', 'b', echo(128), six)).toBe(true)
    expect(await passes('b', 'a', echo(129), { from: 'fd00::2', to: 'fd00::1' })).toBe(true)
    expect(await passes('a', 'b', other(112))).toBe(true)
    expect(await passes('a', 'b', other(113))).toBe(false)
    for (const [port, isAllowed] of [
      [999, false],
      [1000, true],
      [1500, true],
      [1999, true],
      [2000, false],
    ] as const)
      expect(await passes('a', 'b', udp(40000, port)), `port ${port}`).toBe(isAllowed)
    expect(await passes('a', 'b', sctp(40000, 36412))).toBe(true)
    expect(await passes('b', 'a', sctp(36412, 40000))).toBe(true)
    expect(await passes('b', 'a', sctp(36411, 40000))).toBe(false)
    expect(await passes('a', 'b', sctp(40000, 36413))).toBe(false)
    expect(await passes('a', 'b', other(47))).toBe(true)
    expect(await passes('c', 'b', other(47))).toBe(false)
  })
})
