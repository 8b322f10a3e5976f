// A real packet sent by a trace, between VMs of two hosts: while all is well every flow on the way counts it; with the
// tunnel down the flows of the other host do not, and the trace says from where on.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, pingUntil } from '#test/support/cloud'
import { describeDataplane } from '#test/support/ovs'
import { startWorld, type World } from './world.ts'

interface Live {
  readonly trace: {
    readonly sentence: string
    readonly delivered: boolean
    readonly live: { readonly sentence: string; readonly as_traced: boolean; readonly missing: readonly object[] }
  }
}

describeDataplane('a trace with a real packet', () => {
  let world: World
  let far: Host

  const live = (from: string, to: string, protocol: string) =>
    world.call<Live>('POST', `/flowright/v1/trace?${new URLSearchParams({ from, to, protocol })}`)

  beforeAll(async () => {
    world = await startWorld()
    const near = await world.addHost('host1', 11)
    far = await world.addHost('host2', 12)
    const network = await world.createNetwork({ name: 'blue' }, ['10.0.0.0/24'])
    const [a] = await world.vmOn(near, network, { name: 'a' })
    const [, b] = await world.vmOn(far, network, { name: 'b' })
    await world.openDefaultGroup()
    await pingUntil(a, String(b.fixed_ips[0]?.ip_address))
  })
  afterAll(() => world?.stop())

  test('is counted all the way to the VM', async () => {
    for (const protocol of ['udp 53', 'tcp 80', 'icmp', 'arp']) {
      const { trace } = await live('a', 'b', protocol)
      expect(trace.delivered).toBe(true)
      expect(trace.live.sentence).toMatch(/^A real packet was sent, and all \d+ flows on the way counted it\.$/)
      expect(trace.live.missing).toEqual([])
    }
  })

  test('is missed by the other host while the tunnel is down', async () => {
    await far.exec('ip', 'link', 'set', 'phy0', 'down')
    const { trace } = await live('a', 'b', 'udp 53')
    expect(trace.sentence).toBe('Delivered to b on host2 after 3 hops.')
    expect(trace.live.as_traced).toBe(false)
    expect(trace.live.sentence).toBe(
      'A real packet was sent: it was counted up to table vtep on host1, but not by table tunnel_classify on host2.',
    )
  })
})
