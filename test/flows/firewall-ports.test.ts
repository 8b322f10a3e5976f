// Firewall groups of VM ports, beside security groups: frames on a real switch with real conntrack.
import { afterEach, expect, test } from 'vitest'
import { ports, type Transaction } from '#model'
import { PATCH_TUN } from '#model/ofports'
import {
  addFirewallGroup,
  addFirewallPolicy,
  changeGroup,
  changePolicy,
  changeRule,
  toPorts,
} from '#test/support/firewalled'
import { ACK, type End, echo, ethernet, frame, icmp, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { addGroup, addRule, allowSending } from '#test/support/secured'
import { type AddPort, NET_VLAN, startWorld, type World } from './security-world.ts'

const TCP = 6
const UDP = 17

describeOvs('firewall groups of ports', () => {
  let world: World
  const start = async (setUp: (tx: Transaction, add: AddPort) => void) => {
    world = await startWorld(setUp)
  }
  afterEach(() => world.stop())

  const send = async (from: string | 'tunnel', ...bytes: Buffer[]) => {
    const left = await world.host.send(from === 'tunnel' ? PATCH_TUN : world.at(from), ...bytes)
    return Object.keys(left)
      .map(port => (Number(port) === PATCH_TUN ? 'tunnel' : ['a', 'b', 'c', 'd', 'e'][Number(port) - 101]))
      .sort()
  }
  /** `a` has a security group that lets all pass, `b` no port security; `c` is no firewall's, `far` elsewhere. */
  const cloud =
    (firewall: (tx: Transaction) => void, groups: readonly string[] = ['all']) =>
    (tx: Transaction, add: AddPort) => {
      addGroup(tx, 'all')
      allowSending(tx, 'all')
      addRule(tx, 'all-in', 'all')
      addGroup(tx, 'stateless', { stateful: false })
      for (const direction of ['ingress', 'egress'] as const)
        addRule(tx, `stateless-${direction}`, 'stateless', { direction })
      add('a', 1, groups)
      add('b', 2, [], { portSecurityEnabled: false })
      add('c', 3, ['all'])
      add('far', 9, ['all'], { elsewhere: true })
      firewall(tx)
    }
  const [web, dns] = [toPorts(TCP, 80), toPorts(UDP, 53)]
  const open = (name: string) => ({ [name]: {} })
  const hello = (from: string, to: string, port: number, client = 40000) =>
    frame(world.end(from), world.end(to), tcp(client, port, SYN))
  const answer = (from: string, to: string, port: number, client = 40000) =>
    frame(world.end(from), world.end(to), tcp(port, client, SYN | ACK, 7, 2))

  test.each([['all'], ['stateless'], ['none']])(
    'let a port with %s groups open and answer what their policies allow',
    async group => {
      const guarded = group === 'none' ? 'b' : 'a'
      await start(
        cloud(
          tx => {
            addFirewallPolicy(tx, 'in', { web: web })
            addFirewallPolicy(tx, 'out', { dns: dns })
            addFirewallGroup(tx, 'g', [guarded], { ingressPolicyId: 'in', egressPolicyId: 'out' })
          },
          [group === 'none' ? 'all' : group],
        ),
      )
      const udpTo = (from: string, to: string, src: number, dst: number) =>
        frame(world.end(from), world.end(to), udp(src, dst))
      expect(await send('c', hello('c', guarded, 80))).toEqual([guarded])
      expect(await send(guarded, answer(guarded, 'c', 80))).toEqual(['c'])
      expect(await send('c', hello('c', guarded, 22))).toEqual([])
      expect(await send(guarded, hello(guarded, 'c', 80))).toEqual([])
      expect(await send(guarded, udpTo(guarded, 'c', 5000, 53))).toEqual(['c'])
      expect(await send('c', udpTo('c', guarded, 53, 5000))).toEqual([guarded])
      expect(await send('c', udpTo('c', guarded, 53, 5001))).toEqual([])
      const far = world.end('far')
      const me = world.end(guarded)
      expect(await send('tunnel', frame(far, me, tcp(41000, 80, SYN), { vlan: NET_VLAN }))).toEqual([guarded])
      expect(await send(guarded, frame(me, far, tcp(80, 41000, SYN | ACK, 7, 2)))).toEqual(['tunnel'])
      expect(await send('tunnel', frame(far, me, tcp(41000, 81, SYN), { vlan: NET_VLAN }))).toEqual([])
      expect(await send(guarded, frame(me, far, udp(5000, 54)))).toEqual([])
      expect(await world.host.counted(76, 'reg12=')).toBe(3)
      expect(await world.host.counted(29, 'reg12=')).toBe(2)
    },
  )

  test('judge what security groups allow, and the other way round', async () => {
    await start((tx, add) => {
      addGroup(tx, 'web')
      addRule(tx, 'web-in', 'web', { protocolNumber: TCP, portRangeMin: 80, portRangeMax: 81 })
      addGroup(tx, 'all')
      allowSending(tx, 'all')
      add('a', 1, ['web'])
      add('c', 3, ['all'])
      addFirewallPolicy(tx, 'in', { high: toPorts(TCP, 81, 90) })
      addFirewallGroup(tx, 'g', ['a'], { ingressPolicyId: 'in' })
    })
    expect(await send('c', hello('c', 'a', 80))).toEqual([])
    expect(await send('c', hello('c', 'a', 82))).toEqual([])
    expect(await send('c', hello('c', 'a', 81))).toEqual(['a'])
    expect(await send('a', answer('a', 'c', 81))).toEqual(['c'])
  })

  test('take the first rule that fits; rules that are not enabled fit nothing', async () => {
    await start(
      cloud(tx => {
        addFirewallPolicy(tx, 'in', {
          hosts: { action: 'deny', sourceIp: '10.0.0.3' },
          web,
          refuse: { ...toPorts(TCP, 1, 1023), action: 'reject' },
          rest: { protocolNumber: TCP },
        })
        addFirewallGroup(tx, 'g', ['a'], { ingressPolicyId: 'in' })
      }),
    )
    expect(await send('c', hello('c', 'a', 80))).toEqual([])
    await world.change(tx => changeRule(tx, 'hosts', { enabled: false }))
    expect(await send('c', hello('c', 'a', 80))).toEqual(['a'])
    expect(await send('c', hello('c', 'a', 22))).toEqual([])
    expect(await world.host.counted(76, 'actions=controller')).toBe(1)
    expect(await send('c', hello('c', 'a', 2000))).toEqual(['a'])
    expect(await send('c', frame(world.end('c'), world.end('a'), udp(1, 2000)))).toEqual([])
    expect(await world.host.counted(76, 'actions=drop')).toBe(2)
    await world.change(tx => changePolicy(tx, 'in', { rules: ['rest', 'web', 'refuse', 'hosts'] }))
    expect(await send('c', hello('c', 'a', 22))).toEqual(['a'])
  })

  test('cut at once what a change does not allow any more, in both directions, and only that', async () => {
    await start(
      cloud(tx => {
        addFirewallPolicy(tx, 'in', { web, ssh: toPorts(TCP, 22) })
        addFirewallGroup(tx, 'g', ['a'], { ingressPolicyId: 'in' })
      }),
    )
    for (const port of [80, 22]) {
      await send('c', hello('c', 'a', port))
      expect(await send('a', answer('a', 'c', port))).toEqual(['c'])
    }
    const more = (port: number) => frame(world.end('c'), world.end('a'), tcp(40000, port, ACK, 2, 8))
    const back = (port: number) => frame(world.end('a'), world.end('c'), tcp(port, 40000, ACK, 8, 2))
    await world.change(tx => changePolicy(tx, 'in', { rules: ['web'] }))
    expect([await send('c', more(22)), await send('a', back(22))]).toEqual([[], []])
    expect([await send('c', more(80)), await send('a', back(80))]).toEqual([['a'], ['c']])
    await world.change(tx => changeRule(tx, 'web', { sourceIp: '10.0.0.4' }))
    expect([await send('c', more(80)), await send('a', back(80))]).toEqual([[], []])
    await world.change(tx => changeGroup(tx, 'g', { ports: [] }))
    expect([await send('c', more(80)), await send('a', back(80))]).toEqual([['a'], ['c']])
    await world.change(tx => changeGroup(tx, 'g', { ports: ['a'], adminStateUp: false }))
    expect([await send('c', more(80)), await send('a', back(80))]).toEqual([[], []])
  })

  test('let nothing pass without a policy, but what a host needs to be one', async () => {
    await start(cloud(tx => addFirewallGroup(tx, 'g', ['a', 'b'])))
    expect(await send('c', hello('c', 'a', 80))).toEqual([])
    expect(await send('a', hello('a', 'c', 80))).toEqual([])
    expect(await send('b', hello('b', 'c', 80))).toEqual([])
    const everybody: End = { mac: 'ff:ff:ff:ff:ff:ff', ip: '255.255.255.255' }
    const nobody: End = { mac: world.end('a').mac, ip: '0.0.0.0' }
    expect(await send('a', frame(nobody, everybody, udp(68, 67)))).toEqual(
      ['b', 'c', 'tunnel'].filter(p => p === 'tunnel' || p === 'c'),
    )
    expect(await send('c', ethernet(world.end('c').mac, everybody.mac, 0x0806, Buffer.alloc(46)))).toEqual([])
  })

  test('judge copies for each receiver, whatever it said of another', async () => {
    await start(
      cloud(tx => {
        tx.replace(ports, { ...tx.get(ports, 'c')!, key: 3 })
        addFirewallPolicy(tx, 'media', { media: toPorts(UDP, 5000) })
        addFirewallPolicy(tx, 'any', open('any'))
        addFirewallGroup(tx, 'g', ['a', 'b'], { ingressPolicyId: 'media', egressPolicyId: 'any' })
      }),
    )
    const stream = (port: number) =>
      frame(world.end('far'), { mac: '01:00:5e:00:00:05', ip: '239.0.0.5' }, udp(40000, port), { vlan: NET_VLAN })
    expect(await send('tunnel', stream(5000))).toEqual(['a', 'b', 'c'])
    expect(await send('tunnel', stream(5001))).toEqual(['c'])
    const own = frame(world.end('a'), { mac: '01:00:5e:00:00:05', ip: '239.0.0.5' }, udp(40000, 5000))
    expect(await send('a', own)).toEqual(['b', 'c', 'tunnel'])
  })

  test('let errors about connections pass, and later fragments by what they show', async () => {
    await start(
      cloud(tx => {
        addFirewallPolicy(tx, 'in', { dns, noBulk: { ...toPorts(UDP, 9), action: 'deny' } })
        addFirewallGroup(tx, 'g', ['a'], { ingressPolicyId: 'in' })
      }),
    )
    const [a, c] = [world.end('a'), world.end('c')]
    expect(await send('c', frame(c, a, udp(5000, 53)))).toEqual(['a'])
    const about = frame(c, a, udp(5000, 53)).subarray(14)
    const error = icmp(3, 3, Buffer.concat([Buffer.alloc(4), about]))
    expect(await send('a', frame(a, c, error))).toEqual(['c'])
    expect(await send('a', frame(a, c, echo(8)))).toEqual([])
    const pieces = (port: number) =>
      [
        { offset: 0, length: 1480, more: true },
        { offset: 1480, length: 28, more: false },
      ].map(fragment => frame(c, a, udp(5000, port, Buffer.alloc(1500)), { fragment }))
    const left = await world.host.send(world.at('c'), ...pieces(53))
    expect(left).toEqual({ [world.at('a')]: 2 })
    expect(await world.host.send(world.at('c'), ...pieces(9))).toEqual({})
  })

  test('cost a port without them nothing, and match no port of clients', async () => {
    await start(
      cloud(tx => {
        addFirewallPolicy(tx, 'in', { web })
        addFirewallGroup(tx, 'g', ['a'], { ingressPolicyId: 'in' })
      }),
    )
    for (const client of [40000, 40001, 40002]) {
      await send('c', hello('c', 'a', 80, client))
      await send('a', answer('a', 'c', 80, client))
    }
    await world.host.ovs.appctl('dpctl/del-flows')
    for (const client of [40000, 40001, 40002]) {
      expect(await send('c', frame(world.end('c'), world.end('a'), tcp(client, 80, ACK, 2, 8)))).toEqual(['a'])
      expect(await send('a', frame(world.end('a'), world.end('c'), tcp(80, client, ACK, 8, 2)))).toEqual(['c'])
    }
    const flows = await world.host.megaflows()
    expect(flows.filter(flow => flow.includes('recirc('))).toHaveLength(2)
    expect(flows.filter(flow => /4000\d/.test(flow))).toEqual([])
  })
})
