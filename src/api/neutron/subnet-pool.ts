// Subnet pools, as Neutron shows them.
import {
  type AddressScope,
  addPrefixes,
  createSubnetPool,
  deleteSubnetPool,
  type Reader,
  refuse,
  removePrefixes,
  type SubnetPool,
  subnetPools,
  type Transaction,
  updateSubnetPool,
} from '#model'
import { find } from '../engine/collection.ts'
import { identified, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { read } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { cidr, count, distinct, flag, integer, nonEmptyText, nullable, uuid } from '../engine/value.ts'
import { addressScopeResource } from './address-scope.ts'

const prefixes = distinct(cidr)
// shown as digits in a string, as Neutron does
const length = integer(0, 128)

const attributes = attributesOf<SubnetPool>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: nonEmptyText(), post: 'required', put: true, show: p => p.name },
  prefixes: { type: prefixes, post: 'required', put: true, show: p => p.prefixes },
  ip_version: { type: integer(4, 6), show: p => p.ipVersion },
  default_quota: { type: nullable(count), post: { default: null }, put: true, show: p => p.defaultQuota },
  default_prefixlen: { type: length, post: 'optional', put: true, show: p => String(p.defaultPrefixLength) },
  min_prefixlen: { type: length, post: 'optional', put: true, show: p => String(p.minPrefixLength) },
  max_prefixlen: { type: length, post: 'optional', put: true, show: p => String(p.maxPrefixLength) },
  address_scope_id: {
    type: nullable(uuid),
    post: { default: null },
    put: true,
    show: p => p.addressScopeId,
    index: 'scope',
  },
  is_default: { type: flag, post: { default: false }, put: true, admin: ['write'], show: p => p.isDefault },
  shared: { type: flag, post: { default: false }, admin: ['write'], show: p => p.shared },
})

const change =
  (apply: (tx: Transaction, pool: SubnetPool, prefixes: readonly string[]) => SubnetPool) =>
  (tx: Transaction, pool: SubnetPool, body: unknown) => {
    const given = (body as { prefixes?: unknown } | null)?.prefixes
    if (given === undefined)
      throw refuse('HTTPBadRequest', {
        message: "Failed to parse request. Required attribute 'prefixes' not specified",
      })
    return { prefixes: apply(tx, pool, read(prefixes, given, 'prefixes')).prefixes }
  }

/** Only the owner of an address scope puts pools into it, even if it is shared. */
function requireOwnScope(reader: Reader, pool: string, scopeId: string | null, context: Context): void {
  if (scopeId === null || context.isAdmin) return
  const scope = find(addressScopeResource, scopeId, { reader, context }) as AddressScope
  if (scope.projectId !== context.projectId)
    throw refuse('IllegalSubnetPoolAssociationToAddressScope', { pool, scope: scope.id })
}

/** The resource `subnetpool`. */
export const subnetPoolResource: Resource = resource<SubnetPool, typeof attributes>({
  name: 'subnetpool',
  plural: 'subnetpools',
  attributes,
  source: recordsOf(subnetPools),
  absent: 'SubnetPoolNotFound',
  isPublic: p => p.shared,
  standard: true,
  create(tx, body, id, context) {
    requireOwnScope(tx, id, body.address_scope_id, context)
    return createSubnetPool(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      prefixes: body.prefixes,
      defaultQuota: body.default_quota,
      defaultPrefixLength: body.default_prefixlen,
      minPrefixLength: body.min_prefixlen,
      maxPrefixLength: body.max_prefixlen,
      addressScopeId: body.address_scope_id,
      isDefault: body.is_default,
      shared: body.shared,
    })
  },
  update(tx, pool, body, context) {
    requireOwnScope(tx, pool.id, body.address_scope_id ?? pool.addressScopeId, context)
    return updateSubnetPool(tx, pool, {
      name: body.name,
      description: body.description,
      prefixes: body.prefixes,
      defaultQuota: body.default_quota,
      defaultPrefixLength: body.default_prefixlen,
      minPrefixLength: body.min_prefixlen,
      maxPrefixLength: body.max_prefixlen,
      addressScopeId: body.address_scope_id,
      isDefault: body.is_default,
    })
  },
  remove: deleteSubnetPool,
  actions: { add_prefixes: change(addPrefixes), remove_prefixes: change(removePrefixes) },
})
