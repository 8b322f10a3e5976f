// Address scopes: within one, addresses do not overlap, so that they are routed and not translated.
import { finder } from './finder.ts'
import type { IpVersion } from './ip.ts'
import { type Kind, kind } from './kind.ts'

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
export const addressScopeOf = finder(addressScopes, 'AddressScopeNotFound')
