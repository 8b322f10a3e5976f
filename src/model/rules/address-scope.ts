// How address scopes may be made, changed and removed.
import { type AddressScope, addressScopes } from '../address-scope.ts'
import { isGrantedToAll } from '../rbac.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import { subnetPools } from '../subnet-pool.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { grantToAll } from './rbac.ts'

/** Makes an address scope. */
export function createAddressScope(
  tx: Transaction,
  { description, shared, ...scope }: AddressScope & { readonly description: string; readonly shared: boolean },
): AddressScope {
  add(tx, addressScopes, scope, description)
  if (shared) grantToAll(tx, 'address_scope', scope, 'access_as_shared')
  return scope
}

/** Changes an address scope. What was shared stays shared: others may rely on it. */
export function updateAddressScope(
  tx: Transaction,
  scope: AddressScope,
  { description, shared, ...rest }: Changes<Pick<AddressScope, 'name'> & { description: string; shared: boolean }>,
): AddressScope {
  if (shared) grantToAll(tx, 'address_scope', scope, 'access_as_shared')
  else if (shared === false && isGrantedToAll(tx, 'access_as_shared', scope.id))
    throw refuse('AddressScopeUpdateError', { id: scope.id, reason: "Shared address scope can't be unshared" })
  return change(tx, addressScopes, changed(scope, rest), description)
}

/** Removes an address scope that no subnet pool belongs to. */
export function deleteAddressScope(tx: Transaction, scope: AddressScope): void {
  if (tx.countBy(subnetPools, 'scope', scope.id) > 0) throw refuse('AddressScopeInUse', { id: scope.id })
  drop(tx, addressScopes, scope.id)
}
