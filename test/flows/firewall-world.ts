// Two chassis whose tunnel is this test: what leaves one for the other is put in there. Each on a real switch. With an outside,
// the chassis `there` is the gateway.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { expect } from 'vitest'
import { attachments, type Chassis, chassisPort, type Port, ports, type Transaction } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import { arp, type End, neighborDiscovery } from '#test/support/frames'
import { addFloatingIp, addGateway, addInterface, aRouter, fixedIps } from '#test/support/routing'
import { aChassis, addNetwork, addPort, aNetwork, aPort, type SecuredCloud, securedCloud } from '#test/support/secured'

/** VMs: their keys, networks and chassis. */
export const VMS = {
  a: { key: 11, net: 1, on: 'here' },
  b: { key: 12, net: 2, on: 'here' },
  c: { key: 13, net: 2, on: 'there' },
  d: { key: 14, net: 1, on: 'there' },
  e: { key: 15, net: 3, on: 'here' },
} as const

/** One of them. */
export type Vm = keyof typeof VMS

const WIRE = 20
const VLAN = 100
const ext = aNetwork('ext', 9, {
  ...{ external: true, mtu: 1500 },
  segments: [{ networkType: 'vlan', physicalNetwork: 'phys', segmentationId: VLAN }],
})
const outside: End = { mac: '52:54:00:00:00:01', ip: '203.0.113.1' }

/** A host outside, behind the foreign router. */
export const SERVER = { 4: { mac: outside.mac, ip: '198.51.100.7' }, 6: { mac: outside.mac, ip: 'fd99::7' } } as const

/** A router on three networks, two chassis. */
export interface GuardedWorld {
  readonly cloud: SecuredCloud
  readonly hosts: Readonly<Record<'here' | 'there', DummyChassis>>
  /** Changes the model, then the flows of both switches. */
  change(work: (tx: Transaction) => void): Promise<void>
  end(vm: Vm, family?: 4 | 6): End
  /** A frame from a VM to its router; the VMs that something arrives at. */
  routed(from: Vm, ...frames: Buffer[]): Promise<readonly (Vm | 'wire')[]>
  /** A frame from a VM to whom it is for; the VMs that something arrives at. */
  sent(from: Vm, bytes: Buffer): Promise<readonly (Vm | 'wire')[]>
  /** A frame from outside; the VMs that something arrives at. */
  wire(bytes: Buffer): Promise<readonly (Vm | 'wire')[]>
  stop(): Promise<void>
}

const address = (net: number, host: number) => ({
  [`10.${net}.0.0/24`]: `10.${net}.0.${host}`,
  [`fd0${net}::/64`]: `fd0${net}::${host.toString(16)}`,
})

/** Frames of a capture file (libpcap, native byte order), from an offset on. */
const framesOf = (file: string, from: number): readonly Buffer[] => {
  if (!existsSync(file)) return []
  const bytes = readFileSync(file).subarray(Math.max(from, 24))
  const found: Buffer[] = []
  for (let at = 0; at + 16 <= bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
    found.push(bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)))
  return found
}

/** Starts both; the router `r` has the interfaces `r-net1`, `r-net2` and `r-net3`. */
export const startGuardedWorld = async (
  setUp: (tx: Transaction) => void,
  { hasOutside = false } = {},
): Promise<GuardedWorld> => {
  const cloud = securedCloud()
  const gateway = hasOutside ? { providerPorts: { phys: WIRE }, gatewayPriority: 10 } : {}
  const chassis: readonly Chassis[] = [aChassis('here', 1), aChassis('there', 2, gateway)]
  await cloud.change(tx => {
    const router = aRouter('r', 1)
    for (const net of [1, 2, 3]) {
      const network = addNetwork(tx, aNetwork(`net${net}`, net), chassis)
      addInterface(tx, router, network, net, address(net, 1))
    }
    for (const [id, { key, net, on }] of Object.entries(VMS))
      addPort(
        tx,
        aPort(id, key, `net${net}`, { fixedIps: fixedIps(address(net, key)), portSecurityEnabled: false }),
        chassis.find(host => host.id === on) as Chassis,
      )
    if (hasOutside) {
      addNetwork(tx, ext, chassis.slice(1))
      tx.replace(attachments, { ...tx.get(attachments, 'there/ext')!, isMember: false })
      addGateway(tx, router, ext, 4, { '203.0.113.0/24': '203.0.113.2', 'fd09::/64': 'fd09::2' })
      const port = tx.get(ports, 'b') as Port
      addFloatingIp(tx, 'fip', 5, ext, { '203.0.113.0/24': '203.0.113.5' }, { routerId: 'r', port })
    }
    setUp(tx)
  })
  expect(cloud.compiler.conflicts).toEqual([])
  const portsAt = (on: string) => [
    ...Object.values(VMS).flatMap(vm => (vm.on === on ? [100 + vm.key] : [])),
    ...(hasOutside ? [chassisPort(2), ...(on === 'there' ? [WIRE] : [])] : []),
  ]
  const start = async (id: 'here' | 'there') => {
    const host = await startDummyChassis(cloud.compiler, id)
    await host.plug(...portsAt(id))
    for (const port of [PATCH_TUN, ...portsAt(id)])
      await host.ovs.vsctl('set', 'interface', `p${port}`, `options:tx_pcap=${host.ovs.dir}/${port}.pcap`)
    await host.program()
    return host
  }
  const hosts = { here: await start('here'), there: await start('there') }
  const other = { here: 'there', there: 'here' } as const

  /** Puts frames in, and what leaves for the other chassis there; the ports that got something. */
  const carry = async (on: 'here' | 'there', from: number, frames: readonly Buffer[]): Promise<readonly number[]> => {
    const host = hosts[on]
    const file = `${host.ovs.dir}/${PATCH_TUN}.pcap`
    const size = existsSync(file) ? statSync(file).size : 0
    const left = await host.send(from, ...frames)
    const across = framesOf(file, size)
    const there = across.length > 0 ? await carry(other[on], PATCH_TUN, across) : []
    return [...Object.keys(left).map(Number), ...there].filter(port => port !== PATCH_TUN)
  }
  const port = (id: string) => cloud.store.get(ports, id) as Port
  const named = (found: readonly number[]) => [
    ...(Object.keys(VMS) as Vm[]).filter(vm => found.includes(100 + VMS[vm].key)),
    ...(found.includes(WIRE) ? (['wire'] as const) : []),
  ]
  const retag = (bytes: Buffer) =>
    Buffer.concat([bytes.subarray(0, 12), Buffer.from([0x81, 0, VLAN >> 8, VLAN & 255]), bytes.subarray(12)])
  const wire = async (bytes: Buffer) => named(await carry('there', WIRE, [retag(bytes)]))
  if (hasOutside) {
    const asker = { mac: '0a:00:00:00:00:01', ip: '203.0.113.9' }
    await wire(arp(2, outside, asker))
    await wire(neighborDiscovery(136, { ...outside, ip: 'fd09::1' }, { ...asker, ip: 'fd09::99' }, 'fd09::1'))
  }
  return {
    ...{ cloud, hosts, wire },
    change: async work => {
      await cloud.change(work)
      await hosts.here.program()
      await hosts.there.program()
    },
    end: (vm, family = 4) => ({
      mac: port(vm).macAddress,
      ip: port(vm)
        .fixedIps.map(ip => ip.ipAddress)
        .find(ip => ip.includes(':') === (family === 6)) as string,
    }),
    routed: async (from, ...frames) => {
      const { key, net, on } = VMS[from]
      for (const bytes of frames) Buffer.from(port(`r-net${net}`).macAddress.replaceAll(':', ''), 'hex').copy(bytes)
      return named(await carry(on, 100 + key, frames))
    },
    sent: async (from, bytes) => named(await carry(VMS[from].on, 100 + VMS[from].key, [bytes])),
    stop: async () => {
      await hosts.here.stop()
      await hosts.there.stop()
    },
  }
}
