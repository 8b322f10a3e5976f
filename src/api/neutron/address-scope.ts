// Address scopes, as Neutron shows them.
import { type AddressScope, addressScopes, createAddressScope, deleteAddressScope, updateAddressScope } from '#model'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { flag, ipVersion, text } from '../engine/value.ts'

const attributes = attributesOf<AddressScope>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: s => s.name },
  ip_version: { type: ipVersion, post: 'required', show: s => s.ipVersion },
  shared: {
    type: flag,
    post: { default: false },
    put: true,
    admin: ['write'],
    show: (s, view) => isShared(s.id, view),
  },
})

/** The resource `address_scope`. */
export const addressScopeResource: Resource = resource<AddressScope, typeof attributes>({
  name: 'address_scope',
  plural: 'address_scopes',
  path: 'address-scopes',
  attributes,
  source: recordsOf(addressScopes),
  absent: 'AddressScopeNotFound',
  grants: ['access_as_shared'],
  standard: true,
  create: (tx, body, id) =>
    createAddressScope(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      ipVersion: body.ip_version,
      shared: body.shared,
    }),
  update: (tx, scope, body) =>
    updateAddressScope(tx, scope, {
      name: body.name,
      shared: body.shared,
      description: body.description,
    }),
  remove: deleteAddressScope,
})
