// OpenFlow port numbers that are the same on every chassis, by `ofport_request`, so that shared flows may name them.
import type { TunnelType } from './chassis.ts'

/** On br-int: the patch port to br-tun. */
export const PATCH_TUN = 1

/**
 * On both bridges: the patch port that stands for the chassis of a key (14 bits). BFD with that chassis runs on the one of
 * br-int; see docs/decisions/0015.
 */
export const chassisPort = (key: number): number => 0x4000 + key

/** On br-tun: the patch port to br-int. */
export const PATCH_INT = 1

/** On br-tun: the flow-keyed tunnel port of each type. */
export const TUNNEL_PORTS: Readonly<Record<TunnelType, number>> = { vxlan: 2, gre: 3, geneve: 4 }
