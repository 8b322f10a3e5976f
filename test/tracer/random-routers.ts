// Random routers for random models: interfaces, gateways, floating IPs, forwarded ports, firewall groups, address scopes; and
// packets that are for them.
import type { Match } from 'node-openflow/flow'
import {
  attachments,
  chassisPort,
  type FirewallRule,
  type Network,
  networks,
  noteVirtualAddress,
  type Port,
  portForwardings,
  routers,
  subnetPools,
  subnets,
  type Transaction,
} from '#model'
import { BFD_VNI, TRANSIT_VLAN, TRANSIT_VNI } from '#model/reserved'
import { addFirewallGroup, addFirewallPolicy } from '#test/support/firewalled'
import { aNetwork, anAttachment } from '#test/support/model'
import { addFloatingIp, addGateway, addInterface, aRouter, aSubnet, fixedIps } from '#test/support/routing'
import { addressOf, type Dice, PROVIDER_PORTS, type RandomModel, randomTransport, subnetsOf } from './random.ts'

/** What packets for routers are made of. */
export interface RandomRouters {
  readonly external: Network
  /** Its tag on the wire; 0: none. */
  readonly vlan: number
  readonly interfaces: readonly Port[]
  readonly gateways: readonly Port[]
  /** Ports of floating IPs. */
  readonly floating: readonly Port[]
}

const EXTERNAL = ['203.0.113.0/24', '2001:db8::/64'] as const
const ISP_MAC = '02:00:00:00:99:01'
const ROUTERS = 3
const TAG_PRESENT = 0x1000

/** What routers may have beside gateways and floating IPs: firewalls, extra routes, address scopes. */
export interface More {
  readonly isPlain: boolean
}

/** Adds routers to a random model that is in the store already. */
export const randomRouters = (
  roll: Dice,
  tx: Transaction,
  { records }: RandomModel,
  { isPlain }: More = { isPlain: false },
): RandomRouters => {
  const vlan = roll.chance(0.5) ? 60 : 0
  const external = aNetwork('ext', 9, {
    ...{ external: true, mtu: 1500, adminStateUp: !roll.chance(0.05) },
    segments: [
      vlan === 0
        ? { networkType: 'flat', physicalNetwork: 'physnet3' }
        : { networkType: 'vlan', physicalNetwork: 'physnet3', segmentationId: vlan },
    ],
  })
  tx.insert(networks, external)
  tx.insert(subnetPools, {
    ...{ id: 'pool', projectId: 'p', name: 'pool', ipVersion: 4, prefixes: [], defaultPrefixLength: 24 },
    ...{ minPrefixLength: 8, maxPrefixLength: 32, defaultQuota: null, addressScopeId: 'scope', isDefault: false },
  })
  const pool = () => (!isPlain && roll.chance(0.2) ? { subnetPoolId: 'pool' } : {})
  for (const network of records.network)
    for (const cidr of subnetsOf(network)) tx.insert(subnets, { ...aSubnet(cidr, network.id), ...pool() })
  for (const [i, cidr] of EXTERNAL.entries())
    tx.insert(subnets, {
      ...aSubnet(cidr, external.id),
      ...pool(),
      gatewayIp: ['203.0.113.1', '2001:db8::1'][i] as string,
    })

  const interfaces: Port[] = []
  const gateways: Port[] = []
  const floating: Port[] = []
  const stoodFor = new Set<string>()
  for (let r = 1; r <= ROUTERS; r++) {
    const on = records.network.filter(() => roll.chance(0.5))
    const router = aRouter(`router${r}`, r, {
      ...{ adminStateUp: !roll.chance(0.05), distributed: roll.chance(0.7), enableSnat: roll.chance(0.8) },
      routes: on.flatMap(n =>
        !isPlain && roll.chance(0.3)
          ? [
              {
                destination: roll.one(['172.16.0.0/16', '10.0.4.0/24', '0.0.0.0/0']),
                nexthop: `10.0.${n.key}.${200 + roll.below(5)}`,
              },
            ]
          : [],
      ),
    })
    tx.insert(routers, router)
    for (const n of on) {
      const [v4, v6] = subnetsOf(n)
      const own = {
        [v4]: `10.0.${n.key}.${200 + r}`,
        ...(roll.chance(0.7) ? { [v6]: `fd00:${n.key}::${200 + r}` } : {}),
      }
      interfaces.push(addInterface(tx, router, n, 1000 + 10 * r + n.key, own))
    }
    if (roll.chance(0.8)) {
      const own = {
        [EXTERNAL[0]]: `203.0.113.${10 + r}`,
        ...(roll.chance(0.6) ? { [EXTERNAL[1]]: `2001:db8::${10 + r}` } : {}),
      }
      gateways.push(addGateway(tx, router, external, 1100 + r, own))
      const reached = records.port.filter(p => on.some(n => n.id === p.networkId) && !stoodFor.has(p.id))
      const behind = reached.filter(() => roll.chance(0.4)).slice(0, 4)
      for (const { id } of behind) stoodFor.add(id)
      for (const [i, port] of [...behind, undefined].entries()) {
        const key = 10 * r + i
        const made = addFloatingIp(
          tx,
          `fip${key}`,
          2000 + key,
          external,
          { [EXTERNAL[0]]: `203.0.113.${100 + key}` },
          { routerId: router.id, ...(port ? { port } : {}) },
        )
        floating.push(heldBy(made.floatingPortId, 2000 + key, made.floatingIpAddress))
        const to = behind[0]
        if (port === undefined && to) {
          const first = roll.one([80, 440, 8080])
          const external = { first, last: first + roll.one([0, 3]) }
          tx.insert(portForwardings, {
            ...{ id: `pf${key}`, projectId: 'p', floatingIpId: made.id, protocol: roll.one(['tcp', 'udp'] as const) },
            ...{ externalPorts: external, internalPorts: roll.one([external, { first: 22, last: 22 }]) },
            ...{ internalPortId: to.id, internalIpAddress: addressOf(to, 4) },
          })
        }
      }
    }
  }
  for (const network of records.network) {
    const speaker = roll.one(records.port.filter(p => p.networkId === network.id))
    const spoken = { networkId: network.id, ip: virtualOn(network), macAddress: '00:00:5e:00:01:01' }
    if (speaker) noteVirtualAddress(tx, { ...spoken, portId: speaker.id })
  }
  if (!isPlain) randomFirewalls(roll, tx, [...interfaces, ...records.port])
  attach(tx, records, external, interfaces)
  return { external, vlan, interfaces, gateways, floating }
}

/** An address that ports share. */
const virtualOn = ({ key }: Pick<Network, 'key'>) => `10.0.${key}.150`

/** What of a floating IP's port packets need. */
const heldBy = (id: string, key: number, ip: string): Port =>
  ({ id, key, macAddress: macOf(key), fixedIps: fixedIps({ [EXTERNAL[0]]: ip }) }) as unknown as Port

const macOf = (key: number) =>
  `fa:16:3e:00:${(key >> 8).toString(16).padStart(2, '0')}:${(key & 255).toString(16).padStart(2, '0')}`

const randomFirewalls = (roll: Dice, tx: Transaction, ports: readonly Port[]) => {
  const rule = (): Partial<FirewallRule> => {
    const isV6 = roll.chance(0.3)
    const protocol = roll.one([null, null, 6, 17, isV6 ? 58 : 1])
    const hasPorts = (protocol === 6 || protocol === 17) && roll.chance(0.6)
    return {
      ...{ action: roll.one(['allow', 'allow', 'deny', 'reject']), ipVersion: isV6 ? 6 : 4, protocolNumber: protocol },
      enabled: !roll.chance(0.1),
      sourceIp: roll.one([null, null, isV6 ? 'fd00:1::/64' : '10.0.1.0/24']),
      destinationIp: roll.one([null, null, isV6 ? 'fd00:2::/64' : '10.0.2.0/28']),
      destinationPorts: hasPorts
        ? roll.one([
            { first: 80, last: 80 },
            { first: 1, last: 1023 },
          ])
        : null,
    }
  }
  const policies = [1, 2, 3].map(n =>
    addFirewallPolicy(
      tx,
      `fwp${n}`,
      Object.fromEntries(Array.from({ length: 1 + roll.below(4) }, (_, i) => [`fwp${n}-rule${i}`, rule()])),
    ),
  )
  let free = ports.filter(() => roll.chance(0.6))
  for (const n of [1, 2, 3]) {
    const mine = free.filter(() => roll.chance(0.5))
    free = free.filter(port => !mine.includes(port))
    const policy = () => roll.one([null, ...policies, ...policies])?.id ?? null
    addFirewallGroup(
      tx,
      `fwg${n}`,
      mine.map(port => port.id),
      { adminStateUp: !roll.chance(0.1), ingressPolicyId: policy(), egressPolicyId: policy() },
    )
  }
}

/** Attaches every chassis to all networks of routers, and to the external one where it has the wire. */
const attach = (tx: Transaction, records: RandomModel['records'], external: Network, interfaces: readonly Port[]) => {
  const routed = records.network.filter(n => interfaces.some(port => port.networkId === n.id))
  for (const at of records.chassis)
    for (const network of [...routed, ...(at.providerPorts.physnet3 === undefined ? [] : [external])]) {
      const attachment = { ...anAttachment(network, at, network.key + 10), isMember: false }
      if (!tx.get(attachments, attachment.id)) tx.insert(attachments, attachment)
    }
}

const OUTSIDE = ['198.51.100.2', '2001:db8:99::2'] as const
const ELSEWHERE = {
  4: [OUTSIDE[0], '172.16.0.5', '203.0.113.1', '203.0.113.77', '10.0.4.9', '224.0.0.5'],
  6: [OUTSIDE[1], '2001:db8::1', 'fd00:4::9', 'fe80::9', 'ff02::5'],
}

const ipOf = (isV6: boolean, src: string, dst: string): Match =>
  isV6 ? { eth_type: 0x86dd, ipv6_src: src, ipv6_dst: dst } : { eth_type: 0x0800, ip_src: src, ip_dst: dst }

/** A packet that a local port sends to a router; `in_port` is missing. */
export const randomRouted = (roll: Dice, model: RandomModel, made: RandomRouters, sender: Port): Match => {
  const { records } = model
  const isV6 = roll.chance(0.3)
  const version = isV6 ? 6 : 4
  const near = made.interfaces.filter(port => port.networkId === sender.networkId)
  const by = roll.one(near.length > 0 && roll.chance(0.95) ? near : [...made.interfaces, ...made.gateways, sender])
  const own = [...made.interfaces, ...made.gateways, ...(isV6 ? [] : made.floating)]
  const dst = roll.one([
    ...Array.from({ length: 6 }, () => addressOf(roll.one(records.port), version)),
    ...Array.from({ length: 4 }, () => roll.one(ELSEWHERE[version])),
    ...Array.from({ length: 5 }, () => OUTSIDE[isV6 ? 1 : 0]),
    ...(isV6 ? [] : [virtualOn(roll.one(records.network))]),
    ...(own.length === 0 ? [] : Array.from({ length: 5 }, () => addressOf(roll.one(own), version))),
  ])
  const ip = ipOf(isV6, addressOf(sender, version), dst)
  const eth = { eth_src: sender.macAddress, eth_dst: by.macAddress }
  return { ...eth, ...ip, nw_ttl: roll.one([64, 64, 64, 2, 1]), ...randomTransport(roll, isV6) } as Match
}

/** A frame that comes in from the external network; `in_port` and tag included. */
export const randomInbound = (roll: Dice, { records }: RandomModel, made: RandomRouters): Match => {
  const { gateways, floating, vlan } = made
  const at = {
    in_port: PROVIDER_PORTS.physnet3,
    ...(vlan === 0 ? {} : { vlan_vid: TAG_PRESENT | vlan }),
    eth_src: ISP_MAC,
  }
  const own = [...gateways, ...floating]
  const to = roll.one(own.length === 0 ? records.port : own)
  const isV6 = roll.chance(0.2) && to.fixedIps.length > 1
  const version = isV6 ? 6 : 4
  if (roll.chance(0.2)) {
    const asks = { arp_op: roll.one([1, 1, 2]), arp_sha: ISP_MAC, arp_spa: roll.one(['203.0.113.1', '203.0.113.77']) }
    const arp = { eth_type: 0x0806, ...asks, arp_tpa: addressOf(to, 4), arp_tha: '00:00:00:00:00:00' }
    return { ...at, eth_dst: roll.one(['ff:ff:ff:ff:ff:ff', to.macAddress]), ...arp } as Match
  }
  if (roll.chance(0.1)) {
    const type = roll.one([135, 136])
    const nd = { nd_target: roll.one([addressOf(to, 6), '2001:db8::1']), [type === 135 ? 'nd_sll' : 'nd_tll']: ISP_MAC }
    const ip = {
      eth_type: 0x86dd,
      ipv6_src: '2001:db8::1',
      ipv6_dst: roll.one(['ff02::1', addressOf(to, 6)]),
      nw_ttl: 255,
    }
    return {
      ...at,
      eth_dst: '33:33:00:00:00:01',
      ...ip,
      nw_proto: 58,
      icmpv6_type: type,
      icmpv6_code: 0,
      ...nd,
    } as Match
  }
  const dst = roll.chance(0.8) ? addressOf(to, version) : addressOf(roll.one(records.port), version)
  const ip = ipOf(isV6, OUTSIDE[isV6 ? 1 : 0], dst)
  return {
    ...at,
    eth_dst: to.macAddress,
    ...ip,
    nw_ttl: roll.one([60, 60, 1]),
    ...randomTransport(roll, isV6),
  } as Match
}

/** What comes from another chassis for a gateway here, or speaks of its life. */
export const randomTransit = (
  roll: Dice,
  { records }: RandomModel,
): { readonly bridge: 'br-int' | 'br-tun'; readonly packet: Match } => {
  const isV6 = roll.chance(0.2)
  const hex = (n: number) => n.toString(16).padStart(2, '0')
  const place = chassisPort(1 + roll.below(3))
  const eth = {
    eth_src: roll.one(records.port).macAddress,
    eth_dst: `02:00:00:0${1 + roll.below(ROUTERS)}:${hex(place >> 8)}:${hex(place & 255)}`,
  }
  const src = addressOf(roll.one(records.port), isV6 ? 6 : 4)
  const frame = {
    ...eth,
    ...ipOf(isV6, src, OUTSIDE[isV6 ? 1 : 0]),
    nw_ttl: roll.one([63, 63, 1]),
    ...randomTransport(roll, isV6),
  }
  const tunnel = { in_port: 2, tun_src: `192.0.2.${1 + roll.below(4)}`, tun_dst: '192.0.2.1' }
  const kind = roll.below(6)
  if (kind < 2)
    return { bridge: 'br-int', packet: { in_port: 1, ...frame, vlan_vid: TAG_PRESENT | TRANSIT_VLAN } as Match }
  if (kind < 4) return { bridge: 'br-tun', packet: { ...tunnel, ...frame, tun_id: BigInt(TRANSIT_VNI) } as Match }
  if (kind === 4) return { bridge: 'br-tun', packet: { ...tunnel, ...frame, tun_id: BigInt(BFD_VNI) } as Match }
  return { bridge: 'br-tun', packet: { in_port: place, ...frame } as Match }
}
