import { expect, test } from 'vitest'
import { pingUntil, startCloud } from './cloud.ts'
import { describeDataplane } from './ovs.ts'

describeDataplane('the cloud harness', () => {
  test('VMs on two hosts talk through a VXLAN tunnel and to a machine on a VLAN outside', async () => {
    const cloud = await startCloud()
    try {
      const hosts = []
      const vms = []
      for (const n of [1, 2]) {
        const host = await cloud.addHost({ name: `host${n}`, tunnelIp: `192.0.2.${n}`, physicalNetworks: ['physnet1'] })
        // What the controller will do, by hand.
        await host.ovs.vsctl(
          ...['add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev'],
          ...['--', 'add-port', 'br-int', 'vx', '--', 'set', 'Interface', 'vx', 'type=vxlan'],
          ...[`options:remote_ip=192.0.2.${3 - n}`, 'options:key=7', '--', 'set', 'Port', 'vx', 'tag=20'],
          ...['--', 'add-port', 'br-int', 'pi', '--', 'set', 'Interface', 'pi', 'type=patch', 'options:peer=pp'],
          ...['--', 'add-port', 'br-physnet1', 'pp', '--', 'set', 'Interface', 'pp', 'type=patch', 'options:peer=pi'],
          // Not the tunnel's VLAN: that would be a loop.
          ...['--', 'set', 'Port', 'pp', 'trunks=30'],
        )
        vms.push(
          await host.addVm({
            port: `0000000${n}-1111-4111-8111-111111111111`,
            mac: `fa:16:3e:00:00:0${n}`,
            addresses: [`10.0.0.${n}/24`],
          }),
        )
        await host.ovs.vsctl('set', 'Port', vms[n - 1]!.interface, 'tag=20')
        hosts.push(host)
      }
      const [vm1, vm2] = [vms[0]!, vms[1]!]
      await pingUntil(vm1, '10.0.0.2')
      await cloud.addOutsider('physnet1', { addresses: ['10.0.0.9/24'], vlan: 30 })
      await hosts[1]!.ovs.vsctl('set', 'Port', vm2.interface, 'tag=30')
      await pingUntil(vm2, '10.0.0.9')
      expect(await vm1.ping('10.0.0.2')).toBe(false)
    } finally {
      await cloud.stop()
    }
  })
})
