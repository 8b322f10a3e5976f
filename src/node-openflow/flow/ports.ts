// Reserved ports (OpenFlow 1.5.1, 7.2.1), the same numbers in every version and action.

/** OFPP_IN_PORT: the port that the packet came in. */
export const IN_PORT = 0xfffffff8
/** OFPP_TABLE, in packet-outs: the flow tables. */
export const TABLE = 0xfffffff9
/** OFPP_NORMAL: as a bridge without OpenFlow would. */
export const NORMAL = 0xfffffffa
/** OFPP_FLOOD: all ports but the one it came in and those that are not for flooding. */
export const FLOOD = 0xfffffffb
/** OFPP_ALL: all ports but the one it came in. */
export const ALL = 0xfffffffc
/** OFPP_CONTROLLER. */
export const CONTROLLER = 0xfffffffd
/** OFPP_LOCAL: the bridge's own port. */
export const LOCAL = 0xfffffffe
/** OFPP_NONE: no port. */
export const NONE = 0xffffffff
