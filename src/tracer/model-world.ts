// The world as the model has it: which port of which bridge is whose, which chassis has which VTEP, who shares a
// physical network. The flows are the caller's: intended, or as read back.
import type { Pipeline } from '#compiler'
import { attachments, bindings, chassis, isProgrammed, networks, ports, type Reader } from '#model'
import { chassisPort, PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import type { Link, PortPlace, World } from './world.ts'

/** What the world is made of. */
export interface ModelWorld {
  readonly model: Reader
  /** The tables, for their names. */
  readonly pipeline: Pipeline
  readonly tables: World['tables']
  /** Ids of chassis that are taken for dead: nobody's BFD hears them. */
  readonly dead?: ReadonlySet<string>
  /** Whether a chassis sees another alive, by that one's key, as its BFD says. Of whom nothing is said, it does. */
  readonly seenBy?: (chassis: string) => ReadonlyMap<number, boolean>
}

const BR_INT = 'br-int'
const BR_TUN = 'br-tun'

/** Whether a MAC is multicast or broadcast. */
const isGroup = (mac: string) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1

const isTunnelPort = (port: number) => Object.values<number>(TUNNEL_PORTS).includes(port)

/** The world of a model as it stands; for one trace, as it remembers what it finds. */
export const modelWorld = ({ model, pipeline, tables, dead = new Set(), seenBy }: ModelWorld): World => {
  const names = new Map(pipeline.tables.map(table => [`${table.bridge} ${table.number}`, table.name]))
  const byChassis = new Map<string, ReadonlyMap<number, Link>>()

  /** What the ports of br-int lead to. */
  const integrationPorts = (id: string): ReadonlyMap<number, Link> => {
    const known = byChassis.get(id)
    if (known) return known
    const links = new Map<number, Link>([[PATCH_TUN, { type: 'patch', bridge: BR_TUN, port: PATCH_INT }]])
    for (const [network, port] of Object.entries(model.get(chassis, id)?.providerPorts ?? {}))
      links.set(port, { type: 'physical', network })
    for (const { ofport, port, interface: name } of model.by(bindings, 'chassis', id))
      links.set(ofport, { type: 'interface', name, id: port })
    byChassis.set(id, links)
    return links
  }

  /** The chassis that a port of both bridges stands for. */
  const chassisAt = (port: number) => model.holder(chassis, `key ${port - chassisPort(0)}`)

  const link = ({ chassis: id, bridge, port }: PortPlace): Link | undefined => {
    if (port > chassisPort(0)) {
      const stands = chassisAt(port)
      if (stands === undefined) return undefined
      if (stands.id === id) return bridge === BR_INT ? { type: 'interface', name: 'itself' } : undefined
      return { type: 'patch', bridge: bridge === BR_INT ? BR_TUN : BR_INT, port }
    }
    if (bridge === BR_INT) return integrationPorts(id).get(port)
    if (port === PATCH_INT) return { type: 'patch', bridge: BR_INT, port: PATCH_TUN }
    return isTunnelPort(port) ? { type: 'tunnel' } : undefined
  }

  /**
   * The chassis to which physical switches bring a frame, of those where a network of ours uses the VLAN: the one with the
   * port that has the MAC; all, where none has it. Only hosts that spoke are next hops on external networks, so switches
   * know where these are.
   */
  const chassisOn = (physical: string, vlan: number, mac: string): ReadonlySet<string> => {
    const found = new Set<string>()
    for (const network of model.all(networks)) {
      if (!network.segments.some(s => s.physicalNetwork === physical && (s.segmentationId ?? 0) === vlan)) continue
      const owner = model.holder(ports, `mac ${network.id} ${mac}`)
      const places = owner ? [...model.by(bindings, 'port', owner.id)] : []
      const isForeign = owner === undefined && network.external && !isGroup(mac)
      const ends = places.length > 0 || isForeign ? places : model.by(attachments, 'network', network.id)
      for (const { chassis: id } of ends) found.add(id)
    }
    return found
  }

  return {
    tables,
    tableName: (bridge, table) => names.get(`${bridge} ${table}`) ?? `table ${table}`,
    link,
    isLive: place => {
      const stands = chassisAt(place.port)
      if (stands && (dead.has(stands.id) || seenBy?.(place.chassis).get(stands.key) === false)) return false
      return link(place) !== undefined
    },
    isDead: id => dead.has(id),
    ports: (id, bridge) =>
      bridge === BR_INT ? [...integrationPorts(id).keys()] : [PATCH_INT, ...Object.values(TUNNEL_PORTS)],
    tunnelEnd: ({ chassis: from, port }, vtep) => {
      const to = model.holder(chassis, `vtep ${vtep}`)
      const source = model.get(chassis, from)?.tunnelIp
      return to && source && isProgrammed(to) ? { chassis: to.id, bridge: BR_TUN, port, source } : undefined
    },
    physicalEnds: (from, physical, { vlan, mac }) =>
      [...chassisOn(physical, vlan, mac)].flatMap(id => {
        const port = id === from || dead.has(id) ? undefined : model.get(chassis, id)?.providerPorts[physical]
        return port === undefined ? [] : [{ chassis: id, bridge: BR_INT, port }]
      }),
  }
}

/** The name by which people know a port: its own, or its id. */
export const nameOfPort = (model: Reader, id: string): string => model.get(ports, id)?.name || id
