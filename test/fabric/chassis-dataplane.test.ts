import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bindings, chassis } from '#model/chassis'
import { startCloud } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { addNetwork, addPort, startController, untilBound } from './chassis-support.ts'

describeDataplane('chassis on the userspace datapath', () => {
  test('join from namespaces with all tunnel types, bind VMs, and their switches come to us', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fr-sock-'))
    const [manager, openflow] = [`${dir}/ovsdb`, `${dir}/openflow`]
    let switches = 0
    const listener = createServer(socket => {
      switches++
      socket.on('error', () => {})
    }).listen(openflow)
    const controller = await startController({
      listen: [{ protocol: 'punix', path: manager }],
      // A switch connects to Unix sockets in its own run directory only: the harness puts a link there.
      controllerTarget: () => 'unix:openflow',
    })
    const cloud = await startCloud()
    try {
      await addNetwork(controller.store, 'net', 1)
      for (const n of [1, 2]) {
        const port = `0000000${n}-1111-4111-8111-111111111111`
        await addPort(controller.store, port, n, 'net')
        const host = await cloud.addHost({
          name: `host${n}`,
          tunnelIp: n === 1 ? '192.0.2.1' : '2001:db8:9::2',
          physicalNetworks: ['physnet1'],
          sockets: { openflow },
          externalIds: { 'flowright-tunnel-types': 'vxlan,gre,geneve' },
        })
        await host.ovs.vsctl('set-manager', `unix:${manager}`)
        await until('its patch ports', () => controller.store.get(chassis, host.name)?.providerPorts.physnet1)
        const vm = await host.addVm({ port, mac: `fa:16:3e:00:00:0${n}`, addresses: [`10.0.0.${n}/24`] })
        await untilBound(controller.store, port, `${host.name} active`)
        expect(controller.store.get(bindings, `${port}@${host.name}`)?.interface).toBe(vm.interface)
        for (const [i, type] of ['vxlan', 'gre', 'geneve'].entries()) {
          const columns = ['ofport', 'error'].map(column => host.ovs.vsctl('get', 'Interface', `fr-${type}`, column))
          expect(await Promise.all(columns)).toEqual([`${i + 2}`, '[]'])
        }
        expect(controller.sessions.state(host.name)).toMatchObject({ isUp: true, problems: [] })
      }
      await until('four bridges', () => switches >= 4)
    } finally {
      await cloud.stop()
      await controller.stop()
      listener.close()
      rmSync(dir, { recursive: true })
    }
  })
})
