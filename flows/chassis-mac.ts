// The MAC from which a chassis sends, on a physical network, what its routers route there. A router is on every chassis: with
// a MAC of its own there, the physical switches would see it now at one port, now at another.
import { createHash } from 'node:crypto'
import { type Masked, masked } from 'node-openflow/flow'

const octets = (...bytes: readonly number[]) => bytes.map(byte => byte.toString(16).padStart(2, '0')).join(':')

/** Locally administered; the first two octets of a hash say which physical network it is. */
const prefixOf = (physicalNetwork: string) => [
  0x0a,
  ...createHash('sha256').update(physicalNetwork).digest().subarray(0, 2),
]

/** The MAC of a chassis (its key: 16 bits) on a physical network. */
export const chassisMac = (physicalNetwork: string, key: number): string =>
  octets(...prefixOf(physicalNetwork), 0, key >> 8, key & 255)

/** The MACs of all chassis on a physical network. */
export const anyChassisMac = (physicalNetwork: string): Masked<string> =>
  masked(octets(...prefixOf(physicalNetwork), 0, 0, 0), 'ff:ff:ff:ff:00:00')
