// Address scopes: within one, addresses do not overlap, so that they are routed and not translated.
import type { IpVersion } from './ip.ts'
import { type Kind, kind } from './kind.ts'
import { refuse } from './refusal.ts'
import type { Reader } from './transaction.ts'

/** An address scope. */
export interface AddressScope {
  readonly id: string
  readonly projectId: string
  readonly name: string
  readonly ipVersion: IpVersion
}

/** All address scopes. */
export const addressScopes: Kind<AddressScope, 'project'> = kind<AddressScope>()('address_scope', {
  index: { project: s => [s.projectId] },
})

/** The address scope of an id. Throws AddressScopeNotFound. */
export function addressScopeOf(reader: Reader, id: string): AddressScope {
  const scope = reader.get(addressScopes, id)
  if (!scope) throw refuse('AddressScopeNotFound', { id })
  return scope
}
