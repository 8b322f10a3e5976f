// What neighbour discovery (RFC 4861 section 4) is recognised by, as matches want it.

/** ICMPv6 types. */
export const ROUTER_ADVERTISEMENT = 134
export const NEIGHBOR_SOLICITATION = 135
export const NEIGHBOR_ADVERTISEMENT = 136

/** What Open vSwitch has in nd_sll and nd_tll when the option is absent. */
export const NO_OPTION = '00:00:00:00:00:00'
