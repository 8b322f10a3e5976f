// What becomes of a chassis' report of itself: its record, and what is wrong with it. One bad chassis is shown with the
// reason and harms no other: who held an address first keeps it. Pure functions of a transaction.

import { isIP, SocketAddress } from 'node:net'
import { detachAll, reattachChassis } from './attachment.ts'
import { chassisLost, claims, rebindChassis, releaseClaim } from './binding.ts'
import { bindings, type Chassis, chassis, chassisKeys, localVlans, type TunnelType, tunnelTypes } from './chassis.ts'
import { finder } from './finder.ts'
import { refuse } from './refusal.ts'
import type { Reader, Transaction } from './transaction.ts'

/** The oldest Open vSwitch that is programmed, and the database schema that it came with. */
export const oldestOvs = { version: '3.1.0', schema: '8.3.1' } as const

/** What a host's OVSDB says of the host, read but not judged. */
export interface ChassisReport {
  /** Its system-id. */
  readonly id: string
  readonly hostname: string
  /** `flowright-tunnel-ip`; '' when absent. */
  readonly tunnelIp: string
  /** `flowright-tunnel-types`. */
  readonly tunnelTypes: readonly string[]
  /** `flowright-bridge-mappings`, in order, as pairs of physical network and bridge. */
  readonly bridgeMappings: readonly (readonly [physicalNetwork: string, bridge: string])[]
  /** `flowright-gateway`; 0 when absent. */
  readonly gatewayPriority: number
  /** `flowright-datapath-type`; '' when absent. */
  readonly datapathType: string
  /** The types that its switch knows; empty while it has not said. */
  readonly knownDatapathTypes: readonly string[]
  /** The bridges that it has. */
  readonly bridges: readonly string[]
  /** Physical networks whose patch port we have made on br-int, with its ofport. */
  readonly providerPorts: Readonly<Record<string, number>>
  /** Physical networks whose bridge has links, of which none is up. */
  readonly providerDown: readonly string[]
  /** `ovs_version`, which the host's start script writes; '' when it does not. */
  readonly ovsVersion: string
  /** Version of the Open_vSwitch schema; stands in for an absent `ovs_version`. */
  readonly schemaVersion: string
  /** What was wrong in the texts of the settings. */
  readonly problems: readonly string[]
}

/** Whether the dotted version `a` is older than `b`. */
const isOlder = (a: string, b: string): boolean => {
  const parts = (version: string) => version.split('.').map(part => Number.parseInt(part, 10) || 0)
  const [x, y] = [parts(a), parts(b)]
  const at = y.findIndex((part, i) => (x[i] ?? 0) !== part)
  return at >= 0 && (x[at] ?? 0) < y[at]!
}

/** Why a chassis is not programmed at all, in words; '' when it is. */
const refusal = ({ ovsVersion, schemaVersion, datapathType, knownDatapathTypes }: ChassisReport): string => {
  const { version, schema } = oldestOvs
  if (ovsVersion === '' ? isOlder(schemaVersion, schema) : isOlder(ovsVersion, version)) {
    const found = ovsVersion === '' ? `a database of schema ${schemaVersion}` : ovsVersion
    return `Open vSwitch ${version} or later is needed, it runs ${found}`
  }
  if (datapathType !== '' && knownDatapathTypes.length > 0 && !knownDatapathTypes.includes(datapathType)) {
    const known = knownDatapathTypes.join(', ')
    return `flowright-datapath-type is '${datapathType}', which its switch does not know; it knows ${known}`
  }
  return ''
}

/** The provider bridges that a chassis shall be connected to: mapped, there, not ours, and each mapped once. */
export const usableMappings = (
  report: Pick<ChassisReport, 'bridgeMappings' | 'bridges'>,
): { readonly mappings: ReadonlyMap<string, string>; readonly problems: readonly string[] } => {
  const mappings = new Map<string, string>()
  const problems: string[] = []
  for (const [physicalNetwork, bridge] of report.bridgeMappings) {
    const other = [...mappings].find(([, taken]) => taken === bridge)?.[0]
    if (bridge === 'br-int' || bridge === 'br-tun') {
      problems.push(`${bridge} cannot be the bridge of physical network ${physicalNetwork}: it is Flowright's own`)
    } else if (mappings.has(physicalNetwork)) {
      problems.push(
        `physical network ${physicalNetwork} is mapped twice; only ${mappings.get(physicalNetwork)} is used`,
      )
    } else if (other !== undefined) {
      problems.push(`bridge ${bridge} is mapped twice; only physical network ${other} is reached through it`)
    } else if (!report.bridges.includes(bridge)) {
      problems.push(`bridge ${bridge} of physical network ${physicalNetwork} does not exist`)
    } else mappings.set(physicalNetwork, bridge)
  }
  return { mappings, problems }
}

/** The canonical text of a VTEP address as reported, '' for what is no unicast address. */
export const canonicalVtep = (text: string): string => {
  const version = isIP(text)
  if (version === 0) return ''
  const { address } = new SocketAddress({ address: text, family: version === 4 ? 'ipv4' : 'ipv6' })
  return /^(0|22[4-9]|2[3-5]\d)\.|^ff|^::$/.test(address) ? '' : address
}

/** All that is wrong with a report by itself, `refused` first. */
const problemsOf = (report: ChassisReport, refused: string, tunnelIp: string): string[] => {
  const { mappings, problems } = usableMappings(report)
  const unknown = report.tunnelTypes.filter(type => !tunnelTypes.includes(type as TunnelType))
  return [
    ...(refused === '' ? [] : [refused]),
    ...report.problems,
    ...(report.tunnelIp === '' && mappings.size === 0
      ? ['no VTEP address: set external_ids:flowright-tunnel-ip of Open_vSwitch']
      : []),
    ...(report.tunnelIp !== '' && tunnelIp === ''
      ? [`flowright-tunnel-ip is '${report.tunnelIp}', which is not a unicast IP address`]
      : []),
    ...(report.gatewayPriority > 0 && mappings.size === 0
      ? ['flowright-gateway is set, but no provider bridge is mapped: set flowright-bridge-mappings']
      : []),
    ...unknown.map(type => `unknown tunnel type '${type}'; known are ${tunnelTypes.join(', ')}`),
    ...problems,
  ]
}

const taken = /^VTEP address .* is in use by chassis /

/** The record with the VTEP address that it reports, if that is its to use: approved, and first to hold it. */
const withVtep = (tx: Reader, c: Chassis): Chassis => {
  const holder = tx.holder(chassis, `vtep ${c.reportedTunnelIp}`)
  const isTaken = holder !== undefined && holder.id !== c.id
  const problems = c.problems.filter(problem => !taken.test(problem))
  return {
    ...c,
    tunnelIp: isTaken || c.admission === 'waiting' ? '' : c.reportedTunnelIp,
    problems: isTaken
      ? [...problems, `VTEP address ${c.reportedTunnelIp} is in use by chassis ${holder.id}`]
      : problems,
  }
}

/** Gives a VTEP address that became free to the first other chassis that reports it. */
const passOn = (tx: Transaction, tunnelIp: string) => {
  for (const heir of [...tx.by(chassis, 'reportedTunnelIp', tunnelIp)]) {
    const next = withVtep(tx, heir)
    tx.replace(chassis, next)
    if (next.tunnelIp === heir.tunnelIp) continue
    rebindChassis(tx, heir.id)
    reattachChassis(tx, [heir.id], heir.gatewayPriority > 0)
  }
}

const sameReach = (a: Chassis, b: Chassis): boolean =>
  a.tunnelIp === b.tunnelIp &&
  a.hostname === b.hostname &&
  a.refused === b.refused &&
  a.admission === b.admission &&
  JSON.stringify([a.tunnelTypes, a.providerPorts]) === JSON.stringify([b.tunnelTypes, b.providerPorts])

/** Whether a chassis is as good a gateway as before. */
const isSameGateway = (a: Chassis, b: Chassis): boolean =>
  (a.gatewayPriority <= 0 && b.gatewayPriority <= 0) ||
  (sameReach(a, b) &&
    a.gatewayPriority === b.gatewayPriority &&
    JSON.stringify(a.providerDown) === JSON.stringify(b.providerDown))

/**
 * Records what a chassis reports of itself, under a key of its own from its first report on, and rebinds its ports if
 * what it can reach has changed. A chassis never seen before waits for approval unless `approve` is set.
 */
export const reportChassis = (tx: Transaction, report: ChassisReport, approve: boolean): Chassis => {
  const old = tx.get(chassis, report.id)
  const reportedTunnelIp = canonicalVtep(report.tunnelIp)
  const refused = refusal(report)
  const record = withVtep(tx, {
    id: report.id,
    key: old?.key ?? tx.allocate(chassisKeys),
    hostname: report.hostname,
    tunnelIp: '',
    reportedTunnelIp,
    tunnelTypes: tunnelTypes.filter(type => report.tunnelTypes.includes(type)),
    bridgeMappings: Object.fromEntries(usableMappings(report).mappings),
    providerPorts: report.providerPorts,
    providerDown: report.providerDown,
    datapathType: report.datapathType,
    ovsVersion: report.ovsVersion,
    gatewayPriority: report.gatewayPriority,
    crowded: old?.crowded ?? false,
    admission: old?.admission ?? (approve ? 'approved' : 'waiting'),
    refused,
    problems: problemsOf(report, refused, reportedTunnelIp),
  })
  save(tx, old, record)
  return record
}

/** Writes a chassis' record and lets what depends on it follow: who waits for its address, and its ports. */
const save = (tx: Transaction, old: Chassis | undefined, record: Chassis) => {
  if (old === undefined) tx.insert(chassis, record)
  else tx.replace(chassis, record)
  if (old !== undefined && old.tunnelIp !== '' && old.tunnelIp !== record.tunnelIp) passOn(tx, old.tunnelIp)
  if (old === undefined || !sameReach(old, record)) rebindChassis(tx, record.id)
  reattachChassis(tx, [record.id], old === undefined ? record.gatewayPriority > 0 : !isSameGateway(old, record))
}

/** The chassis of an id. Throws ChassisNotFound. */
export const chassisOf = finder(chassis, 'ChassisNotFound')

const admit = (tx: Transaction, id: string, admission: Chassis['admission']) => {
  const old = chassisOf(tx, id)
  save(tx, old, withVtep(tx, { ...old, admission }))
}

/** Lets a waiting or draining chassis work. Throws ChassisNotFound. */
export const approveChassis = (tx: Transaction, id: string): void => admit(tx, id, 'approved')

/** Lets a chassis keep what it has and take no new binding. Throws ChassisNotFound. */
export const drainChassis = (tx: Transaction, id: string): void => admit(tx, id, 'draining')

/**
 * Forgets a chassis, its claims and its bindings; their ports go DOWN. If it reports again it is new, so take its
 * manager away first. Throws ChassisNotFound, and ChassisInUse while it has bindings unless `force` is set.
 */
export const removeChassis = (tx: Transaction, id: string, force = false): void => {
  const old = chassisOf(tx, id)
  const bound = tx.countBy(bindings, 'chassis', id)
  if (bound > 0 && !force) throw refuse('ChassisInUse', { id, ports: bound })
  chassisLost(tx, id)
  for (const claim of [...tx.by(claims, 'chassis', id)]) releaseClaim(tx, id, claim.interface)
  detachAll(tx, id)
  tx.remove(chassis, id)
  tx.release(chassisKeys, old.key)
  tx.forget(localVlans, id)
  if (old.tunnelIp !== '') passOn(tx, old.tunnelIp)
  if (old.gatewayPriority > 0) reattachChassis(tx, [], true)
}
