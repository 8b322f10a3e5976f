// Which bits of which register carry what, between which tables. `docs/pipeline.md` is printed from this, and a test
// refuses two live values in the same bits, and a table that uses a value outside its life.
import assert from 'node:assert'
import { type Action, type Masked, type Match, masked, type Subfield, setField } from 'node-openflow/flow'
import type { Bridge } from '#compiler'

/** Names of the first and the last table between which a value lives; in the tables that these call by resubmit too. */
export type Life = readonly [from: string, to: string]

type Value = number | bigint | Masked<number | bigint>

/** Matches on the fields that registers may be in, written out: `{ [field]: value }` takes five times as long. */
const matchOn = {
  metadata: (metadata: Value) => ({ metadata }),
  reg0: (reg0: Value) => ({ reg0 }),
  reg1: (reg1: Value) => ({ reg1 }),
  reg2: (reg2: Value) => ({ reg2 }),
  reg3: (reg3: Value) => ({ reg3 }),
  reg12: (reg12: Value) => ({ reg12 }),
  reg13: (reg13: Value) => ({ reg13 }),
  reg14: (reg14: Value) => ({ reg14 }),
  reg15: (reg15: Value) => ({ reg15 }),
  xxreg1: (xxreg1: Value) => ({ xxreg1 }),
  xxreg2: (xxreg2: Value) => ({ xxreg2 }),
} as const

/** What a register is. */
interface RegisterSpec {
  readonly bridge: Bridge
  readonly field: keyof typeof matchOn
  /** Its lowest and its highest bit; absent: the whole field. */
  readonly bits?: readonly [low: number, high: number]
  readonly lives: readonly Life[]
  readonly doc: string
}

/** A named register: how to load it, how to match on it. */
export interface Register extends RegisterSpec {
  readonly name: string
  /** As actions that copy name it: `reg3[0..15]`. */
  readonly part: Subfield
  /** The action that loads a value, into the bits of a mask if one is given. */
  set(value: number | bigint, mask?: number | bigint): Action
  /** The part of a match that asks for a value, in the bits of a mask if one is given. */
  is(value: number | bigint, mask?: number | bigint): Match
}

const WIDTHS = { metadata: 64, xxreg: 128, reg: 32 } as const

/** How many bits a field has. */
const widthOf = (field: RegisterSpec['field']): number => WIDTHS[field.replace(/\d+$/, '') as keyof typeof WIDTHS]

const register = (name: string, spec: RegisterSpec): Register => {
  const { field, bits } = spec
  const width = widthOf(field)
  const [low, high] = bits ?? [0, width - 1]
  const unit = (1 << low) >>> 0
  const place = (value: number | bigint) => (width === 32 ? Number(value) * unit : BigInt(value) << BigInt(low))
  const whole = bits === undefined ? undefined : place((1n << BigInt(high - low + 1)) - 1n)
  const maskOf = (some: number | bigint | undefined) => (some === undefined ? whole : place(some))
  return {
    name,
    ...spec,
    part:
      bits === undefined ? (field as Subfield) : (`${field}[${low === high ? low : `${low}..${high}`}]` as Subfield),
    set: (value, some) => setField(field as 'reg0', place(value) as number, maskOf(some) as number | undefined),
    is: (value, some) => {
      const mask = maskOf(some)
      return matchOn[field](mask === undefined ? value : masked(place(value), mask)) as Match
    },
  }
}

/** The values of two registers that are bits of one field, as one. */
const bothOf = (a: Register, valueA: number, b: Register, valueB: number): Masked<number> => {
  const [x, y] = [a, b].map((r, i) => r.is(i === 0 ? valueA : valueB)[r.field] as Masked<number>)
  assert(a.field === b.field && x !== undefined && y !== undefined && (x.mask & y.mask) === 0)
  return masked(x.value | y.value, x.mask | y.mask)
}

/** A match on two registers that are bits of one field: one match could not be spread into the other. */
export const both = (a: Register, valueA: number, b: Register, valueB: number): Match => ({
  [a.field]: bothOf(a, valueA, b, valueB),
})

/** The value of a register in the fields of a packet that came to the controller: what is not there is 0. */
export const valueIn = (fields: Readonly<Record<string, unknown>>, { field, bits }: Register): bigint => {
  const whole = field.startsWith('xxreg')
    ? [0, 1, 2, 3].reduce((value, i) => (value << 32n) | numberIn(fields, `reg${4 * Number(field.slice(5)) + i}`), 0n)
    : numberIn(fields, field)
  const [low, high] = bits ?? [0, 127]
  return (whole >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)
}

const numberIn = (fields: Readonly<Record<string, unknown>>, name: string): bigint => {
  const value = fields[name]
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : 0n
}

/** Where a frame on br-int came from, beyond its port: values of `origin`. */
export const ORIGIN = { local: 0, tunnel: 1, provider: 2, router: 3 } as const

/** Values of `direction`. */
export const EGRESS = 0
/** Into the port. */
export const INGRESS = 1

/** What `gateway` holds when no gateway of the router lives. */
export const NO_GATEWAY = 0xffff

/** A destination port key that stands for "out of this chassis": no port has it. */
export const UPLINK = 0xffffffff

/** The bit of `policy` that says that its groups are stateless. */
export const STATELESS = 0x80000000

/** The policy of a port without port security that is in a firewall group: it allows all, and has connections tracked. */
export const OPEN_POLICY = 0x7fffffff

/** Values of `way`: what conntrack knows of a packet that a firewall judges. */
export const WAY = { unknown: 0, original: 1, reply: 2 } as const

/** Values of `side`. */
export const SIDE = { in: 0, out: 1 } as const

/** The network key, on br-int. */
export const network = register('network', {
  bridge: 'br-int',
  field: 'metadata',
  lives: [['classify', 'answer']],
  doc: 'key of the network that the frame is on',
})

/** The sending port's key. */
export const sourcePort = register('source_port', {
  bridge: 'br-int',
  field: 'reg0',
  lives: [['classify', 'output']],
  doc: 'key of the local port that sent the frame; 0 when it came from elsewhere',
})

/** The receiving port's key. */
export const destinationPort = register('destination_port', {
  bridge: 'br-int',
  field: 'reg1',
  lives: [['address_question', 'output']],
  doc: 'key of the port that the frame goes to, or that has the address asked for; 0xffffffff leaves the chassis',
})

/** Where the frame came from. */
export const origin = register('origin', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [0, 1],
  lives: [['classify', 'output']],
  doc: '0 a local port, 1 a tunnel, 2 a provider network, 3 a router here: what came from outside does not go out again',
})

/** Which rules count. */
export const direction = register('direction', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [8, 8],
  lives: [['egress_conntrack', 'ingress_firewall_verdict']],
  doc: 'which rules count, of the policy or of the firewall group: 0 egress, 1 ingress',
})

/** What the rules said. */
export const allowed = register('allowed', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [9, 9],
  lives: [['egress_conntrack', 'ingress_firewall_verdict']],
  doc: '1 when a rule of the policy, or all firewall groups asked, allow the frame',
})

/** Whether the connection is to be committed. */
export const commit = register('commit', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [10, 10],
  lives: [['egress_policy', 'ingress_firewall_verdict']],
  doc: '1 when the connection is to be committed with the keys of its ports',
})

/** Whose connection it is. */
export const known = register('known', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [11, 11],
  lives: [['egress_connection', 'ingress_policy']],
  doc: '1 when the label of the connection names the port that is judged',
})

/** Whether the sender's policy was looked up again. */
export const senderAnew = register('sender_anew', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [15, 15],
  lives: [['classify', 'ingress_verdict']],
  doc: '1 when the policy of the sender was found gone, and its port asked for the one that it has now',
})

/** Whether the receiver's policy was looked up again. */
export const receiverAnew = register('receiver_anew', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [16, 16],
  lives: [['receiver', 'ingress_verdict']],
  doc: '1 when the policy of the receiver was found gone, and its port asked for the one that it has now',
})

/** What conntrack knows of a packet that a firewall judges. */
export const way = register('way', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [20, 21],
  lives: [
    ['egress_firewall', 'egress_firewall_verdict'],
    ['router_admission', 'router_firewall_verdict'],
    ['flood_output', 'flood_guarded'],
    ['ingress_firewall', 'ingress_firewall_verdict'],
  ],
  doc: '1 the packet goes in the direction in which its connection was opened, 2 in the other; 0 not known yet',
})

/** Whether the packet is an error about a connection. */
export const related = register('related', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [25, 25],
  lives: [
    ['egress_firewall', 'egress_firewall_verdict'],
    ['router_admission', 'router_firewall_verdict'],
    ['flood_output', 'flood_guarded'],
    ['ingress_firewall', 'ingress_firewall_verdict'],
  ],
  doc: '1 when the packet that a firewall judges is an ICMP error about a connection',
})

/** Forgets what the firewall of a router that the packet was in before knew. */
export const nothingGuarded = (): Action => {
  const bits = [way, related, guarded].map(r => r.is(0)[r.field] as Masked<number>)
  return setField(
    way.field as 'reg2',
    0,
    bits.reduce((mask, bit) => mask | bit.mask, 0),
  )
}

/** Whether a firewall rejects the packet. */
export const rejected = register('rejected', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [22, 22],
  lives: [
    ['egress_firewall', 'egress_firewall_verdict'],
    ['router_firewall', 'router_firewall_verdict'],
    ['flood_output', 'flood_guarded'],
    ['ingress_firewall', 'ingress_firewall_verdict'],
  ],
  doc: '1 when the rule of a firewall that decided rejects the packet: its sender is told',
})

/** Whether the router has firewall groups. */
export const guarded = register('guarded', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [23, 23],
  lives: [['router_admission', 'router_firewall']],
  doc: '1 when the packet came into a router here that has interfaces in firewall groups',
})

/** Which interface of the router is asked for. */
export const side = register('side', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [24, 24],
  lives: [['router_firewall', 'router_firewall_verdict']],
  doc: 'whose firewall group is asked: 0 that of the interface by which the packet came in, 1 by which it goes out',
})

/** What is copied unjudged. */
export const exempt = register('exempt', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [12, 12],
  lives: [['flood_conntrack', 'flood']],
  doc: '1 when every port receives its copy whatever its policy',
})

/** What is known of an address. */
export const found = register('found', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [13, 13],
  lives: [['external_input', 'router_neighbor']],
  doc: '1 when the address asked for is that of one port',
})

/** Whose address it is. */
export const foundRouter = register('found_router', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [14, 14],
  lives: [['external_input', 'router_neighbor']],
  doc: '1 when that port is the interface of a router',
})

const setFound = (isFound: 0 | 1, isRouter: 0 | 1): Action => {
  const { value, mask } = bothOf(found, isFound, foundRouter, isRouter)
  return setField(found.field as 'reg2', value, mask)
}

/** Says that an address is known. */
export const foundNeighbor = (isRouter: boolean): Action => setFound(1, isRouter ? 1 : 0)

/** Says that an address is not known yet. */
export const nothingFound: Action = setFound(0, 0)

/** The conntrack zone. */
export const zone = register('zone', {
  bridge: 'br-int',
  field: 'reg3',
  bits: [0, 15],
  lives: [['classify', 'output']],
  doc: 'conntrack zone of the network on this chassis: its local VLAN there',
})

/** The other end of what is judged. */
export const remoteAddress = register('remote_address', {
  bridge: 'br-int',
  field: 'xxreg1',
  lives: [['remote_address', 'remote_prefixes']],
  doc: 'address of the other end; IPv4 in the low 32 bits',
})

/** Which remote groups the other end is in. */
export const remoteGroups = register('remote_groups', {
  bridge: 'br-int',
  field: 'xxreg2',
  lives: [['remote_address', 'security_rules']],
  doc: 'a bit for each remote group of the page that the address of the other end belongs to',
})

/** The address that somebody asks for. */
export const neighborAddress = register('neighbor_address', {
  bridge: 'br-int',
  field: 'xxreg1',
  lives: [['external_input', 'router_neighbor']],
  doc: 'address asked for, or next hop; IPv4 as ::ffff:a.b.c.d',
})

/** The last 32 bits of `remote_address` and of `neighbor_address`: the address itself, where it is IPv4. */
export const IPV4_ADDRESS: Subfield = 'xxreg1[0..31]'

/** The MAC that was found. */
export const neighborMac = register('neighbor_mac', {
  bridge: 'br-int',
  field: 'xxreg2',
  bits: [0, 47],
  lives: [['external_input', 'router_neighbor']],
  doc: 'MAC of the port that has the address asked for',
})

/** The MAC from which a router sends. */
export const routerMac = register('router_mac', {
  bridge: 'br-int',
  field: 'xxreg2',
  bits: [64, 111],
  lives: [['router_admission', 'router_neighbor']],
  doc: 'MAC of the interface, gateway or floating IP by which the packet leaves the router',
})

/** The router. */
export const router = register('router', {
  bridge: 'br-int',
  field: 'reg13',
  lives: [
    ['classify', 'classify'],
    ['router_admission', 'router_neighbor'],
  ],
  doc: 'key of the router that the packet is in',
})

/** Where the router's gateway is. */
export const gateway = register('gateway', {
  bridge: 'br-int',
  field: 'reg3',
  bits: [16, 31],
  lives: [
    ['external_input', 'external_responder'],
    ['router_admission', 'gateway_admission'],
    ['router_gateway', 'router_transit'],
  ],
  doc: "number of the OpenFlow port that stands for the gateway's chassis: 0x4000 + its key; 0xffff: none lives",
})

/** Whether the packet leaves the router by its gateway. */
export const external = register('external', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [17, 17],
  lives: [['router_admission', 'output']],
  doc: '1 when the packet leaves a router by its gateway: it bears the MAC of that, not of the chassis',
})

/** Whether the packet is too big. */
export const tooBig = register('too_big', {
  bridge: 'br-int',
  field: 'reg2',
  bits: [18, 18],
  lives: [['router_route', 'network_zone']],
  doc: '1 when the packet is larger than the network takes to which a router sends it',
})

/** The interface of the router. */
export const routerInterface = register('router_interface', {
  bridge: 'br-int',
  field: 'reg14',
  lives: [['router_admission', 'router_neighbor']],
  doc: 'key of the port by which the packet came into the router',
})

/** The policy of the port that is judged. */
export const policy = register('policy', {
  bridge: 'br-int',
  field: 'reg12',
  lives: [
    ['classify', 'egress_verdict'],
    ['flood', 'receiver'],
    ['ingress_conntrack', 'ingress_verdict'],
  ],
  doc: 'policy key of the port that is judged; bit 31: stateless; 0: not judged',
})

/** The firewall group asked. */
export const firewall = register('firewall', {
  bridge: 'br-int',
  field: 'reg12',
  lives: [
    ['egress_firewall', 'egress_firewall_verdict'],
    ['router_firewall', 'router_firewall_verdict'],
    ['flood_output', 'flood_guarded'],
    ['ingress_firewall', 'ingress_firewall_verdict'],
  ],
  doc: 'key of the firewall group that is asked, or that let the packet not pass; in firewall_rules, of its policy',
})

/** Whom the connection must belong to. */
export const judgedPort = register('judged_port', {
  bridge: 'br-int',
  field: 'reg13',
  lives: [
    ['egress_connection', 'egress_connection'],
    ['ingress_connection', 'ingress_connection'],
    ['connection_owner', 'connection_owner'],
  ],
  doc: 'key of the port that is judged',
})

/** Whom the connection belongs to. */
export const labelPort = register('label_port', {
  bridge: 'br-int',
  field: 'reg14',
  lives: [
    ['egress_connection', 'egress_connection'],
    ['ingress_connection', 'ingress_connection'],
    ['connection_owner', 'connection_owner'],
  ],
  doc: 'key in the label of the connection at the place of the port that is judged',
})

/** The security group asked. */
export const group = register('group', {
  bridge: 'br-int',
  field: 'reg13',
  lives: [['policy', 'security_rules']],
  doc: 'key of the security group whose rules are asked',
})

/** The page of remote groups. */
export const page = register('page', {
  bridge: 'br-int',
  field: 'reg14',
  lives: [['policy', 'security_rules']],
  doc: 'key of the page of remote groups that the bits are of',
})

/** The receiving port's number. */
export const localPort = register('local_port', {
  bridge: 'br-int',
  field: 'reg15',
  lives: [['flood', 'output']],
  doc: 'OpenFlow port of the receiver; 0 when it is not on this chassis',
})

/** The network key, on br-tun. */
export const tunnelNetwork = register('network', {
  bridge: 'br-tun',
  field: 'metadata',
  lives: [['local_vlan', 'to_local']],
  doc: 'key of the network that the frame is on',
})

/** The receiving chassis. */
export const destinationChassis = register('destination_chassis', {
  bridge: 'br-tun',
  field: 'reg1',
  lives: [['tunnel_classify', 'vtep']],
  doc: 'key of the chassis that the frame goes to',
})

/** The tunnel port. */
export const tunnelPort = register('tunnel_port', {
  bridge: 'br-tun',
  field: 'reg2',
  lives: [['local_vlan', 'vtep']],
  doc: 'OpenFlow port of the tunnel type',
})

/** All registers, for the documentation and its test. */
export const registers: readonly Register[] = [
  ...[network, sourcePort, destinationPort],
  ...[origin, direction, allowed, commit, known, senderAnew, receiverAnew, exempt],
  ...[way, related, rejected, guarded, side, firewall],
  ...[found, foundRouter, zone, remoteAddress, remoteGroups, neighborAddress, neighborMac],
  ...[routerMac, router, gateway, external, tooBig, routerInterface],
  ...[policy, judgedPort, labelPort, group, page, localPort],
  ...[tunnelNetwork, destinationChassis, tunnelPort],
]
