// How address groups may be made, changed and removed.
import { type AddressGroup, addressGroups } from '../address-group.ts'
import { bitsOf, formatPrefix, parseIp, parsePrefix, prefixAt } from '../ip.ts'
import { refuse } from '../refusal.ts'
import { securityGroupRules } from '../security-group.ts'
import { add, change, drop } from '../standard.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'

/** An address group to be made; the id is the caller's. Addresses are prefixes, or single addresses. */
export interface AddressGroupRequest extends AddressGroup {
  readonly description: string
}

/** Makes an address group. */
export const createAddressGroup = (
  tx: Transaction,
  { description, addresses, ...group }: AddressGroupRequest,
): AddressGroup => add(tx, addressGroups, { ...group, addresses: prefixesOf(addresses) }, description)

/** Changes an address group. */
export const updateAddressGroup = (
  tx: Transaction,
  group: AddressGroup,
  { description, ...rest }: Changes<Pick<AddressGroupRequest, 'name' | 'description'>>,
): AddressGroup => change(tx, addressGroups, changed(group, rest), description)

/** Adds addresses, all of them new. */
export function addAddresses(tx: Transaction, group: AddressGroup, addresses: readonly string[]): AddressGroup {
  const more = prefixesOf(addresses)
  const known = more.filter(address => group.addresses.includes(address))
  if (known.length > 0) throw refuse('AddressesAlreadyExist', { addresses: listed(known), id: group.id })
  return change(tx, addressGroups, { ...group, addresses: [...group.addresses, ...more] })
}

/** Removes addresses, all of them there. */
export function removeAddresses(tx: Transaction, group: AddressGroup, addresses: readonly string[]): AddressGroup {
  const gone = prefixesOf(addresses)
  const unknown = gone.filter(address => !group.addresses.includes(address))
  if (unknown.length > 0) throw refuse('AddressesNotFound', { addresses: listed(unknown), id: group.id })
  return change(tx, addressGroups, { ...group, addresses: group.addresses.filter(a => !gone.includes(a)) })
}

/** Removes an address group that no rule names. */
export function deleteAddressGroup(tx: Transaction, group: AddressGroup): void {
  if (tx.countBy(securityGroupRules, 'remote', group.id) > 0) throw refuse('AddressGroupInUse', { id: group.id })
  drop(tx, addressGroups, group.id)
}

/** Prefixes in canonical text, each once; an address is the prefix that it makes alone. */
const prefixesOf = (addresses: readonly string[]): string[] => [
  ...new Set(
    addresses.map(text => {
      const ip = parseIp(text)
      const prefix = ip ? prefixAt(ip, bitsOf(ip.version)) : parsePrefix(text)
      if (!prefix) throw refuse('InvalidInput', { message: `'${text.slice(0, 100)}' is not a valid IP subnet` })
      return formatPrefix(prefix)
    }),
  ),
]

const listed = (addresses: readonly string[]) => `[${addresses.map(address => `'${address}'`).join(', ')}]`
