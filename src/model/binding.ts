// Which port is bound where. Chassis report claims (interfaces that carry a port id); bindings and attachments are
// derived from claims, ports and chassis in one place, `rebind`, whatever changed. Pure functions of a transaction.
import { attach, detach } from './attachment.ts'
import { type Binding, bindings, type Chassis, chassis, localVlans } from './chassis.ts'
import { type Kind, kind } from './kind.ts'
import { type Network, networks } from './network.ts'
import { type Port, ports } from './port.ts'
import { segmentAt } from './reach.ts'
import { PoolExhausted, type Reader, type Transaction } from './transaction.ts'

/** An interface on br-int of a chassis that says it is a port, known or not: what OVSDB reported. */
export interface Claim {
  /** `<chassis id>/<interface name>` */
  readonly id: string
  readonly chassis: string
  readonly interface: string
  /** The port id in `external_ids:iface-id`. */
  readonly port: string
  /** OpenFlow port number on br-int; -1 when the switch could not open the interface. */
  readonly ofport: number
  /** What the switch says is wrong with the interface; '' when nothing is. */
  readonly error: string
  /** Why it does not bind the port, in words; '' when it does, or when the port does not exist (yet). */
  readonly problem: string
}

/** All claims; the first of a port, in order of creation, is the first to be bound. */
export const claims: Kind<Claim, 'port' | 'chassis'> = kind<Claim>()('claim', {
  index: { port: c => [c.port], chassis: c => [c.chassis] },
})

/** A further host that may claim a port whose host is set: Neutron's inactive binding (binding-extended). */
export interface HostBinding {
  /** `<port id>@<host>` */
  readonly id: string
  readonly port: string
  readonly host: string
  readonly vnicType: string
  readonly profile: Readonly<Record<string, unknown>>
}

/** All inactive bindings. */
export const hostBindings: Kind<HostBinding, 'port'> = kind<HostBinding>()('host_binding', {
  index: { port: b => [b.port] },
})

/** What a chassis reports of one interface. */
export type ReportedClaim = Pick<Claim, 'chassis' | 'interface' | 'port' | 'ofport' | 'error'>

const claimId = (chassisId: string, interfaceName: string) => `${chassisId}/${interfaceName}`
const bindingId = (portId: string, chassisId: string) => `${portId}@${chassisId}`

/** Why a chassis cannot reach a network, in words; '' when it can. */
const unreachable = (c: Chassis, network: Network): string => {
  if (segmentAt(network.segments, c) !== undefined) return ''
  const wants = network.segments.map(({ networkType: type, physicalNetwork }) => {
    if (type === 'vlan' || type === 'flat') return `the physical network ${physicalNetwork}, which it does not map`
    return c.tunnelIp === '' ? `${type}, but it has no VTEP address` : `${type}, which it does not offer`
  })
  return `${c.id} cannot reach the network: it needs ${wants.join(' or ')}`
}

const isHost = (c: Chassis, host: string) => c.id === host || c.hostname === host

const mayBindThere = (tx: Reader, port: Port, c: Chassis): boolean => {
  if (port.bindingHost === '' || isHost(c, port.bindingHost)) return true
  for (const other of tx.by(hostBindings, 'port', port.id)) if (isHost(c, other.host)) return true
  return false
}

/** Why a claim cannot bind its port, in words; '' when it can. */
const refusal = (tx: Reader, claim: Claim, port: Port, network: Network, isBound: boolean): string => {
  const c = tx.get(chassis, claim.chassis)
  if (c === undefined) return `chassis ${claim.chassis} is not known`
  if (c.admission === 'waiting') return `chassis ${c.id} waits for approval`
  if (c.admission === 'draining' && !isBound) return `chassis ${c.id} is being drained`
  if (c.refused !== '') return `chassis ${c.id} is not programmed: ${c.refused}`
  if (claim.ofport < 1) return `the switch cannot use interface ${claim.interface}: ${claim.error || 'no reason given'}`
  if (!mayBindThere(tx, port, c)) return `the port is bound to host ${port.bindingHost}, not to ${c.hostname || c.id}`
  return unreachable(c, network)
}

/** Records whether a port works. ACTIVE is recorded only of a port that is bound and administratively up. */
export const setPortStatus = (tx: Transaction, portId: string, status: 'ACTIVE' | 'DOWN'): void => {
  const port = tx.get(ports, portId)
  if (port === undefined || port.status === status) return
  if (status === 'ACTIVE' && (!port.adminStateUp || tx.holder(bindings, `active ${portId}`) === undefined)) return
  tx.replace(ports, { ...port, status })
}

/**
 * Derives the bindings of a port, its attachments and the problems of its claims from its claims. To be called in every
 * transaction that creates, changes or deletes a port. The active binding stays where it is while its claim holds;
 * else the first claim becomes active, and the others are pending.
 */
export const rebind = (tx: Transaction, portId: string): void => {
  const port = tx.get(ports, portId)
  const network = port && tx.get(networks, port.networkId)
  const before = new Map(Array.from(tx.by(bindings, 'port', portId), b => [b.id, b]))
  const after = new Map<string, Binding>()

  for (const claim of [...tx.by(claims, 'port', portId)]) {
    let problem = ''
    if (port !== undefined && network !== undefined) {
      const id = bindingId(portId, claim.chassis)
      const rival = after.get(id)
      problem = rival
        ? `the port is already plugged there, as ${rival.interface}`
        : refusal(tx, claim, port, network, before.has(id))
      if (problem === '') {
        try {
          attach(tx, claim.chassis, network.id)
          const { chassis, ofport } = claim
          after.set(id, {
            ...{ id, port: portId, network: network.id, chassis, interface: claim.interface, ofport, state: 'pending' },
          })
        } catch (error) {
          if (!(error instanceof PoolExhausted)) throw error
          problem = `${claim.chassis} reaches as many networks as it can (${localVlans.last}); move ports elsewhere`
        }
      }
    }
    if (problem !== claim.problem) tx.replace(claims, { ...claim, problem })
  }

  const held = [...before.values()].find(b => b.state === 'active')
  const active = (held && after.get(held.id)) ?? after.values().next().value
  if (active !== undefined) after.set(active.id, { ...active, state: 'active' })
  write(tx, before, after)
  if (held !== undefined && active === undefined) setPortStatus(tx, portId, 'DOWN')
  if (port?.status === 'ACTIVE' && !port.adminStateUp) setPortStatus(tx, portId, 'DOWN')
}

/** Makes the bindings of one port what they should be: what gives up being active goes first. */
const write = (tx: Transaction, before: ReadonlyMap<string, Binding>, after: ReadonlyMap<string, Binding>) => {
  for (const [id, old] of before) {
    if (after.has(id)) continue
    tx.remove(bindings, id)
    detach(tx, old.chassis, old.network)
  }
  const byState = [...after.values()].sort((a, b) => Number(a.state === 'active') - Number(b.state === 'active'))
  for (const binding of byState) {
    if (before.has(binding.id)) tx.replace(bindings, binding)
    else tx.insert(bindings, binding)
  }
}

/** An interface was plugged, or what is known of it changed: records the claim and binds the port if it may. */
export const claimPort = (tx: Transaction, reported: ReportedClaim): void => {
  const id = claimId(reported.chassis, reported.interface)
  const old = tx.get(claims, id)
  if (old === undefined) tx.insert(claims, { ...reported, id, problem: '' })
  else tx.replace(claims, { ...reported, id, problem: old.port === reported.port ? old.problem : '' })
  if (old !== undefined && old.port !== reported.port) rebind(tx, old.port)
  rebind(tx, reported.port)
}

/** An interface was unplugged: a pending binding elsewhere becomes active, or the port goes down. */
export const releaseClaim = (tx: Transaction, chassisId: string, interfaceName: string): void => {
  const id = claimId(chassisId, interfaceName)
  const old = tx.get(claims, id)
  if (old === undefined) return
  tx.remove(claims, id)
  rebind(tx, old.port)
}

/**
 * Makes the pending binding of a port on a chassis the active one, and the active one pending: at the guest's first
 * RARP or gratuitous ARP there, and at binding activation. No effect when there is no pending binding there.
 */
export const cutOver = (tx: Transaction, portId: string, chassisId: string): void => {
  const next = tx.get(bindings, bindingId(portId, chassisId))
  if (next?.state !== 'pending') return
  const held = tx.holder(bindings, `active ${portId}`)
  if (held !== undefined) tx.replace(bindings, { ...held, state: 'pending' })
  tx.replace(bindings, { ...next, state: 'active' })
}

/** `binding:host_id` of a port was set: rebinds it, and cuts over to the chassis of that host if it has a claim there. */
export const bindToHost = (tx: Transaction, portId: string): void => {
  rebind(tx, portId)
  const host = tx.get(ports, portId)?.bindingHost ?? ''
  if (host === '') return
  for (const b of [...tx.by(bindings, 'port', portId)]) {
    const c = tx.get(chassis, b.chassis)
    if (c !== undefined && isHost(c, host)) cutOver(tx, portId, c.id)
  }
}

/** Rebinds every port claimed on a chassis: after a change of what it can reach, or of whether it may bind. */
export const rebindChassis = (tx: Transaction, chassisId: string): void => {
  for (const portId of new Set(Array.from(tx.by(claims, 'chassis', chassisId), c => c.port))) rebind(tx, portId)
}

/** Rebinds every claimed port of a network: after a change of its segments. */
export const rebindNetwork = (tx: Transaction, networkId: string): void => {
  for (const port of [...tx.by(ports, 'network', networkId)]) {
    if (tx.countBy(claims, 'port', port.id) > 0) rebind(tx, port.id)
  }
}

/** A chassis is taken for dead: its ports are reported DOWN. Bindings and flows stay, should only its session be. */
export const chassisLost = (tx: Transaction, chassisId: string): void => {
  for (const b of [...tx.by(bindings, 'chassis', chassisId)]) {
    if (b.state === 'active') setPortStatus(tx, b.port, 'DOWN')
  }
}

/** How binding a port stands: unbound; bound; failed, and why. What `binding:vif_type` says. */
export type BindingOutcome =
  | { readonly state: 'unbound' }
  | { readonly state: 'bound'; readonly chassis: string }
  | { readonly state: 'failed'; readonly reason: string }

/**
 * How binding a port stands. A port with a host counts as bound before it is plugged, as in Neutron, if that host is a
 * chassis that can reach its network.
 */
export const bindingOutcome = (reader: Reader, port: Port): BindingOutcome => {
  const active = reader.holder(bindings, `active ${port.id}`)
  if (active !== undefined) return { state: 'bound', chassis: active.chassis }
  for (const claim of reader.by(claims, 'port', port.id)) {
    if (claim.problem !== '') return { state: 'failed', reason: claim.problem }
  }
  if (port.bindingHost === '') return { state: 'unbound' }
  const network = reader.get(networks, port.networkId)
  const c = chassisOfHost(reader, port.bindingHost)
  if (c === undefined) return { state: 'failed', reason: `no chassis is known by the name ${port.bindingHost}` }
  const reason = network === undefined ? '' : unreachable(c, network)
  return reason === '' ? { state: 'bound', chassis: c.id } : { state: 'failed', reason }
}

/** The chassis that a host name or system-id means; undefined when there is none. */
export const chassisOfHost = (reader: Reader, host: string): Chassis | undefined => {
  const byId = reader.get(chassis, host)
  if (byId !== undefined) return byId
  for (const c of reader.by(chassis, 'hostname', host)) return c
  return undefined
}
