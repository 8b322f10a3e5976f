// Which bits of which register carry what, between which tables. `docs/pipeline.md` is printed from this, and a test
// refuses two live values in the same bits, and a table that uses a value outside its life.
import type { Subfield } from 'node-openflow/flow'
import { type Life, type Register, registersOf } from './register.ts'

/** In `destination_port`, a key that stands for "out of this chassis": no port has it. */
export const UPLINK = 0xffffffff

const frame = registersOf('br-int', {
  network: { at: 'metadata', lives: [['classify', 'answer']], doc: 'key of the network that the frame is on' },
  sourcePort: {
    at: 'reg0',
    lives: [['classify', 'output']],
    doc: 'key of the local port that sent the frame; 0 when it came from elsewhere',
  },
  destinationPort: {
    at: 'reg1',
    lives: [['address_question', 'output']],
    doc: 'key of the port that the frame goes to, or that has the address asked for; uplink (0xffffffff) leaves the chassis',
    named: { uplink: UPLINK },
  },
  localPort: {
    at: 'reg15',
    lives: [['flood', 'output']],
    doc: 'OpenFlow port of the receiver; 0 when it is not on this chassis',
  },
  origin: {
    at: 'reg2[0..1]',
    lives: [['classify', 'output']],
    doc: '0 a local port, 1 a tunnel, 2 a provider network, 3 a router here: what came from outside does not go out again',
  },
  zone: {
    at: 'reg3[0..15]',
    lives: [['classify', 'output']],
    doc: 'conntrack zone of the network on this chassis: its local VLAN there',
  },
})

/** Where a frame is, where it comes from and where it goes. */
export const { network, sourcePort, destinationPort, localPort, origin, zone } = frame

/** Values of `origin`: where a frame on br-int came from, beyond its port. */
export const ORIGIN = { local: 0, tunnel: 1, provider: 2, router: 3 } as const

const JUDGED: readonly Life[] = [['egress_conntrack', 'ingress_firewall_verdict']]
const OWNED: readonly Life[] = [
  ['egress_connection', 'egress_connection'],
  ['ingress_connection', 'ingress_connection'],
  ['connection_owner', 'connection_owner'],
]

const judgement = registersOf('br-int', {
  direction: {
    at: 'reg2[8]',
    lives: JUDGED,
    doc: 'which rules count, of the policy or of the firewall group: 0 egress, 1 ingress',
  },
  allowed: {
    at: 'reg2[9]',
    lives: JUDGED,
    doc: '1 when a rule of the policy, or all firewall groups asked, allow the frame',
  },
  exempt: {
    at: 'reg2[12]',
    lives: [['flood_conntrack', 'flood']],
    doc: '1 when every port receives its copy whatever its policy',
  },
  commit: {
    at: 'reg2[10]',
    lives: [['egress_policy', 'ingress_firewall_verdict']],
    doc: '1 when the connection is to be committed with the keys of its ports',
  },
  known: {
    at: 'reg2[11]',
    lives: [['egress_connection', 'ingress_policy']],
    doc: '1 when the label of the connection names the port that is judged',
  },
  judgedPort: { at: 'reg13', lives: OWNED, doc: 'key of the port that is judged' },
  labelPort: {
    at: 'reg14',
    lives: OWNED,
    doc: 'key in the label of the connection at the place of the port that is judged',
  },
})

/** What is said of a frame that is judged, and of its connection. */
export const { direction, allowed, exempt, commit, known, judgedPort, labelPort } = judgement

/** In `direction`: out of the port. */
export const EGRESS = 0
/** In `direction`: into the port. */
export const INGRESS = 1

/** The bit of `policy` that says that its groups are stateless. */
export const STATELESS = 0x80000000

/** The policy of a port without port security that is in a firewall group: it allows all, and has connections tracked. */
export const OPEN_POLICY = 0x7fffffff

const ASKED: readonly Life[] = [['policy', 'security_rules']]

const securityGroups = registersOf('br-int', {
  policy: {
    at: 'reg12',
    lives: [
      ['classify', 'egress_verdict'],
      ['flood', 'receiver'],
      ['ingress_conntrack', 'ingress_verdict'],
    ],
    doc: 'policy key of the port that is judged; bit 31: stateless; 0: not judged; firewall_only (0x7fffffff): by a firewall group alone',
    named: { firewall_only: OPEN_POLICY },
  },
  senderAnew: {
    at: 'reg2[15]',
    lives: [['classify', 'ingress_verdict']],
    doc: '1 when the policy of the sender was found gone, and its port asked for the one that it has now',
  },
  receiverAnew: {
    at: 'reg2[16]',
    lives: [['receiver', 'ingress_verdict']],
    doc: '1 when the policy of the receiver was found gone, and its port asked for the one that it has now',
  },
  group: { at: 'reg13', lives: ASKED, doc: 'key of the security group whose rules are asked' },
  page: { at: 'reg14', lives: ASKED, doc: 'key of the page of remote groups that the bits are of' },
  remoteAddress: {
    at: 'xxreg1',
    holds: 'address',
    lives: [['remote_address', 'remote_prefixes']],
    doc: 'address of the other end; IPv4 in the low 32 bits',
  },
  remoteGroups: {
    at: 'xxreg2',
    lives: [['remote_address', 'security_rules']],
    doc: 'a bit for each remote group of the page that the address of the other end belongs to',
  },
})

/** Which rules of security groups a frame is judged by. */
export const { policy, senderAnew, receiverAnew, group, page, remoteAddress, remoteGroups } = securityGroups

const EGRESS_GUARDED: Life = ['egress_firewall', 'egress_firewall_verdict']
const ROUTER_GUARDED: Life = ['router_firewall', 'router_firewall_verdict']
const INGRESS_GUARDED: readonly Life[] = [
  ['flood_output', 'flood_guarded'],
  ['ingress_firewall', 'ingress_firewall_verdict'],
]
/** Wherever firewall groups are asked. */
const GUARDED = [EGRESS_GUARDED, ROUTER_GUARDED, ...INGRESS_GUARDED]
/** There; of packets that are routed it is known from where they come in. */
const TRACKED: readonly Life[] = [EGRESS_GUARDED, ['router_admission', 'router_firewall_verdict'], ...INGRESS_GUARDED]

const firewalls = registersOf('br-int', {
  firewall: {
    at: 'reg12',
    lives: GUARDED,
    doc: 'key of the firewall group that is asked, or that let the packet not pass; in firewall_rules, of its policy',
  },
  way: {
    at: 'reg2[20..21]',
    lives: TRACKED,
    doc: '1 the packet goes in the direction in which its connection was opened, 2 in the other; 0 not known yet',
  },
  related: {
    at: 'reg2[25]',
    lives: TRACKED,
    doc: '1 when the packet that a firewall judges is an ICMP error about a connection',
  },
  rejected: {
    at: 'reg2[22]',
    lives: GUARDED,
    doc: '1 when the rule of a firewall that decided rejects the packet: its sender is told',
  },
  guarded: {
    at: 'reg2[23]',
    lives: [['router_admission', 'router_firewall']],
    doc: '1 when the packet came into a router here that has interfaces in firewall groups',
  },
  side: {
    at: 'reg2[24]',
    lives: [ROUTER_GUARDED],
    doc: 'whose firewall group is asked: 0 that of the interface by which the packet came in, 1 by which it goes out',
  },
})

/** What firewall groups need to know of a packet, and what they say. */
export const { firewall, way, related, rejected, guarded, side } = firewalls

/** Values of `way`: what conntrack knows of a packet that a firewall judges. */
export const WAY = { unknown: 0, original: 1, reply: 2 } as const

/** Values of `side`. */
export const SIDE = { in: 0, out: 1 } as const

const WANTED: readonly Life[] = [['external_input', 'router_neighbor']]

const neighbors = registersOf('br-int', {
  neighborAddress: {
    at: 'xxreg1',
    holds: 'address',
    lives: WANTED,
    doc: 'address asked for, or next hop; IPv4 as ::ffff:a.b.c.d',
  },
  neighborMac: {
    at: 'xxreg2[0..47]',
    holds: 'mac',
    lives: WANTED,
    doc: 'MAC of the port that has the address asked for',
  },
  found: { at: 'reg2[13]', lives: WANTED, doc: '1 when the address asked for is that of one port' },
  foundRouter: { at: 'reg2[14]', lives: WANTED, doc: '1 when that port is the interface of a router' },
})

/** The neighbour whose address somebody asks for, or that a routed packet goes to next. */
export const { neighborAddress, neighborMac, found, foundRouter } = neighbors

/** The last 32 bits of `remote_address` and of `neighbor_address`: the address itself, where it is IPv4. */
export const IPV4_ADDRESS: Subfield = neighborAddress.slice(0, 31)

/** What `gateway` holds when no gateway of the router lives. */
export const NO_GATEWAY = 0xffff

const routing = registersOf('br-int', {
  router: {
    at: 'reg13',
    lives: [
      ['classify', 'classify'],
      ['router_admission', 'router_neighbor'],
    ],
    doc: 'key of the router that the packet is in',
  },
  routerInterface: {
    at: 'reg14',
    lives: [['router_admission', 'router_neighbor']],
    doc: 'key of the port by which the packet came into the router',
  },
  routerMac: {
    at: 'xxreg2[64..111]',
    holds: 'mac',
    lives: [['router_admission', 'router_neighbor']],
    doc: 'MAC of the interface, gateway or floating IP by which the packet leaves the router',
  },
  tooBig: {
    at: 'reg2[18]',
    lives: [['router_route', 'network_zone']],
    doc: '1 when the packet is larger than the network takes to which a router sends it',
  },
  external: {
    at: 'reg2[17]',
    lives: [['router_admission', 'output']],
    doc: '1 when the packet leaves a router by its gateway: it bears the MAC of that, not of the chassis',
  },
  gateway: {
    at: 'reg3[16..31]',
    lives: [
      ['external_input', 'external_responder'],
      ['router_admission', 'gateway_admission'],
      ['router_gateway', 'router_transit'],
    ],
    doc: "number of the OpenFlow port that stands for the gateway's chassis: 0x4000 + its key; none (0xffff): no such chassis lives",
    named: { none: NO_GATEWAY },
  },
})

/** A packet in a router: by which interface it came, and how it leaves. */
export const { router, routerInterface, routerMac, tooBig, external, gateway } = routing

const tunnels = registersOf('br-tun', {
  network: { at: 'metadata', lives: [['local_vlan', 'to_local']], doc: 'key of the network that the frame is on' },
  destinationChassis: {
    at: 'reg1',
    lives: [['tunnel_classify', 'vtep']],
    doc: 'key of the chassis that the frame goes to',
  },
  tunnelPort: { at: 'reg2', lives: [['local_vlan', 'vtep']], doc: 'OpenFlow port of the tunnel type' },
})

/** A frame on br-tun: its network, and where it goes. */
export const { network: tunnelNetwork, destinationChassis, tunnelPort } = tunnels

/** All registers, for people who read flows. */
export const registers: readonly Register[] = [
  frame,
  judgement,
  securityGroups,
  firewalls,
  neighbors,
  routing,
  tunnels,
].flatMap<Register>(declared => Object.values(declared))
