// Address groups, as Neutron shows them.
import {
  type AddressGroup,
  addAddresses,
  addressGroups,
  createAddressGroup,
  deleteAddressGroup,
  removeAddresses,
  type Transaction,
  updateAddressGroup,
} from '#model'
import { show } from '../engine/collection.ts'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { missing, read } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { cidr, flag, ipOrCidr, list, text } from '../engine/value.ts'

const prefixes = list(cidr, 10_000)
const addresses = list(ipOrCidr, 10_000)

const attributes = attributesOf<AddressGroup>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: g => g.name },
  addresses: { type: prefixes, post: { default: [] }, show: g => g.addresses },
  shared: { type: flag, filter: false, sort: false, show: (g, view) => isShared(g.id, view) },
})

const change =
  (apply: (tx: Transaction, group: AddressGroup, addresses: readonly string[]) => AddressGroup) =>
  (tx: Transaction, group: AddressGroup, body: unknown, context: Context) => {
    const given = (body as { addresses?: unknown } | null | undefined)?.addresses
    if (given === undefined) throw missing('addresses')
    const after = apply(tx, group, read(addresses, given, 'addresses'))
    return { address_group: show(addressGroupResource, after, { reader: tx, context }) }
  }

/** The resource `address_group`. */
export const addressGroupResource: Resource = resource<AddressGroup, typeof attributes>({
  name: 'address_group',
  plural: 'address_groups',
  path: 'address-groups',
  attributes,
  source: recordsOf(addressGroups),
  absent: 'AddressGroupNotFound',
  grants: ['access_as_shared'],
  deniesOthers: true,
  standard: true,
  create: (tx, body, id) =>
    createAddressGroup(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      addresses: body.addresses,
    }),
  update: (tx, group, body) => updateAddressGroup(tx, group, { name: body.name, description: body.description }),
  remove: deleteAddressGroup,
  actions: { add_addresses: change(addAddresses), remove_addresses: change(removeAddresses) },
})
