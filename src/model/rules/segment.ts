// Segments: which number carries a network on the wire, and how large a packet fits.
import type { Pool } from '../kind.ts'
import type { NetworkType, Segment } from '../network.ts'
import { refuse } from '../refusal.ts'
import { BFD_VNI, TRANSIT_VNI } from '../reserved.ts'
import { PoolExhausted, type Transaction, UniqueKeyTaken } from '../transaction.ts'

/** What a deployment decides about new networks. */
export interface NetworkSettings {
  /** The type of a network for which none is asked. */
  readonly defaultType: NetworkType
  /** The MTU of the physical networks and of the underlay, in bytes. */
  readonly physicalMtu: number
  /** The address family of the VTEPs; its header counts. */
  readonly underlay: 4 | 6
  /** The physical network of a vlan network for which none is asked. */
  readonly defaultPhysicalNetwork?: string
}

/** The settings of an installation that says nothing. */
export const defaultNetworkSettings: NetworkSettings = { defaultType: 'vxlan', physicalMtu: 1500, underlay: 4 }

/** A segment as asked for: what is left out is chosen. */
export interface SegmentRequest {
  readonly networkType: NetworkType
  readonly physicalNetwork?: string | undefined
  readonly segmentationId?: number | undefined
}

/** The highest VNIs are reserved. */
const vnis: Omit<Pool, 'name'> = { first: 1, last: TRANSIT_VNI - 1 }

/** GRE keys are numbers of tunnels too, and there are greater ones. */
const isReserved = (id: number) => id === TRANSIT_VNI || id === BFD_VNI

/** How each type numbers its segments, whether it needs a physical network, and what it adds to a packet besides the IP header. */
const types: Readonly<Record<NetworkType, { pool?: Pool; physical: boolean; encapsulation?: number }>> = {
  vxlan: { pool: { name: 'vxlan', ...vnis }, physical: false, encapsulation: 30 },
  geneve: { pool: { name: 'geneve', ...vnis }, physical: false, encapsulation: 30 },
  gre: { pool: { name: 'gre', first: 1, last: 0xffffffff }, physical: false, encapsulation: 22 },
  vlan: { pool: { name: 'vlan', first: 1, last: 4094 }, physical: true },
  // one untagged network per physical network: a pool of one number
  flat: { pool: { name: 'flat', first: 0, last: 0 }, physical: true },
  local: { physical: false },
}

/** The pools that segments are numbered from. */
export const segmentPools: readonly Pool[] = Object.values(types).flatMap(({ pool }) => (pool ? [pool] : []))

/** Whether a text names a network type. */
export const isNetworkType = (text: string): text is NetworkType => Object.hasOwn(types, text)

/** Chooses or takes the number of a segment. */
export function takeSegment(tx: Transaction, request: SegmentRequest, settings: NetworkSettings): Segment {
  const { networkType, segmentationId } = request
  const { pool, physical } = types[networkType]
  const invalid = (message: string) => refuse('InvalidInput', { message })
  if (!physical && request.physicalNetwork !== undefined)
    throw invalid(`provider:physical_network specified for ${networkType} network`)
  const physicalNetwork =
    request.physicalNetwork ?? (physical && segmentationId === undefined ? settings.defaultPhysicalNetwork : undefined)
  if (physical && physicalNetwork === undefined)
    throw invalid(`physical_network required for ${networkType} provider network`)
  const where = physicalNetwork === undefined ? {} : { physicalNetwork }
  if (pool === undefined || networkType === 'flat') {
    if (segmentationId !== undefined) throw invalid(`segmentation_id prohibited for ${networkType} provider network`)
    if (pool) take(tx, networkType, pool, 0, physicalNetwork)
    return { networkType, ...where }
  }
  if (segmentationId === undefined) {
    try {
      // A reserved number stays taken, so that it comes once at most.
      let id = tx.allocate(pool, physicalNetwork)
      while (isReserved(id)) id = tx.allocate(pool, physicalNetwork)
      return { networkType, ...where, segmentationId: id }
    } catch (error) {
      throw error instanceof PoolExhausted ? refuse('NoNetworkAvailable', {}) : error
    }
  }
  if (segmentationId < pool.first || segmentationId > pool.last)
    throw invalid(`segmentation_id out of range (${pool.first} through ${pool.last})`)
  if (isReserved(segmentationId))
    throw invalid(`segmentation_id ${segmentationId} is reserved for traffic between chassis; choose another`)
  take(tx, networkType, pool, segmentationId, physicalNetwork)
  return { networkType, ...where, segmentationId }
}

function take(tx: Transaction, type: NetworkType, pool: Pool, id: number, physicalNetwork = ''): void {
  try {
    tx.take(pool, id, physicalNetwork === '' ? undefined : physicalNetwork)
  } catch (error) {
    if (!(error instanceof UniqueKeyTaken)) throw error
    if (type === 'flat') throw refuse('FlatNetworkInUse', { physicalNetwork })
    throw type === 'vlan' ? refuse('VlanIdInUse', { vlan: id, physicalNetwork }) : refuse('TunnelIdInUse', { id })
  }
}

/** Gives a segment's number back. */
export function releaseSegment(tx: Transaction, segment: Segment): void {
  const { pool } = types[segment.networkType]
  if (pool) tx.release(pool, segment.segmentationId ?? 0, segment.physicalNetwork)
}

/** The largest packet that fits through every one of the segments. */
export const largestMtu = (segments: readonly Segment[], settings: NetworkSettings): number =>
  Math.min(
    ...segments.map(({ networkType }) => {
      const { encapsulation } = types[networkType]
      return (
        settings.physicalMtu - (encapsulation === undefined ? 0 : encapsulation + (settings.underlay === 4 ? 20 : 40))
      )
    }),
  )
