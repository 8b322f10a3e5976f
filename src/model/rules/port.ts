// How ports may be made, changed and removed.
import { bindToHost, rebind } from '../binding.ts'
import { bindings } from '../chassis.ts'
import { networkOf } from '../network.ts'
import { type AddressPair, type Port, portKeys, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { securityGroupOf } from '../security-group.ts'
import { add, change, drop, revise } from '../standard.ts'
import { isAutoAddress, subnetOf } from '../subnet.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { chooseAddresses, type FixedIpRequest } from './address.ts'
import { type Changes, changed } from './changes.ts'
import { leaveFirewallGroup } from './firewall-group.ts'
import { forgetUnusedPolicy, policyOf } from './policy.ts'
import { forgetPortBindings } from './port-binding.ts'
import { forgetAddressesOf, requireReliable, settleRouterPort } from './router-owned.ts'
import { defaultSecurityGroup } from './security-group.ts'

const maxAddressPairs = 10

/** An allowed address pair as asked for: without a MAC address it is the port's own. */
export interface AddressPairRequest {
  readonly ipAddress: string
  readonly macAddress?: string | undefined
}

/** A port to be made; the id is the caller's. */
export interface PortRequest
  extends Omit<
    Port,
    | 'key'
    | 'status'
    | 'macAddress'
    | 'fixedIps'
    | 'allowedAddressPairs'
    | 'portSecurityEnabled'
    | 'securityGroups'
    | 'policy'
    | 'deviceOwner'
  > {
  readonly description: string
  readonly deviceOwner: string
  /** Absent: one is made. */
  readonly macAddress?: string | undefined
  /** Absent: one address of each family. */
  readonly fixedIps?: readonly FixedIpRequest[] | undefined
  readonly allowedAddressPairs: readonly AddressPairRequest[]
  /** Absent: the network's. Neutron's own ports (`network:…`) go without. */
  readonly portSecurityEnabled?: boolean | undefined
  /** Absent: the project's default group. */
  readonly securityGroups?: readonly string[] | undefined
}

/** What may change of a port. A MAC address of null asks for a new one. */
export type PortChange = Changes<Omit<PortRequest, 'id' | 'networkId' | 'projectId' | 'macAddress'>> & {
  readonly macAddress?: string | null | undefined
}

/** Makes a port, with a key, a MAC address and addresses, and binds it if it is plugged already. */
export function createPort(tx: Transaction, request: PortRequest): Port {
  const { description, allowedAddressPairs, fixedIps, ...rest } = request
  const network = networkOf(tx, request.networkId)
  const portSecurityEnabled = !isTrusted(request) && (request.portSecurityEnabled ?? network.portSecurityEnabled)
  const macAddress = request.macAddress ?? newMac(tx, network.id, request.id)
  requireMac(tx, network.id, macAddress, undefined)
  const port: Port = {
    ...rest,
    key: tx.allocate(portKeys),
    status: 'DOWN',
    macAddress,
    fixedIps: chooseAddresses(tx, { ...rest, macAddress }, fixedIps),
    allowedAddressPairs: pairsOf(allowedAddressPairs, macAddress),
    portSecurityEnabled,
    securityGroups: securityGroupsFor(tx, request, portSecurityEnabled),
    policy: 0,
  }
  requireSecurity(tx, port)
  add(tx, ports, { ...port, policy: policyOf(tx, port) }, description, 1)
  revise(tx, network.id)
  rebind(tx, port.id)
  return tx.get(ports, port.id)!
}

/** Changes a port. */
export function updatePort(tx: Transaction, port: Port, request: PortChange): Port {
  const { description, allowedAddressPairs, fixedIps, macAddress: askedMac, ...rest } = request
  const macAddress =
    askedMac === undefined ? port.macAddress : (askedMac ?? newMac(tx, port.networkId, port.id, port.macAddress))
  if (macAddress !== port.macAddress) {
    requireMac(tx, port.networkId, macAddress, port.id)
    if (tx.holder(bindings, `active ${port.id}`))
      throw refuse('PortBound', { id: port.id, vifType: 'ovs', oldMac: port.macAddress, newMac: macAddress })
  }
  const after: Port = { ...changed(port, rest), macAddress }
  const addresses =
    fixedIps === undefined && macAddress === port.macAddress
      ? port.fixedIps
      : chooseAddresses(tx, after, fixedIps ?? keepable(tx, port), port.fixedIps)
  const done: Port = {
    ...after,
    fixedIps: addresses,
    allowedAddressPairs:
      allowedAddressPairs === undefined ? port.allowedAddressPairs : pairsOf(allowedAddressPairs, macAddress),
  }
  if (!done.portSecurityEnabled && request.securityGroups === undefined && done.securityGroups.length > 0)
    throw refuse('PortSecurityPortHasSecurityGroup', {})
  requireSecurity(tx, done)
  requireReliable(tx, port, done)
  const policy = policyOf(tx, done)
  change(tx, ports, { ...done, policy }, description)
  forgetAddressesOf(tx, port, addresses)
  if (policy !== port.policy) forgetUnusedPolicy(tx, port.policy)
  revise(tx, port.networkId)
  if (done.bindingHost !== port.bindingHost) bindToHost(tx, port.id)
  else rebind(tx, port.id)
  settleRouterPort(tx, port.id)
  return tx.get(ports, port.id)!
}

/** Removes a port; what is plugged for it loses its binding. */
export function deletePort(tx: Transaction, port: Port): void {
  forgetAddressesOf(tx, port, [])
  leaveFirewallGroup(tx, port.id)
  forgetPortBindings(tx, port.id)
  drop(tx, ports, port.id)
  tx.release(portKeys, port.key)
  forgetUnusedPolicy(tx, port.policy)
  revise(tx, port.networkId)
  rebind(tx, port.id)
}

/** All addresses of a port but those that it makes from its MAC address. */
const keepable = (tx: Reader, port: Port): readonly FixedIpRequest[] =>
  port.fixedIps.filter(ip => !isAutoAddress(subnetOf(tx, ip.subnetId)))

/**
 * A MAC address that is free on a network: the field's own prefix and the last digits of the port's id (random ones, in
 * a random id), or the next free ones.
 */
function newMac(tx: Reader, networkId: string, portId: string, old?: string): string {
  const first = old === undefined ? Number.parseInt(portId.slice(-6), 16) || 0 : tailOf(old) + 1
  for (let i = 0; i < 0x1000000; i++) {
    const tail = ((first + i) % 0x1000000).toString(16).padStart(6, '0')
    const mac = `fa:16:3e:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4)}`
    if (!tx.holder(ports, `mac ${networkId} ${mac}`)) return mac
  }
  throw refuse('MacAddressGenerationFailure', { network: networkId })
}

const tailOf = (mac: string) => Number.parseInt(mac.replaceAll(':', '').slice(-6), 16)

function requireMac(tx: Reader, networkId: string, mac: string, portId: string | undefined): void {
  const holder = tx.holder(ports, `mac ${networkId} ${mac}`)
  if (holder && holder.id !== portId) throw refuse('MacAddressInUse', { network: networkId, mac })
}

function pairsOf(asked: readonly AddressPairRequest[], ownMac: string): AddressPair[] {
  if (asked.length > maxAddressPairs) throw refuse('AllowedAddressPairExhausted', { limit: maxAddressPairs })
  const pairs = asked.map(({ ipAddress, macAddress }) => ({ ipAddress, macAddress: macAddress ?? ownMac }))
  const seen = new Set<string>()
  for (const { ipAddress: ip, macAddress: mac } of pairs) {
    if (seen.has(`${mac} ${ip}`)) throw refuse('DuplicateAddressPairInRequest', { mac, ip })
    seen.add(`${mac} ${ip}`)
  }
  return pairs
}

/** Whether a port is Neutron's own, of a router or of DHCP: what it sends and receives is not judged. */
const isTrusted = ({ deviceOwner }: { readonly deviceOwner: string }) => deviceOwner.startsWith('network:')

function securityGroupsFor(tx: Transaction, request: PortRequest, portSecurityEnabled: boolean): readonly string[] {
  if (request.securityGroups !== undefined || !portSecurityEnabled) return request.securityGroups ?? []
  return [defaultSecurityGroup(tx, request.projectId, request.id).id]
}

/** Without port security there are neither address pairs nor security groups; groups are of one sort. */
function requireSecurity(tx: Reader, port: Port): void {
  if (!port.portSecurityEnabled && port.allowedAddressPairs.length > 0)
    throw refuse('AddressPairAndPortSecurityRequired', {})
  if (!port.portSecurityEnabled && port.securityGroups.length > 0)
    throw refuse('PortSecurityAndIPRequiredForSecurityGroups', {})
  const groups = port.securityGroups.map(id => securityGroupOf(tx, id))
  if (groups.some(g => g.stateful) && groups.some(g => !g.stateful)) {
    const reason = 'Cannot apply both stateful and stateless security groups on the same port at the same time'
    throw refuse('SecurityGroupConflict', { reason })
  }
}
