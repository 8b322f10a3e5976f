// Subnet pools, as Neutron shows them.
import {
  addPrefixes,
  addressScopeOf,
  createSubnetPool,
  deleteSubnetPool,
  refuse,
  removePrefixes,
  type SubnetPool,
  subnetPools,
  type Transaction,
  updateSubnetPool,
} from '#model'
import { find } from '../engine/collection.ts'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import { missing, read } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource, type View } from '../engine/resource.ts'
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
  shared: { type: flag, post: { default: false }, admin: ['write'], show: (p, view) => isShared(p.id, view) },
})

const change =
  (apply: (tx: Transaction, pool: SubnetPool, prefixes: readonly string[]) => SubnetPool) =>
  (tx: Transaction, pool: SubnetPool, body: unknown) => {
    const given = (body as { prefixes?: unknown } | null)?.prefixes
    if (given === undefined) throw missing('prefixes')
    return { prefixes: apply(tx, pool, read(prefixes, given, 'prefixes')).prefixes }
  }

/** A pool goes into an address scope that may be seen; in one of others it stays as it is. */
function requireScope(pool: SubnetPool | undefined, scopeId: string | null | undefined, view: View): void {
  const { reader, context } = view
  if (scopeId) find(addressScopeResource, scopeId, view)
  const current = pool?.addressScopeId
  if (context.isAdmin || !current || addressScopeOf(reader, current).projectId === context.projectId) return
  throw refuse('IllegalSubnetPoolUpdate', {
    reason: `subnetpool ${pool.id} cannot be updated when associated with shared address scope ${current}`,
  })
}

/** The resource `subnetpool`. */
export const subnetPoolResource: Resource = resource<SubnetPool, typeof attributes>({
  name: 'subnetpool',
  plural: 'subnetpools',
  attributes,
  source: recordsOf(subnetPools),
  absent: 'SubnetPoolNotFound',
  grants: ['access_as_shared'],
  quotas: ['subnetpool'],
  standard: true,
  create(tx, body, id, context) {
    requireScope(undefined, body.address_scope_id, { reader: tx, context })
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
    requireScope(pool, body.address_scope_id, { reader: tx, context })
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
