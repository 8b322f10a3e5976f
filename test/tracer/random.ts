// Random models and packets for comparisons with the switch, the same for the same seed.
import type { Match } from 'node-openflow/flow'
import type { Change, Chassis, Network, Port } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, type Records } from '#test/support/model'
import { seeded } from '#test/support/seeded'
import { randomGroups } from './random-groups.ts'

/** Random choices. */
export interface Dice {
  below(n: number): number
  one<T>(list: readonly T[]): T
  chance(probability: number): boolean
}

/** Dice that fall the same way for the same seed. */
export const dice = (seed: number): Dice => {
  const word = seeded(seed)
  const next = () => word() / 2 ** 32
  const below = (n: number) => Math.floor(next() * n)
  return { below, one: list => list[below(list.length)] as never, chance: p => next() < p }
}

/** The provider port of each physical network, on every chassis. */
export const PROVIDER_PORTS = { physnet1: 20, physnet2: 21, physnet3: 22 }
/** Numbers of local ports on br-int start here. */
export const FIRST_PORT = 100
export const PORTS = 24

/** A model and what packets are made of. */
export interface RandomModel {
  readonly records: Required<Pick<Records, 'network' | 'port' | 'chassis' | 'binding' | 'attachment'>>
  /** Changes that bring in security groups and what the model derives from them. */
  readonly groups: readonly Change[]
}

const ipv6 = (network: number, key: number) => `fd00:${network}::${key.toString(16)}`
const ipv4 = (network: number, key: number) => `10.0.${network}.${key}`

/** An address of a port, whether it has it or not. */
export const addressOf = ({ fixedIps }: Port, version: 4 | 6): string => {
  const own = fixedIps.find(({ ipAddress }) => ipAddress.includes(':') === (version === 6))?.ipAddress
  if (own !== undefined) return own
  const [network, key] = (fixedIps[0]?.ipAddress.split('.').slice(2) ?? [1, 1]).map(Number)
  return version === 4 ? ipv4(network as number, key as number) : ipv6(network as number, key as number)
}

/** The prefixes of a network of a random model. */
export const subnetsOf = (network: Pick<Network, 'key'>): readonly [v4: string, v6: string] => [
  `10.0.${network.key}.0/24`,
  `fd00:${network.key}::/64`,
]

const otherMac = (key: number) => `fa:16:3e:ff:00:${key.toString(16).padStart(2, '0')}`

const SEGMENTS: readonly Network['segments'][] = [
  [{ networkType: 'vxlan', segmentationId: 101 }],
  [{ networkType: 'gre', segmentationId: 102 }],
  [{ networkType: 'vlan', physicalNetwork: 'physnet1', segmentationId: 50 }],
  [{ networkType: 'flat', physicalNetwork: 'physnet2' }],
  [{ networkType: 'vxlan', segmentationId: 103 }],
]

/**
 * A random model: three chassis, gateways or not, with and without the physical network that leads outside; networks of all
 * kinds, ports with and without port security, pairs, pending bindings.
 */
export const randomModel = (roll: Dice): RandomModel => {
  const { physnet3: _, ...inside } = PROVIDER_PORTS
  const chassis = ['host1', 'host2', 'host3'].map((id, i) =>
    aChassis(id, i + 1, {
      providerPorts: roll.chance(0.7) ? PROVIDER_PORTS : inside,
      tunnelTypes: ['vxlan', 'gre'],
      gatewayPriority: roll.one([0, 10, 10, 20]),
    }),
  )
  const networks = SEGMENTS.map((segments, i) =>
    aNetwork(`net${i}`, i + 1, { segments, adminStateUp: !roll.chance(0.05) }),
  )
  const port = (i: number): Port => {
    const key = i + 1
    const network = roll.one(networks)
    const isDual = roll.chance(0.6)
    const fixed = [ipv4(network.key, key), ...(isDual ? [ipv6(network.key, key)] : [])]
    return aPort(`port${i}`, key, network.id, {
      adminStateUp: !roll.chance(0.1),
      portSecurityEnabled: !roll.chance(0.25),
      fixedIps: fixed.map((ipAddress, family) => ({ subnetId: subnetsOf(network)[family] as string, ipAddress })),
      allowedAddressPairs: roll.chance(0.3)
        ? [
            {
              macAddress: roll.chance(0.5) ? otherMac(roll.below(4)) : otherMac(key),
              ipAddress: roll.one([
                '10.0.0.200',
                '10.0.9.0/24',
                'fd00:9::/64',
                ipv4(network.key, roll.below(PORTS) + 1),
                '0.0.0.0/0',
              ]),
            },
          ]
        : [],
    })
  }
  const { ports, changes: groups } = randomGroups(
    roll,
    Array.from({ length: PORTS }, (_, i) => port(i)),
  )
  const binding = ports.flatMap((p, i) => {
    const at = roll.below(3)
    const bind = (on: Chassis, state: 'active' | 'pending') => aBinding(p, on, FIRST_PORT + i, state)
    return [
      ...(roll.chance(0.9) ? [bind(chassis[at] as Chassis, 'active')] : []),
      ...(roll.chance(0.15) ? [bind(chassis[(at + 1) % 3] as Chassis, 'pending')] : []),
    ]
  })
  const reached = new Map(binding.map(b => [`${b.chassis}/${b.network}`, b]))
  const attachment = [...reached.values()].map(b => {
    const net = networks.find(n => n.id === b.network) as Network
    return anAttachment(net, chassis.find(c => c.id === b.chassis) as Chassis, net.key + 10)
  })
  return { records: { network: networks, port: ports, chassis, binding, attachment }, groups }
}

/**
 * A random label (keys of two ports) and original tuple, such as connection tracking would find for a packet: the packet's
 * own or the other way round. Nothing for what is not tracked.
 */
export const randomConnection = (roll: Dice, { records }: RandomModel, packet: Match, isReply: boolean): Match => {
  const type = packet.eth_type
  if (type !== 0x0800 && type !== 0x86dd) return {}
  const key = () => BigInt(roll.chance(0.1) ? 0 : roll.one(records.port).key)
  const owner = (mac: unknown) => {
    const port = records.port.find(p => p.macAddress === mac)
    return port === undefined || roll.chance(0.3) ? key() : BigInt(port.key)
  }
  const keys = [owner(packet.eth_src), owner(packet.eth_dst)]
  const [originator = 0n, responder = 0n] = isReply ? keys.reverse() : keys
  const name = type === 0x0800 ? 'nw' : 'ipv6'
  const ends = type === 0x0800 ? [packet.ip_src, packet.ip_dst] : [packet.ipv6_src, packet.ipv6_dst]
  const fields = packet as Record<string, number | undefined>
  const port = (end: string) => fields[`tcp_${end}`] ?? fields[`udp_${end}`]
  const ports = [
    port('src') ?? fields.icmp_type ?? fields.icmpv6_type ?? 0,
    port('dst') ?? fields.icmp_code ?? fields.icmpv6_code ?? 0,
  ]
  if (isReply) {
    ends.reverse()
    if (port('src') !== undefined) ports.reverse()
  }
  return {
    ct_label: (responder << 32n) | originator,
    ct_nw_proto: packet.nw_proto,
    ...{ [`ct_${name}_src`]: ends[0], [`ct_${name}_dst`]: ends[1], ct_tp_src: ports[0], ct_tp_dst: ports[1] },
  } as Match
}

const LINK_LOCAL = 'fe80::f816:3eff:fe00:'
const linkLocal = (key: number) => `${LINK_LOCAL}${key.toString(16)}`
const NO_MAC = '00:00:00:00:00:00'

/** A random frame: mostly one that some port of the model could send, or nearly. `in_port` is missing. */
export const randomFrame = (roll: Dice, { records }: RandomModel, sender: Port | undefined): Match => {
  const some = () => roll.one(records.port)
  const own = sender && !roll.chance(0.1) ? sender : some()
  const peer = roll.chance(0.5) ? some() : roll.one(records.port.filter(p => p.networkId === own.networkId))
  const pair = own.allowedAddressPairs[0]
  const src = pair && roll.chance(0.3) ? pair.macAddress : own.macAddress
  const dst = roll.one([
    ...[peer.macAddress, peer.macAddress, peer.macAddress, peer.macAddress],
    ...['ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '01:00:5e:00:00:05', otherMac(roll.below(5))],
  ])
  const eth = { eth_src: src, eth_dst: dst }
  const own4 = pair && roll.chance(0.2) && !pair.ipAddress.includes(':') ? '10.0.9.7' : addressOf(own, 4)
  const own6 = roll.one([addressOf(own, 6), addressOf(own, 6), linkLocal(own.key)])
  const [peer4, peer6] = [addressOf(peer, 4), addressOf(peer, 6)]
  const kind = roll.below(14)
  if (kind < 3) {
    const tpa = roll.one([peer4, peer4, own4, '10.0.0.250'])
    return {
      ...{ ...eth, eth_type: 0x0806, arp_op: roll.one([1, 1, 1, 2]), arp_sha: roll.one([src, src, src, NO_MAC]) },
      ...{ arp_spa: roll.one([own4, own4, own4, '0.0.0.0', peer4]), arp_tpa: tpa, arp_tha: NO_MAC },
    }
  }
  if (kind < 5) {
    const type = roll.one([135, 135, 135, 135, 135, 136, 136, 133, 134, 137, 143, 128])
    const isNd = type === 135 || type === 136
    const nd = { nd_target: roll.one([peer6, addressOf(own, 6), linkLocal(own.key)]) }
    const option = roll.one([src, src, NO_MAC, otherMac(1)])
    return {
      ...{ ...eth, eth_type: 0x86dd, nw_proto: 58, nw_ttl: 255, icmpv6_type: type, icmpv6_code: 0 },
      ...{ ipv6_src: roll.one([own6, own6, '::']), ipv6_dst: roll.one([peer6, 'ff02::1']) },
      ...(isNd ? nd : {}),
      ...(isNd && option !== NO_MAC ? { [type === 135 ? 'nd_sll' : 'nd_tll']: option } : {}),
    }
  }
  if (kind === 5) return { ...eth, ...roll.one([{ eth_type: 0x8035, arp_op: 3 }, { eth_type: 0x88cc }]) }
  const isV6 = roll.chance(0.35)
  const addresses = isV6
    ? { eth_type: 0x86dd, ipv6_src: own6, ipv6_dst: peer6 }
    : { eth_type: 0x0800, ip_src: roll.one([own4, own4, own4, own4, '0.0.0.0']), ip_dst: peer4 }
  return { ...eth, ...addresses, nw_ttl: 64, ...randomTransport(roll, isV6) }
}

/** What a random packet carries. */
export const randomTransport = (roll: Dice, isV6: boolean): Match => {
  if (roll.chance(0.05)) return { nw_proto: 17, ip_frag: 3 }
  const kind = roll.below(8)
  const sport = roll.one([1024, 33000, 68, 67, 546, 547])
  const dport = roll.one([22, 80, 443, 8080, 67, 68, 547, 546])
  if (kind < 3) return { nw_proto: 6, tcp_src: sport, tcp_dst: dport, tcp_flags: roll.one([2, 2, 16, 18]) }
  if (kind < 6) return { nw_proto: 17, udp_src: sport, udp_dst: dport }
  if (kind === 6 && !isV6) return { nw_proto: 1, icmp_type: roll.one([8, 8, 0, 3]), icmp_code: 0 }
  if (kind === 6) return { nw_proto: 58, icmpv6_type: roll.one([128, 128, 129, 1]), icmpv6_code: 0 }
  return { nw_proto: roll.one([132, 47, 2]) }
}
