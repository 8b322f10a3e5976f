// How address scopes may be made, changed and removed.
import { type AddressScope, addressScopes } from '../address-scope.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import { subnetPools } from '../subnet-pool.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'

/** Makes an address scope. */
export const createAddressScope = (
  tx: Transaction,
  { description, ...scope }: AddressScope & { readonly description: string },
): AddressScope => add(tx, addressScopes, scope, description)

/** Changes an address scope. What was shared stays shared: others may rely on it. */
export function updateAddressScope(
  tx: Transaction,
  scope: AddressScope,
  { description, ...rest }: Changes<Pick<AddressScope, 'name' | 'shared'> & { description: string }>,
): AddressScope {
  if (scope.shared && rest.shared === false)
    throw refuse('AddressScopeUpdateError', { id: scope.id, reason: "Shared address scope can't be unshared" })
  return change(tx, addressScopes, changed(scope, rest), description)
}

/** Removes an address scope that no subnet pool belongs to. */
export function deleteAddressScope(tx: Transaction, scope: AddressScope): void {
  if (tx.countBy(subnetPools, 'scope', scope.id) > 0) throw refuse('AddressScopeInUse', { id: scope.id })
  drop(tx, addressScopes, scope.id)
}
