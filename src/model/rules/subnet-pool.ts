// How subnet pools may be made, changed and removed, and how prefixes are cut from them.
import { type AddressScope, addressScopeOf } from '../address-scope.ts'
import { bitsOf, contains, formatPrefix, type IpVersion, overlap, type Prefix, parsePrefix, prefixAt } from '../ip.ts'
import { networkOf } from '../network.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import { subnets } from '../subnet.ts'
import { type SubnetPool, subnetPools } from '../subnet-pool.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { grantToAll } from './rbac.ts'

/** A subnet pool to be made; the id is the caller's. */
export interface SubnetPoolRequest
  extends Omit<SubnetPool, 'ipVersion' | 'defaultPrefixLength' | 'minPrefixLength' | 'maxPrefixLength'> {
  readonly description: string
  readonly shared: boolean
  readonly defaultPrefixLength?: number | undefined
  readonly minPrefixLength?: number | undefined
  readonly maxPrefixLength?: number | undefined
}

/** What may change of a subnet pool. */
export type SubnetPoolChange = Changes<Omit<SubnetPoolRequest, 'id' | 'projectId' | 'shared'>>

/** Makes a subnet pool. */
export function createSubnetPool(tx: Transaction, request: SubnetPoolRequest): SubnetPool {
  const { description, shared, defaultPrefixLength, minPrefixLength, maxPrefixLength, ...rest } = request
  if (request.prefixes.length === 0) throw refuse('EmptySubnetPoolPrefixList', {})
  const prefixes = join(request.prefixes.map(p => parsePrefix(p)!))
  const ipVersion = prefixes[0]!.version
  if (prefixes.some(p => p.version !== ipVersion)) throw refuse('PrefixVersionMismatch', {})
  const min = minPrefixLength ?? (ipVersion === 4 ? 8 : 64)
  const pool: SubnetPool = {
    ...rest,
    ipVersion,
    prefixes: prefixes.map(formatPrefix),
    minPrefixLength: min,
    maxPrefixLength: maxPrefixLength ?? bitsOf(ipVersion),
    defaultPrefixLength: defaultPrefixLength ?? min,
  }
  requireBounds(pool)
  if (pool.addressScopeId !== null) requireScope(tx, pool, addressScopeOf(tx, pool.addressScopeId))
  requireOneDefault(tx, pool)
  add(tx, subnetPools, pool, description)
  if (shared) grantToAll(tx, 'subnetpool', pool, 'access_as_shared')
  return pool
}

/** Changes a subnet pool. Its prefixes may only grow. */
export function updateSubnetPool(
  tx: Transaction,
  pool: SubnetPool,
  { description, ...rest }: SubnetPoolChange,
): SubnetPool {
  const prefixes = rest.prefixes === undefined ? undefined : join(rest.prefixes.map(p => parsePrefix(p)!))
  if (prefixes) {
    if (prefixes.some(p => p.version !== pool.ipVersion)) throw refuse('PrefixVersionMismatch', {})
    if (!pool.prefixes.every(old => prefixes.some(p => contains(p, parsePrefix(old)!))))
      throw refuse('IllegalSubnetPoolPrefixUpdate', {
        message: 'Existing prefixes must be a subset of the new prefixes',
      })
  }
  const after: SubnetPool = { ...changed(pool, rest), prefixes: prefixes?.map(formatPrefix) ?? pool.prefixes }
  requireBounds(after)
  if (after.addressScopeId !== pool.addressScopeId) {
    if (after.addressScopeId !== null) addressScopeOf(tx, after.addressScopeId)
    requireWholeNetworks(tx, pool)
  }
  if (after.addressScopeId !== null) requireScope(tx, after, addressScopeOf(tx, after.addressScopeId))
  if (!pool.isDefault) requireOneDefault(tx, after)
  return change(tx, subnetPools, after, description)
}

/** Removes a subnet pool that no subnet was cut from. */
export function deleteSubnetPool(tx: Transaction, pool: SubnetPool): void {
  if (tx.countBy(subnets, 'pool', pool.id) > 0)
    throw refuse('SubnetPoolDeleteError', { reason: 'Subnet pool has existing allocations' })
  drop(tx, subnetPools, pool.id)
}

/** Adds prefixes to a pool. */
export function addPrefixes(tx: Transaction, pool: SubnetPool, added: readonly string[]): SubnetPool {
  return updateSubnetPool(tx, pool, { prefixes: [...pool.prefixes, ...added] })
}

/** Takes prefixes that no subnet uses out of a pool. */
export function removePrefixes(tx: Transaction, pool: SubnetPool, removed: readonly string[]): SubnetPool {
  const gone = removed.map(p => parsePrefix(p)!)
  for (const subnet of tx.by(subnets, 'pool', pool.id))
    if (gone.some(p => overlap(p, parsePrefix(subnet.cidr)!)))
      throw refuse('IllegalSubnetPoolPrefixUpdate', { message: `${subnet.cidr} is in use by subnet ${subnet.id}` })
  const left = gone.reduce(
    (all, p) => all.flatMap(q => without(q, p)),
    pool.prefixes.map(p => parsePrefix(p)!),
  )
  if (left.length === 0) throw refuse('EmptySubnetPoolPrefixList', {})
  return change(tx, subnetPools, { ...pool, prefixes: join(left).map(formatPrefix) })
}

/** Cuts a prefix from a pool: a given one, or the first free one of a length. */
export function takePrefix(
  tx: Reader,
  pool: SubnetPool,
  projectId: string,
  cidr: string | undefined,
  length: number | undefined,
): Prefix {
  const asked = cidr === undefined ? undefined : parsePrefix(cidr)!
  if (asked && length !== undefined)
    throw refuse('BadRequest', { resource: 'subnets', message: 'cidr and prefixlen must not be supplied together' })
  const wanted = asked?.length ?? length ?? pool.defaultPrefixLength
  if (wanted < pool.minPrefixLength)
    throw refuse('MinPrefixSubnetAllocationError', { length: wanted, limit: pool.minPrefixLength })
  if (wanted > pool.maxPrefixLength)
    throw refuse('MaxPrefixSubnetAllocationError', { length: wanted, limit: pool.maxPrefixLength })
  const used = Array.from(tx.by(subnets, 'pool', pool.id), s => ({ prefix: parsePrefix(s.cidr)!, owner: s.projectId }))
  requireQuota(
    pool,
    wanted,
    used.filter(u => u.owner === projectId).map(u => u.prefix),
  )
  const taken = used.map(u => u.prefix).sort((a, b) => (a.first < b.first ? -1 : 1))
  if (asked) {
    const isInside = pool.prefixes.some(p => contains(parsePrefix(p)!, asked))
    if (isInside && !taken.some(t => overlap(t, asked))) return asked
    throw refuse('SubnetAllocationError', {
      reason: 'Cannot allocate requested subnet from the available set of prefixes',
    })
  }
  for (const p of pool.prefixes) {
    const free = firstFree(parsePrefix(p)!, wanted, taken)
    if (free) return free
  }
  throw refuse('SubnetAllocationError', { reason: `Insufficient prefix space to allocate subnet size /${wanted}` })
}

/** The first aligned prefix of a length inside `within` that overlaps none of `taken`, which is sorted. */
function firstFree(within: Prefix, length: number, taken: readonly Prefix[]): Prefix | undefined {
  if (length < within.length) return undefined
  const size = 1n << BigInt(bitsOf(within.version) - length)
  const from = (value: bigint) => prefixAt({ version: within.version, value: value + size - 1n }, length)!
  let candidate = from(within.first)
  for (const t of taken) {
    if (t.last < candidate.first) continue
    if (t.first > candidate.last) break
    candidate = from(t.last + 1n)
  }
  return candidate.last <= within.last ? candidate : undefined
}

/** A quota counts addresses in IPv4 and /64s in IPv6. */
function requireQuota(pool: SubnetPool, length: number, used: readonly Prefix[]): void {
  if (pool.defaultQuota === null || pool.defaultQuota === 0) return
  const unit = pool.ipVersion === 4 ? 32 : 64
  const sizeOf = (n: number) => 2 ** (unit - n)
  const total = used.reduce((sum, p) => sum + sizeOf(p.length), 0) + sizeOf(length)
  if (total > pool.defaultQuota) throw refuse('SubnetPoolQuotaExceeded', {})
}

function requireBounds(pool: SubnetPool): void {
  const { minPrefixLength: min, maxPrefixLength: max, defaultPrefixLength: usual, ipVersion } = pool
  const bound = (type: string, length: number, baseType: string, baseLength: number) =>
    refuse('IllegalSubnetPoolPrefixBounds', { type, length, baseType, baseLength })
  const least = ipVersion === 4 ? 8 : 1
  if (min < least) throw refuse('UnsupportedMinSubnetPoolPrefix', { prefix: min, version: ipVersion })
  if (max > bitsOf(ipVersion)) throw bound('max_prefixlen', max, 'ip_version_max', bitsOf(ipVersion))
  if (min > max) throw bound('min_prefixlen', min, 'max_prefixlen', max)
  if (usual < min) throw bound('default_prefixlen', usual, 'min_prefixlen', min)
  if (usual > max) throw bound('default_prefixlen', usual, 'max_prefixlen', max)
}

function requireOneDefault(tx: Transaction, pool: SubnetPool): void {
  if (!pool.isDefault) return
  const other = defaultSubnetPool(tx, pool.ipVersion)
  if (other && other.id !== pool.id)
    throw refuse('InvalidInput', {
      message: `A default subnetpool for this IP family has already been set. Only one default may exist per IP family`,
    })
}

/** The default subnet pool of an IP version. */
export const defaultSubnetPool = (reader: Reader, version: IpVersion): SubnetPool | undefined =>
  reader.holder(subnetPools, `default ${version}`)

/** Pools of one scope share no address. */
function requireScope(tx: Transaction, pool: SubnetPool, scope: AddressScope): void {
  if (scope.ipVersion !== pool.ipVersion)
    throw refuse('IllegalSubnetPoolIpVersionAssociationToAddressScope', {
      pool: pool.id,
      scope: scope.id,
      version: scope.ipVersion,
    })
  for (const other of tx.by(subnetPools, 'scope', scope.id)) {
    if (other.id === pool.id) continue
    for (const theirs of other.prefixes)
      if (pool.prefixes.some(ours => overlap(parsePrefix(ours)!, parsePrefix(theirs)!)))
        throw refuse('AddressScopePrefixConflict', {})
  }
}

/** A pool may change its scope only if no network would be left with two. */
function requireWholeNetworks(tx: Transaction, pool: SubnetPool): void {
  for (const subnet of tx.by(subnets, 'pool', pool.id)) {
    const network = networkOf(tx, subnet.networkId)
    for (const other of tx.by(subnets, 'network', network.id))
      if (other.ipVersion === pool.ipVersion && other.subnetPoolId !== pool.id)
        throw refuse('IllegalSubnetPoolUpdate', {
          reason: `network ${network.id} has subnets of other subnet pools, whose address scope would differ`,
        })
  }
}

/** What is left of `from` without `gone`. */
function without(from: Prefix, gone: Prefix): Prefix[] {
  if (!overlap(from, gone)) return [from]
  if (contains(gone, from)) return []
  const half = from.length + 1
  const low = prefixAt({ version: from.version, value: from.first }, half)!
  const high = prefixAt({ version: from.version, value: low.last + 1n }, half)!
  return [...without(low, gone), ...without(high, gone)]
}

/** The fewest prefixes for the same addresses, in order. */
function join(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = prefixes.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.length - b.length))
  const joined: Prefix[] = []
  for (const next of sorted) {
    const last = joined.at(-1)
    if (last && contains(last, next)) continue
    joined.push(next)
    for (;;) {
      const [a, b] = joined.slice(-2)
      if (!a || !b || a.version !== b.version || a.length !== b.length || a.length === 0) break
      const both = prefixAt({ version: a.version, value: a.first }, a.length - 1)!
      if (both.first !== a.first || both.last !== b.last) break
      joined.splice(-2, 2, both)
    }
  }
  return joined
}
