// What a host says of itself in the Open_vSwitch table, read into a report. Judged in the model (chassis-report.ts).
import type { ChassisReport } from '#model/chassis-report'
import { providerPatch } from './names.ts'
import type { View } from './schema.ts'

const words = (text: string) =>
  text
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')

/** The only row of the Open_vSwitch table; undefined while there is none. */
const rootOf = (view: View) => view.table('Open_vSwitch').values().next().value

/** The host's system-id; '' when it has none. */
export const systemIdOf = (view: View): string => rootOf(view)?.external_ids.get('system-id') ?? ''

/** How often the switch says anew which bridges reach their controllers, in milliseconds (ovs-vswitchd.conf.db(5)). */
export const statusIntervalOf = (view: View): number =>
  Math.min(Math.max(5000, Number(rootOf(view)?.other_config.get('stats-update-interval')) || 0), 3_600_000)

/** `physnet1:br-ex,physnet2:br-dc` as pairs, and what of it could not be read. */
const readMappings = (text: string) => {
  const mappings: [string, string][] = []
  const problems: string[] = []
  for (const word of words(text)) {
    const [physicalNetwork, bridge, ...rest] = word.split(':')
    if (physicalNetwork && bridge && rest.length === 0) mappings.push([physicalNetwork, bridge])
    else problems.push(`flowright-bridge-mappings: '${word}' is not PHYSICAL_NETWORK:BRIDGE`)
  }
  return { mappings, problems }
}

const readPriority = (text: string) => {
  if (text === '') return { gatewayPriority: 0, problems: [] }
  const priority = Number(text)
  if (Number.isInteger(priority) && priority >= 0 && priority <= 0xffff)
    return { gatewayPriority: priority, problems: [] }
  return { gatewayPriority: 0, problems: [`flowright-gateway is '${text}', not a priority from 1 to 65535`] }
}

/** The ofport of each physical network's patch port on br-int, of those that the switch has made. */
const providerPortsOf = (view: View, mappings: readonly (readonly [string, string])[]) => {
  const ofports = new Map<string, number>()
  for (const row of view.table('Interface').values()) {
    if (row.type === 'patch' && row.ofport !== undefined && row.ofport > 0) ofports.set(row.name, row.ofport)
  }
  const ports: Record<string, number> = {}
  for (const [physicalNetwork, bridge] of mappings) {
    const ofport = ofports.get(providerPatch(bridge).inner)
    if (ofport !== undefined) ports[physicalNetwork] ??= ofport
  }
  return ports
}

/** Physical networks whose bridge has links to the outside, of which the switch says that all are down. */
const providerDownOf = (view: View, mappings: readonly (readonly [string, string])[]) => {
  const bridges = new Map(Array.from(view.table('Bridge').values(), row => [row.name, row]))
  return mappings.flatMap(([physicalNetwork, bridge]) => {
    const links = (bridges.get(bridge)?.ports ?? []).flatMap(port =>
      (view.table('Port').get(port)?.interfaces ?? []).flatMap(uuid => {
        const row = view.table('Interface').get(uuid)
        return row === undefined || !isLink(row) ? [] : [row.link_state]
      }),
    )
    return links.length > 0 && links.every(state => state === 'down') ? [physicalNetwork] : []
  })
}

/** Whether an interface may be a link to the outside: neither a patch nor one of the host's own. */
const isLink = (row: { readonly type: string }) => row.type !== 'patch' && row.type !== 'internal'

/** Whether a change of an interface may change what a host says of itself: its link, unless it is that of a VM. */
export const concernsReport = (
  before: { readonly link_state: string | undefined } | undefined,
  after:
    | {
        readonly link_state: string | undefined
        readonly type: string
        readonly external_ids: ReadonlyMap<string, string>
      }
    | undefined,
): boolean =>
  after !== undefined && before?.link_state !== after.link_state && isLink(after) && !after.external_ids.has('iface-id')

/** Reads the report of a host with a system-id. `schemaVersion` is that of its database. */
export const readHost = (view: View, schemaVersion: string): ChassisReport => {
  const root = rootOf(view)
  const setting = (name: string) => root?.external_ids.get(name)?.trim() ?? ''
  const { mappings, problems: badMappings } = readMappings(setting('flowright-bridge-mappings'))
  const { gatewayPriority, problems: badPriority } = readPriority(setting('flowright-gateway'))
  const tunnelTypes = words(setting('flowright-tunnel-types'))
  return {
    id: systemIdOf(view),
    hostname: setting('hostname'),
    tunnelIp: setting('flowright-tunnel-ip'),
    tunnelTypes: tunnelTypes.length > 0 ? tunnelTypes : ['vxlan'],
    bridgeMappings: mappings,
    gatewayPriority,
    datapathType: setting('flowright-datapath-type'),
    knownDatapathTypes: root?.datapath_types.toSorted() ?? [],
    bridges: Array.from(view.table('Bridge').values(), bridge => bridge.name).sort(),
    providerPorts: providerPortsOf(view, mappings),
    providerDown: providerDownOf(view, mappings),
    ovsVersion: root?.ovs_version ?? '',
    schemaVersion,
    problems: [...badMappings, ...badPriority],
  }
}
