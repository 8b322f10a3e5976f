// Firewall groups of router interfaces: connections on one chassis and across two, whose directions are routed on both.
import { afterEach, expect, test } from 'vitest'
import type { Transaction } from '#model'
import {
  addFirewallGroup,
  addFirewallPolicy,
  changeGroup,
  changePolicy,
  changeRule,
  toPorts,
} from '#test/support/firewalled'
import { ACK, type End, echo, frame, icmp, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { type GuardedWorld, startGuardedWorld, type Vm } from './firewall-world.ts'

const TCP = 6
const UDP = 17

describeOvs('firewall groups of routers', () => {
  let world: GuardedWorld
  const start = async (setUp: (tx: Transaction) => void) => {
    world = await startGuardedWorld(setUp)
  }
  afterEach(() => world.stop())
  const [web, dns] = [toPorts(TCP, 80), toPorts(UDP, 53)]
  const both = (tx: Transaction, id: string, rules: Parameters<typeof addFirewallPolicy>[2] = {}) => {
    addFirewallPolicy(tx, id, {
      ...rules,
      ...Object.fromEntries(
        Object.entries(rules ?? {}).map(([name, rule]) => [`${name}6`, { ...rule, ipVersion: 6 as const }]),
      ),
    })
  }
  const ends = (from: Vm, to: Vm, family: 4 | 6 = 4): [End, End] => [world.end(from, family), world.end(to, family)]
  const hello = (from: Vm, to: Vm, port: number, family: 4 | 6 = 4, client = 40000) =>
    world.routed(from, frame(...ends(from, to, family), tcp(client, port, SYN)))
  const answer = (from: Vm, to: Vm, port: number, family: 4 | 6 = 4, client = 40000) =>
    world.routed(from, frame(...ends(from, to, family), tcp(port, client, SYN | ACK, 7, 2)))
  const data = (from: Vm, to: Vm, source: number, destination: number, seq: number, ack: number) =>
    world.routed(from, frame(...ends(from, to), tcp(source, destination, ACK, seq, ack)))
  const datagram = (from: Vm, to: Vm, source: number, destination: number) =>
    world.routed(from, frame(...ends(from, to), udp(source, destination)))

  test.each([4, 6] as const)(
    'judge by ingress what goes into the network of the interface, over IPv%i',
    async family => {
      await start(tx => {
        both(tx, 'in', { web })
        addFirewallGroup(tx, 'g', ['r-net2'], { ingressPolicyId: 'in' })
      })
      for (const server of ['b', 'c'] as const) {
        expect(await hello('a', server, 22, family)).toEqual([])
        expect(await hello('a', server, 80, family)).toEqual([server])
        expect(await answer(server, 'a', 80, family)).toEqual(['a'])
        // an answer is none without the question, and nothing else comes out
        expect(await answer(server, 'a', 80, family, 40001)).toEqual([])
        expect(await hello(server, 'a', 80, family)).toEqual([])
        expect(await hello(server, 'd', 80, family)).toEqual([])
      }
      expect(await hello('d', 'b', 80, family)).toEqual(['b'])
      expect(await answer('b', 'd', 80, family)).toEqual(['d'])
      // other networks of the router are nobody's
      expect(await hello('a', 'e', 22, family)).toEqual(['e'])
      expect(await answer('e', 'a', 22, family)).toEqual(['a'])
      expect(await hello('d', 'e', 22, family)).toEqual(['e'])
      expect(await answer('e', 'd', 22, family)).toEqual(['d'])
    },
  )

  test('judge by egress what comes out of the network of the interface', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'out', { dns })
      addFirewallGroup(tx, 'g', ['r-net1'], { egressPolicyId: 'out' })
    })
    for (const server of ['b', 'c'] as const) {
      expect(await datagram('a', server, 5000, 53)).toEqual([server])
      expect(await datagram(server, 'a', 53, 5000)).toEqual(['a'])
      expect(await datagram(server, 'a', 53, 5001)).toEqual([])
      expect(await datagram('a', server, 5000, 54)).toEqual([])
      expect(await datagram(server, 'a', 5000, 53)).toEqual([])
    }
    // what does not pass the router, no group judges
    const [a, d] = ends('a', 'd')
    expect(await world.hosts.here.send(111, frame(a, d, udp(1, 2)))).not.toEqual({})
  })

  test('ask both groups on the way, and one for both of its directions', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'out', { high: toPorts(TCP, 1000, 2000) })
      addFirewallPolicy(tx, 'in', { some: toPorts(TCP, 1500, 2500) })
      addFirewallGroup(tx, 'one', ['r-net1'], { egressPolicyId: 'out' })
      addFirewallGroup(tx, 'two', ['r-net2', 'r-net3'], { ingressPolicyId: 'in', egressPolicyId: 'out' })
    })
    for (const server of ['b', 'c'] as const) {
      expect(await hello('a', server, 1499)).toEqual([])
      expect(await hello('a', server, 2001)).toEqual([])
      expect(await hello('a', server, 1999)).toEqual([server])
      expect(await answer(server, 'a', 1999)).toEqual(['a'])
    }
    expect(await hello('b', 'e', 1200)).toEqual([])
    expect(await hello('c', 'e', 1600)).toEqual(['e'])
    expect(await answer('e', 'c', 1600)).toEqual(['c'])
    // each group drops what it denies
    const dropped = async (group: number) => world.hosts.here.counted(47, `reg12=0x${group} actions=drop`)
    expect([await dropped(1), await dropped(2)]).toEqual([2, 3])
  })

  test('cut at once, in both directions and on both chassis, what a change does not allow any more', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'in', { web, ssh: toPorts(TCP, 22) })
      addFirewallGroup(tx, 'g', ['r-net2'], { ingressPolicyId: 'in' })
    })
    const talk = async () => [
      await data('a', 'c', 40000, 22, 2, 8),
      await data('c', 'a', 22, 40000, 8, 2),
      await data('a', 'c', 40000, 80, 2, 8),
      await data('c', 'a', 80, 40000, 8, 2),
    ]
    for (const port of [22, 80]) {
      await hello('a', 'c', port)
      expect(await answer('c', 'a', port)).toEqual(['a'])
    }
    expect(await talk()).toEqual([['c'], ['a'], ['c'], ['a']])
    await world.change(tx => changePolicy(tx, 'in', { rules: ['web'] }))
    expect(await talk()).toEqual([[], [], ['c'], ['a']])
    await world.change(tx => changePolicy(tx, 'in', { rules: ['ssh', 'web'] }))
    expect(await talk()).toEqual([['c'], ['a'], ['c'], ['a']])
    await world.change(tx => changeRule(tx, 'web', { enabled: false }))
    expect(await talk()).toEqual([['c'], ['a'], [], []])
    await world.change(tx => changeGroup(tx, 'g', { adminStateUp: false }))
    expect(await talk()).toEqual([[], [], [], []])
    await world.change(tx => changeGroup(tx, 'g', { ports: [] }))
    expect(await talk()).toEqual([['c'], ['a'], ['c'], ['a']])
  })

  test('tell senders of what is rejected, in the name of the interface', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'in', { refuse: { ...web, action: 'reject' }, rest: {} })
      addFirewallGroup(tx, 'g', ['r-net2'], { ingressPolicyId: 'in' })
    })
    expect(await hello('a', 'c', 80)).toEqual([])
    expect(await world.hosts.here.counted(47, 'userdata=02.05')).toBe(1)
    expect(await hello('a', 'c', 81)).toEqual(['c'])
  })

  test('let errors about connections pass, and answer for themselves', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'in', { dns })
      addFirewallGroup(tx, 'g', ['r-net2', 'r-net1'], { ingressPolicyId: 'in', egressPolicyId: 'in' })
    })
    expect(await datagram('a', 'c', 5000, 53)).toEqual(['c'])
    const [c, a] = ends('c', 'a')
    const about = (port: number) => {
      const quoted = frame({ ...a }, { ...c }, udp(5000, port)).subarray(14)
      return frame(c, a, icmp(3, 3, Buffer.concat([Buffer.alloc(4), quoted])))
    }
    expect(await world.routed('c', about(53))).toEqual(['a'])
    expect(await world.routed('c', about(54))).toEqual([])
    expect(await world.routed('c', frame(c, a, echo(8)))).toEqual([])
    expect(await world.routed('a', frame(a, { ...c, ip: '10.2.0.1' }, echo(8)))).toEqual(['a'])
  })

  test('cost one recirculation where a group applies, and match no port of clients', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'in', { web })
      addFirewallGroup(tx, 'g', ['r-net2'], { ingressPolicyId: 'in' })
    })
    const clients = [40000, 40001, 40002]
    for (const server of ['b', 'c'] as const)
      for (const client of clients) {
        await hello('a', server, 80, 4, client)
        await answer(server, 'a', 80, 4, client)
      }
    for (const [server, here] of [
      ['b', 2],
      ['c', 1],
    ] as const) {
      for (const host of Object.values(world.hosts)) await host.ovs.appctl('dpctl/del-flows')
      for (const client of clients) {
        expect(await data('a', server, client, 80, 2, 8)).toEqual([server])
        expect(await data(server, 'a', 80, client, 8, 2)).toEqual(['a'])
      }
      const recirculated = async (id: 'here' | 'there') =>
        (await world.hosts[id].megaflows()).filter(flow => flow.includes('recirc('))
      expect(await recirculated('here')).toHaveLength(here)
      for (const id of ['here', 'there'] as const)
        expect((await world.hosts[id].megaflows()).filter(flow => /4000\d/.test(flow))).toEqual([])
    }
  })
})
