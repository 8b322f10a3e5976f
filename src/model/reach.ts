// Over which segment a chassis reaches a network.
import type { Chassis } from './chassis.ts'
import type { Segment } from './network.ts'

/** What of a chassis says which networks it reaches. */
export type Reach = Pick<Chassis, 'tunnelIp' | 'tunnelTypes' | 'providerPorts'>

/** The segment over which a chassis reaches a network: the first that it has the means for; undefined when none. */
export const segmentAt = (segments: readonly Segment[], at: Reach): Segment | undefined =>
  segments.find(({ networkType: type, physicalNetwork }) => {
    if (type === 'local') return true
    if (type === 'vlan' || type === 'flat') return at.providerPorts[physicalNetwork ?? ''] !== undefined
    return at.tunnelIp !== '' && at.tunnelTypes.includes(type)
  })
