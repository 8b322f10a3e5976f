import { expect, test } from 'vitest'
import { describeOvs, startOvs } from './ovs.ts'

describeOvs('the Open vSwitch harness', () => {
  test('a dummy switch has bridges, patch and tunnel ports, flows, and survives a kill', async () => {
    const ovs = await startOvs({ systemId: 'host1', externalIds: { 'flowright-tunnel-ip': '192.0.2.1' } })
    try {
      await ovs.vsctl(
        ...['add-br', 'br-tun', '--', 'set', 'bridge', 'br-tun', 'protocols=OpenFlow15', 'fail_mode=secure'],
        ...['--', 'add-port', 'br-tun', 'vxlan0', '--', 'set', 'interface', 'vxlan0', 'type=vxlan'],
        ...['options:remote_ip=flow', 'options:key=flow', 'ofport_request=2'],
      )
      expect(await ovs.vsctl('get', 'interface', 'vxlan0', 'ofport')).toBe('2')
      expect(await ovs.vsctl('get', 'interface', 'vxlan0', 'error')).toBe('[]')
      expect(await ovs.vsctl('get', 'open', '.', 'external_ids:system-id')).toBe('host1')
      await ovs.ofctl('add-flow', 'br-tun', 'table=3,ip,actions=output:2')
      expect(await ovs.ofctl('dump-flows', 'br-tun')).toContain('table=3')
      await ovs.kill9('ovs-vswitchd')
      await ovs.start('ovs-vswitchd')
      expect(await ovs.ofctl('dump-flows', 'br-tun')).not.toContain('table=3')
    } finally {
      await ovs.stop()
    }
  })
})
