// Hosts for dataplane tests: real Open vSwitch on the userspace datapath, each in a network namespace, joined by an
// underlay of veths and a Linux bridge, with VMs as further namespaces. Nothing is made outside of namespaces of ours.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { symlinkSync } from 'node:fs'
import { promisify } from 'node:util'
import { type Ovs, startOvs, until } from './ovs.ts'

const run = promisify(execFile)
const ip = async (...args: string[]) => void (await run('ip', args))

/** A machine in a namespace of its own. */
export interface Node {
  readonly netns: string
  /** Runs a command there; resolves with its output, rejects when it fails. */
  exec(command: string, ...args: string[]): Promise<string>
}

/** How a host is made. */
export interface HostOptions {
  /** Its system-id. */
  readonly name: string
  /** Its VTEP address, in the underlay's 192.0.2.0/24 or 2001:db8:9::/64. */
  readonly tunnelIp: string
  /** Physical networks, each a provider bridge `br-<physnet>` with a leg in that network's own Linux bridge. */
  readonly physicalNetworks?: readonly string[]
  /** Controller sockets (paths) that appear in the host's run directory under these names: `unix:<name>` reaches them. */
  readonly sockets?: Readonly<Record<string, string>>
  /** More `external_ids`. */
  readonly externalIds?: Readonly<Record<string, string>>
}

/** A host that runs Open vSwitch. */
export interface Host extends Node {
  readonly name: string
  readonly tunnelIp: string
  readonly ovs: Ovs
  /** Makes a VM plugged into br-int (which the controller must have made): see VmOptions. */
  addVm(options: VmOptions): Promise<Vm>
}

/** A VM: a namespace with one network card. */
interface VmOptions {
  /** The port id: `external_ids:iface-id`. */
  readonly port: string
  readonly mac: string
  /** Addresses with prefix length, set statically. */
  readonly addresses?: readonly string[]
  /** Default gateways. */
  readonly gateways?: readonly string[]
  readonly mtu?: number
  /** Name of its interface on the host, where the usual one is taken. */
  readonly interface?: string
  /** Leaves the card unplugged: `plug()` it later. */
  readonly unplugged?: boolean
}

/** A VM in its namespace; its card is called `eth0`. */
export interface Vm extends Node {
  /** Its interface on the host: `tapXXXXXXXX-XX` after the port id. */
  readonly interface: string
  /** Adds its interface to br-int. */
  plug(): Promise<void>
  /** Takes it away from br-int. */
  unplug(): Promise<void>
  /** True when all of `count` (default 1) pings, 100 ms apart, were answered. */
  ping(address: string, options?: { count?: number; size?: number; wait?: number }): Promise<boolean>
}

/** Hosts, VMs and the networks between them. */
export interface Cloud {
  /** The Linux bridges live here: `underlay` and one `<physnet>` per physical network; capture on their legs. */
  readonly wires: Node
  addHost(options: HostOptions): Promise<Host>
  /** A machine outside of our control, with `eth0` in a physical network, or in one VLAN of it. */
  addOutsider(physicalNetwork: string, options: { addresses: readonly string[]; vlan?: number }): Promise<Node>
  /** A machine outside of our control behind another one, which knows the cable between them as `device`; its own end is `eth0`. */
  addBehind(node: Node, device: string): Promise<Node>
  /** Ends all daemons and removes all namespaces. */
  stop(): Promise<void>
}

/** Starts an empty cloud. */
export const startCloud = async (): Promise<Cloud> => {
  const prefix = `fr-${randomBytes(3).toString('hex')}`
  const nodes: Node[] = []
  const removeNamespaces = () => {
    for (const node of nodes.splice(0)) execFileSync('ip', ['netns', 'del', node.netns])
  }
  process.once('exit', removeNamespaces)
  const switches: Ovs[] = []
  const bridges = new Map<string, Promise<void>>()
  let legs = 0
  let machines = 0

  const addNode = async (name: string): Promise<Node> => {
    const netns = `${prefix}-${name}`
    await ip('netns', 'add', netns)
    const exec = async (command: string, ...args: string[]) =>
      (await run('nsenter', [`--net=/run/netns/${netns}`, command, ...args], { maxBuffer: 1 << 28 })).stdout
    const node = { netns, exec }
    nodes.push(node)
    await exec('ip', 'link', 'set', 'lo', 'up')
    return node
  }
  const wires = await addNode('wires')

  /** A veth between two nodes, both ends up and without checksum offload: the userspace datapath computes none. */
  const join = async (a: Node, nameA: string, b: Node, nameB: string) => {
    await ip(...['link', 'add', nameA, 'netns', a.netns, 'type', 'veth', 'peer', 'name', nameB, 'netns', b.netns])
    for (const [node, name] of [[a, nameA] as const, [b, nameB] as const]) {
      await node.exec('ethtool', '-K', name, 'tx', 'off')
      await node.exec('ip', 'link', 'set', name, 'up')
    }
  }
  const wire = async (network: string, node: Node, name: string) => {
    const made =
      bridges.get(network) ??
      wires
        .exec('ip', 'link', 'add', network, 'type', 'bridge', 'mcast_snooping', '0')
        .then(() => wires.exec('ip', 'link', 'set', network, 'mtu', '9000', 'up'))
        .then(() => {})
    bridges.set(network, made)
    await made
    const leg = `leg${++legs}`
    await join(node, name, wires, leg)
    await node.exec('ip', 'link', 'set', name, 'mtu', '9000')
    await wires.exec('ip', 'link', 'set', leg, 'mtu', '9000', 'master', network)
  }
  const address = (node: Node, device: string, cidr: string) =>
    node.exec('ip', 'addr', 'add', cidr, 'dev', device, ...(cidr.includes(':') ? ['nodad'] : []))

  const addVm = async (host: Node, ovs: Ovs, options: VmOptions): Promise<Vm> => {
    const node = await addNode(`vm${++machines}`)
    const tap = options.interface ?? `tap${options.port.slice(0, 11)}`
    await join(host, tap, node, 'eth0')
    await node.exec('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0')
    await node.exec('ip', 'link', 'set', 'eth0', 'address', options.mac, 'mtu', String(options.mtu ?? 1450))
    for (const cidr of options.addresses ?? []) await address(node, 'eth0', cidr)
    for (const via of options.gateways ?? []) await node.exec('ip', 'route', 'add', 'default', 'via', via)
    const vm: Vm = {
      ...node,
      interface: tap,
      plug: async () =>
        void (await ovs.vsctl(
          ...['add-port', 'br-int', tap, '--', 'set', 'Interface', tap, `external_ids:iface-id=${options.port}`],
          ...[`external_ids:attached-mac="${options.mac}"`, 'external_ids:iface-status=active'],
        )),
      unplug: async () => void (await ovs.vsctl('--if-exists', 'del-port', 'br-int', tap)),
      ping: async (to, { count = 1, size = 56, wait = 1 } = {}) => {
        try {
          await node.exec('ping', '-n', '-q', '-i', '0.1', '-c', `${count}`, '-s', `${size}`, '-W', `${wait}`, to)
          return true
        } catch {
          return false
        }
      },
    }
    if (!options.unplugged) await vm.plug()
    return vm
  }

  return {
    wires,
    addHost: async options => {
      const node = await addNode(options.name)
      const physicalNetworks = options.physicalNetworks ?? []
      const mappings = physicalNetworks.map(p => `${p}:br-${p}`).join(',')
      const ovs = await startOvs({
        dummy: false,
        netns: node.netns,
        systemId: options.name,
        externalIds: {
          hostname: options.name,
          'flowright-datapath-type': 'netdev',
          'flowright-tunnel-ip': options.tunnelIp,
          ...(mappings === '' ? {} : { 'flowright-bridge-mappings': mappings }),
          ...options.externalIds,
        },
      })
      switches.push(ovs)
      for (const [name, path] of Object.entries(options.sockets ?? {})) symlinkSync(path, `${ovs.dir}/${name}`)
      // The userspace datapath sends tunnels through a bridge that owns the address: the operator's br-phy.
      await wire('underlay', node, 'phy0')
      const bridge = (name: string, leg: string) =>
        ovs.vsctl('add-br', name, '--', 'set', 'Bridge', name, 'datapath_type=netdev', '--', 'add-port', name, leg)
      await bridge('br-phy', 'phy0')
      await node.exec('sysctl', '-qw', 'net.ipv6.conf.br-phy.accept_dad=0')
      await address(node, 'br-phy', `${options.tunnelIp}/${options.tunnelIp.includes(':') ? 64 : 24}`)
      await node.exec('ip', 'link', 'set', 'br-phy', 'mtu', '9000', 'up')
      for (const physical of physicalNetworks) {
        await wire(physical, node, `leg-${physical}`.slice(0, 15))
        await bridge(`br-${physical}`, `leg-${physical}`.slice(0, 15))
      }
      return { ...node, name: options.name, tunnelIp: options.tunnelIp, ovs, addVm: vm => addVm(node, ovs, vm) }
    },
    addOutsider: async (physicalNetwork, { addresses, vlan }) => {
      const node = await addNode(`out${++machines}`)
      if (vlan === undefined) await wire(physicalNetwork, node, 'eth0')
      else {
        // Tags by a switch of its own, as the kernel may lack VLAN devices.
        await wire(physicalNetwork, node, 'trunk')
        const ovs = await startOvs({ dummy: false, netns: node.netns })
        switches.push(ovs)
        await ovs.vsctl(
          ...['add-br', 'tagger', '--', 'set', 'Bridge', 'tagger', 'datapath_type=netdev'],
          ...['--', 'add-port', 'tagger', 'trunk', '--', 'add-port', 'tagger', 'eth0', `tag=${vlan}`],
          ...['--', 'set', 'Interface', 'eth0', 'type=internal'],
        )
        await node.exec('ip', 'link', 'set', 'eth0', 'up')
      }
      for (const cidr of addresses) await address(node, 'eth0', cidr)
      return node
    },
    addBehind: async (node, device) => {
      const behind = await addNode(`out${++machines}`)
      await join(node, device, behind, 'eth0')
      return behind
    },
    stop: async () => {
      await Promise.all(switches.map(ovs => ovs.stop()))
      process.off('exit', removeNamespaces)
      removeNamespaces()
    },
  }
}

/** Pings until one is answered, as the first packets of a tunnel wait for the underlay's ARP. */
export const pingUntil = (vm: Vm, address: string, limit = 10_000): Promise<void> =>
  until(`${vm.netns} to reach ${address}`, () => vm.ping(address), limit)
