// Address groups: prefixes that security group rules name together.
import { finder } from './finder.ts'
import { type Kind, kind } from './kind.ts'

/** An address group. */
export interface AddressGroup {
  readonly id: string
  readonly projectId: string
  readonly name: string
  /** Prefixes of both families in canonical text, each once. */
  readonly addresses: readonly string[]
}

/** All address groups. */
export const addressGroups: Kind<AddressGroup, 'project'> = kind<AddressGroup>()('address_group', {
  index: { project: g => [g.projectId] },
})

/** The address group of an id. Throws AddressGroupNotFound. */
export const addressGroupOf = finder(addressGroups, 'AddressGroupNotFound')
