// In by floating IPs and port forwarding: on the VM's own host where that has the physical network, else on the gateway.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '#test/support/cloud'
import { ask, SERVER } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import type { Capture } from './capture.ts'
import {
  type Machine,
  type NorthSouth,
  PHYSNET,
  pinged,
  reaches,
  startNorthSouth,
  untilReached,
} from './north-south.ts'
import { ipOf, type Resource } from './world.ts'

const GATEWAY = '203.0.113.11'

describeDataplane('floating IPs', () => {
  let ns: NorthSouth
  let server: Node
  let router: Resource
  let network: Resource
  let leaks: Capture
  /** VMs: on the gateway, on a host with the physical network, on one without. */
  const vms: Record<string, Machine> = {}
  const floating: Record<string, Resource> = {}
  const vmOf = (where: string) => (vms[where] as Machine)[0]
  const portOf = (where: string) => (vms[where] as Machine)[1]
  const ipAt = (where: string) => floating[where]?.floating_ip_address as string
  const PLACES = ['gw', 'edge', 'compute'] as const

  beforeAll(async () => {
    ns = await startNorthSouth({ gw: { gateway: 10 }, edge: { physnet: true }, compute: {} })
    server = ns.internet.server
    leaks = await ns.capture('net 10.0.0.0/8')
    router = await ns.addRouter([GATEWAY])
    network = await ns.addNetwork(router, ['10.1.0.0/24'])
    for (const [n, where] of PLACES.entries()) {
      vms[where] = await ns.vmOn(where, network)
      await ns.internet.serve(vmOf(where))
      floating[where] = await ns.addFloatingIp({
        port_id: portOf(where).id,
        floating_ip_address: `203.0.113.${31 + n}`,
      })
    }
  }, 120_000)
  afterAll(() => ns?.stop())

  test.each(PLACES)('lead in and out: a VM on %s', async where => {
    await untilReached(server, ipAt(where))
    expect(await reaches(server, ipAt(where), 5)).toBe(true)
    for (const protocol of ['tcp', 'udp'] as const) {
      // The VM sees who asks, the server sees the floating IP.
      expect((await ask(server, protocol, ipAt(where), { size: 8000 })).ip).toBe(SERVER)
      expect((await ask(vmOf(where), protocol, SERVER, { size: 8000 })).ip).toBe(ipAt(where))
    }
    expect(await server.exec('curl', '-s', '-m', '3', `http://${ipAt(where)}/`)).toMatch(`${SERVER} `)
  })

  test('live on one host each, as the switch outside sees it', async () => {
    const fdb = await ns.world.cloud.wires.exec('bridge', '-j', 'fdb', 'show', 'br', PHYSNET)
    const learned = (JSON.parse(fdb) as { mac: string; ifname: string; state?: string }[]).filter(e => !e.state)
    const legOf = (mac: string) => learned.find(entry => entry.mac === mac)?.ifname
    const macOf = async (where: string) => {
      const { ports } = await ns.world.call<{ ports: { mac_address: string }[] }>(
        'GET',
        `/v2.0/ports?device_id=${floating[where]?.id}`,
      )
      return ports[0]?.mac_address as string
    }
    const [gw, edge, compute] = [await macOf('gw'), await macOf('edge'), await macOf('compute')].map(legOf)
    expect(gw).toBeDefined()
    expect(edge).toBeDefined()
    expect(edge).not.toBe(gw)
    expect(compute).toBe(gw)
  })

  test('VMs reach floating IPs of others, and their own, on one host and on others', async () => {
    const second = await ns.addRouter(['203.0.113.12'])
    const elsewhere = await ns.addNetwork(second, ['10.1.0.0/24'])
    for (const where of ['gw', 'edge', 'compute']) vms[`other ${where}`] = await ns.vmOn(where, elsewhere)
    // With a floating IP the sender's place counts. Without one it is translated on the gateway: a sender there, one that
    // is not, and one that is where the floating IP is.
    const ways: Readonly<Record<string, readonly string[]>> = {
      ...{ gw: PLACES, edge: PLACES, compute: PLACES },
      ...{ 'other gw': PLACES, 'other edge': ['edge'], 'other compute': ['gw', 'edge'] },
    }
    for (const [from, places] of Object.entries(ways))
      for (const to of places) {
        await until(`${from} to reach the floating IP of ${to}`, () => vmOf(from).ping(ipAt(to)), 5000)
        const seen = (await ask(vmOf(from), 'tcp', ipAt(to), { size: 4000 })).ip
        expect(seen, `${from} to ${to}`).toBe(from in floating ? ipAt(from) : '203.0.113.12')
      }
  })

  test('what is said of a packet is told: hops, and a port that nobody listens at', async () => {
    for (const where of PLACES) {
      expect(await pinged(server, '-t', '2', ipAt(where))).toMatch(/From 203\.0\.113\.\d+ .*Time to live exceeded/)
      expect(await pinged(server, '-t', '3', ipAt(where))).toContain('1 received')
      expect(await pinged(vmOf(where), '-t', '2', SERVER)).toMatch(/From 203\.0\.113\.1 .*Time to live exceeded/)
      await expect(ask(server, 'udp', ipAt(where), { port: 9 })).rejects.toThrow(/ConnectionRefused/)
      await expect(ask(vmOf(where), 'udp', SERVER, { port: 9 })).rejects.toThrow(/ConnectionRefused/)
    }
  })

  test('both sides learn the MTU of the other', async () => {
    await ns.internet.router.exec('ip', 'link', 'set', 'inside', 'mtu', '1300')
    for (const where of PLACES) {
      expect(await pinged(vmOf(where), '-M', 'do', '-s', '1400', SERVER)).toMatch(/mtu ?[=:] ?1300/)
      expect((await ask(vmOf(where), 'tcp', SERVER, { size: 30_000 })).ip).toBe(ipAt(where))
    }
    await ns.internet.router.exec('ip', 'link', 'set', 'inside', 'mtu', '1500')
    for (const where of PLACES)
      expect(await pinged(server, '-M', 'do', '-s', '1472', ipAt(where)), where).toMatch(/mtu ?[=:] ?1450/)
    for (const where of PLACES) expect((await ask(server, 'tcp', ipAt(where), { size: 60_000 })).ip, where).toBe(SERVER)
  })

  test('one that is taken away leads nowhere, and one that gets another VM follows at once, as is said on the wire', async () => {
    const moving = await ns.addFloatingIp({ floating_ip_address: '203.0.113.40' })
    const seen = await ns.capture('arp')
    expect(await reaches(server, '203.0.113.40')).toBe(false)
    await ns.changeFloatingIp(floating.gw as Resource, { port_id: null })
    await until('it to lead nowhere', async () => !(await reaches(server, ipAt('gw'))))
    expect((await ask(vmOf('gw'), 'tcp', SERVER)).ip).toBe(GATEWAY)

    for (const where of ['gw', 'other edge', 'other compute', 'gw']) {
      const asked = Date.now()
      await ns.changeFloatingIp(moving, { port_id: portOf(where).id })
      await until('it to lead there', async () => {
        await reaches(server, '203.0.113.40')
        return (await ask(vmOf(where), 'udp', SERVER).catch(() => undefined))?.ip === '203.0.113.40'
      })
      expect(await reaches(server, '203.0.113.40')).toBe(true)
      console.log(`a floating IP led to ${where} ${Date.now() - asked} ms after it was asked for`)
    }
    const arp = (await seen.stop()).filter(line => line.includes('203.0.113.40'))
    // Gratuitous: about itself, to all.
    expect(
      arp.filter(line => /> ff:ff:ff:ff:ff:ff.*203\.0\.113\.40 .*203\.0\.113\.40/.test(line)).length,
    ).toBeGreaterThan(2)
  })

  test('a port of a floating IP leads to a port of a VM, of one protocol', async () => {
    const shared = await ns.addFloatingIp({ floating_ip_address: '203.0.113.50' })
    const forward = (where: string, protocol: string, from: number, to: number) =>
      ns.world.call('POST', `/v2.0/floatingips/${shared.id}/port_forwardings`, {
        port_forwarding: {
          ...{ protocol, external_port: from, internal_port: to },
          ...{ internal_port_id: portOf(where).id, internal_ip_address: ipOf(portOf(where)) },
        },
      })
    const places = PLACES.map(where => `other ${where}`)
    for (const [n, where] of places.entries()) {
      await ns.internet.serve(vmOf(where))
      await forward(where, 'tcp', 8000 + n, 7)
      await forward(where, 'udp', 8000 + n, 7)
    }
    await forward('other compute', 'tcp', 80, 80)
    await until('it to lead there', () => ask(server, 'tcp', '203.0.113.50', { port: 8000 }).catch(() => false))
    for (const [n] of places.entries())
      for (const protocol of ['tcp', 'udp'] as const)
        expect((await ask(server, protocol, '203.0.113.50', { port: 8000 + n, size: 1000 })).ip).toBe(SERVER)
    expect(await server.exec('curl', '-s', '-m', '3', 'http://203.0.113.50/')).toMatch(`${SERVER} `)
    // From inside as well, from the VM itself too.
    for (const where of [...places, ...PLACES])
      expect((await ask(vmOf(where), 'tcp', '203.0.113.50', { port: 8000 })).ip, where).toBe(
        where.startsWith('other') ? '203.0.113.12' : where === 'gw' ? '203.0.113.40' : ipAt(where),
      )
    await expect(ask(server, 'tcp', '203.0.113.50', { port: 9999 })).rejects.toThrow()
  })

  test('no address of a tenant was ever seen outside', async () => {
    expect(await leaks.stop()).toEqual([])
  })
})
