// Chassis as they reported themselves over OVSDB, what is bound there, and the networks that reach them.
import { type Kind, kind, type Pool } from './kind.ts'

/** Encapsulations that we know, each with a flow-keyed tunnel port of its own on br-tun. */
export const tunnelTypes = ['vxlan', 'gre', 'geneve'] as const

/** One of them. */
export type TunnelType = (typeof tunnelTypes)[number]

/** A host that runs Open vSwitch. Its id is its system-id. */
export interface Chassis {
  readonly id: string
  /** Stands for the chassis in the data plane. */
  readonly key: number
  readonly hostname: string
  /** The VTEP address; '' while it waits for approval, reports none, or reports one that another chassis holds. */
  readonly tunnelIp: string
  /** The VTEP address that it reports. */
  readonly reportedTunnelIp: string
  readonly tunnelTypes: readonly TunnelType[]
  /** Physical network -> provider bridge, of those that exist there. */
  readonly bridgeMappings: Readonly<Record<string, string>>
  /** Physical networks whose bridge exists there, with the ofport of our patch port on br-int. */
  readonly providerPorts: Readonly<Record<string, number>>
  /** Those of them that lead nowhere: no link of their bridge is up. Ports stay bound; a gateway is elsewhere. */
  readonly providerDown: readonly string[]
  /** `datapath_type` of the bridges that we make: '' for the kernel's, `netdev` for userspace. */
  readonly datapathType: string
  readonly ovsVersion: string
  /** Offers itself as a gateway with this priority, the higher the better; 0: it does not. */
  readonly gatewayPriority: number
  /** waiting: unknown, not yet approved; draining: keeps what it has, takes no new binding. */
  readonly admission: 'approved' | 'waiting' | 'draining'
  /** It has no local VLAN for all networks of the routers that it would be the gateway of: it is the gateway of none. */
  readonly crowded: boolean
  /** Why it is not programmed at all (too old, datapath type unknown); '' when it is. */
  readonly refused: string
  /** What keeps it, or a part of it, from working, in words for the operator; `refused` included. */
  readonly problems: readonly string[]
}

/** All chassis that were ever seen and not removed. */
export const chassis: Kind<Chassis, 'hostname' | 'reportedTunnelIp' | 'gateway'> = kind<Chassis>()('chassis', {
  unique: c => [`key ${c.key}`, ...(c.tunnelIp === '' ? [] : [`vtep ${c.tunnelIp}`])],
  index: {
    hostname: c => [c.hostname],
    reportedTunnelIp: c => (c.reportedTunnelIp === '' ? [] : [c.reportedTunnelIp]),
    gateway: c => (c.gatewayPriority > 0 ? [''] : []),
  },
})

/** Whether we make bridges and flows there. */
export const isProgrammed = (c: Pick<Chassis, 'admission' | 'refused'>): boolean =>
  c.admission !== 'waiting' && c.refused === ''

/** A port plugged into br-int of a chassis. */
export interface Binding {
  /** `<port id>@<chassis id>` */
  readonly id: string
  readonly port: string
  readonly network: string
  readonly chassis: string
  /** Interface name and OpenFlow port number on br-int. */
  readonly interface: string
  readonly ofport: number
  /** pending: a second claim during live migration; it becomes active at cut-over. */
  readonly state: 'active' | 'pending'
}

/** All bindings; at most one active for a port. */
export const bindings: Kind<Binding, 'port' | 'chassis' | 'attachment'> = kind<Binding>()('binding', {
  unique: b => (b.state === 'active' ? [`active ${b.port}`] : []),
  index: { port: b => [b.port], chassis: b => [b.chassis], attachment: b => [`${b.chassis}/${b.network}`] },
})

/** A network reaches a chassis: it has a binding there, or is needed to route for those that have; see attachment.ts. */
export interface Attachment {
  /** `<chassis id>/<network id>` */
  readonly id: string
  readonly chassis: string
  readonly network: string
  /** The tag that carries the network between br-int and br-tun there; also its conntrack zone on that chassis. */
  readonly localVlan: number
  /** Whether it has a binding there: such chassis alone get what is flooded. */
  readonly isMember: boolean
}

/** All attachments; unique by chassis and local VLAN. */
export const attachments: Kind<Attachment, 'network' | 'chassis'> = kind<Attachment>()('attachment', {
  unique: a => [`vlan ${a.chassis} ${a.localVlan}`],
  index: { network: a => [a.network], chassis: a => [a.chassis] },
})

/** Chassis keys. So few, because on br-int a patch port whose number is made of it stands for each chassis. */
export const chassisKeys: Pool = { name: 'chassis_key', first: 1, last: 0x3fff }

/** Local VLANs, a pool per chassis. A chassis reaches at most 4,094 networks. */
export const localVlans: Pool = { name: 'local_vlan', first: 1, last: 4094 }
