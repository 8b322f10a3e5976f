// Firewall groups of router interfaces and the world outside: what is judged on the chassis of the VM, and what on that of the
// gateway, whether addresses are translated or not.
import { afterEach, expect, test } from 'vitest'
import { ports, type Transaction } from '#model'
import { addFirewallGroup, addFirewallPolicy, changePolicy, toPorts } from '#test/support/firewalled'
import { ACK, type End, frame, icmp, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { type GuardedWorld, SERVER, startGuardedWorld, VMS } from './firewall-world.ts'

const TCP = 6
const UDP = 17

describeOvs('firewall groups and the outside', () => {
  let world: GuardedWorld
  const start = async (setUp: (tx: Transaction) => void) => {
    world = await startGuardedWorld(setUp, { hasOutside: true })
  }
  afterEach(() => world.stop())
  const address = (ip: string, port: string): End => ({
    mac: world.cloud.store.get(ports, port)!.macAddress,
    ip,
  })
  const own = () => address('203.0.113.2', 'r-gateway')
  const floating = () => address('203.0.113.5', 'fip-port')
  const out = (from: keyof typeof VMS, source: number, destination: number) =>
    world.routed(from, frame(world.end(from), SERVER[4], udp(source, destination)))
  const back = (to: End, source: number, destination: number) =>
    world.wire(frame(SERVER[4], to, udp(source, destination)))

  test('VMs here and on the gateway open what their network lets out, and get the answers', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'out', { dns: toPorts(UDP, 53) })
      addFirewallGroup(tx, 'g', ['r-net1', 'r-net2'], { egressPolicyId: 'out' })
    })
    for (const [vm, port] of [
      ['a', 5001],
      ['c', 5002],
    ] as const) {
      expect(await out(vm, port, 53)).toEqual(['wire'])
      expect(await back(own(), 53, port)).toEqual([vm])
      // and again, as both chassis know the connection now
      expect(await out(vm, port, 53)).toEqual(['wire'])
      expect(await back(own(), 53, port)).toEqual([vm])
      expect(await out(vm, port, 54)).toEqual([])
    }
    await world.change(tx => changePolicy(tx, 'out', { rules: [] }))
    expect([await out('a', 5001, 53), await back(own(), 53, 5001)]).toEqual([[], []])
    expect([await out('c', 5002, 53), await back(own(), 53, 5002)]).toEqual([[], []])
  })

  test('a floating IP is judged as its port, by what goes in', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'in', { web: { ...toPorts(TCP, 80), destinationIp: '10.2.0.12' } })
      addFirewallGroup(tx, 'g', ['r-net2'], { ingressPolicyId: 'in' })
    })
    const [b, fip] = [world.end('b'), floating()]
    const hello = (port: number) => world.wire(frame(SERVER[4], fip, tcp(40000, port, SYN)))
    expect(await hello(22)).toEqual([])
    expect(await hello(80)).toEqual(['b'])
    expect(await world.routed('b', frame(b, SERVER[4], tcp(80, 40000, SYN | ACK, 7, 2)))).toEqual(['wire'])
    expect(await world.wire(frame(SERVER[4], fip, tcp(40000, 80, ACK, 2, 8)))).toEqual(['b'])
    expect(await out('b', 5000, 53)).toEqual([])
    // an error about what the VM answered, from a router on the way
    const quoted = frame(fip, SERVER[4], tcp(80, 40000, ACK, 8, 2)).subarray(14)
    const tooBig = icmp(3, 4, Buffer.concat([Buffer.from([0, 0, 5, 0]), quoted]))
    expect(await world.wire(frame({ ...SERVER[4], ip: '198.51.100.1' }, fip, tooBig))).toEqual(['b'])
  })

  test('a VM reaches the floating IP of another, judged on both ends of its way', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'out', { dns: { ...toPorts(UDP, 53), destinationIp: '203.0.113.5' } })
      addFirewallPolicy(tx, 'in', { dns2: { ...toPorts(UDP, 50, 60), destinationIp: '10.2.0.12' } })
      addFirewallGroup(tx, 'one', ['r-net1'], { egressPolicyId: 'out' })
      addFirewallGroup(tx, 'two', ['r-net2'], { ingressPolicyId: 'in' })
    })
    const fip = floating()
    for (const vm of ['a', 'd'] as const) {
      const to = (port: number) => world.routed(vm, frame(world.end(vm), fip, udp(5000 + VMS[vm].key, port)))
      const reply = () => world.routed('b', frame(world.end('b'), own(), udp(53, 5000 + VMS[vm].key)))
      expect(await to(54)).toEqual([])
      expect(await to(53)).toEqual(['b'])
      expect(await reply()).toEqual([vm])
      expect(await to(53)).toEqual(['b'])
    }
    await world.change(tx => changePolicy(tx, 'in', { rules: [] }))
    expect(await world.routed('a', frame(world.end('a'), fip, udp(5011, 53)))).toEqual([])
    expect(await world.routed('b', frame(world.end('b'), own(), udp(53, 5011)))).toEqual([])
  })

  test('what passes untranslated is known on both chassis', async () => {
    await start(tx => {
      addFirewallPolicy(tx, 'out', { dns: { ...toPorts(UDP, 53), ipVersion: 6 } })
      addFirewallPolicy(tx, 'in', { web: { ...toPorts(TCP, 80), ipVersion: 6 } })
      addFirewallGroup(tx, 'g', ['r-net1', 'r-net2'], { egressPolicyId: 'out', ingressPolicyId: 'in' })
    })
    const gateway = address('', 'r-gateway')
    for (const vm of ['a', 'c'] as const) {
      const me = world.end(vm, 6)
      const towards = { ...me, mac: gateway.mac }
      expect(await world.routed(vm, frame(me, SERVER[6], udp(5000, 53)))).toEqual(['wire'])
      expect(await world.wire(frame(SERVER[6], towards, udp(53, 5000)))).toEqual([vm])
      expect(await world.routed(vm, frame(me, SERVER[6], udp(5000, 53)))).toEqual(['wire'])
      expect(await world.wire(frame(SERVER[6], towards, udp(53, 5001)))).toEqual([])
      expect(await world.wire(frame(SERVER[6], towards, tcp(40000, 80, SYN)))).toEqual([vm])
      expect(await world.routed(vm, frame(me, SERVER[6], tcp(80, 40000, SYN | ACK, 7, 2)))).toEqual(['wire'])
      expect(await world.wire(frame(SERVER[6], towards, tcp(40000, 80, ACK, 2, 8)))).toEqual([vm])
      expect(await world.routed(vm, frame(me, SERVER[6], tcp(80, 40001, SYN | ACK, 7, 2)))).toEqual([])
    }
  })
})
