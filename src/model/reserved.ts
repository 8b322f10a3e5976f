// Numbers of frames that belong to no network: what chassis send to gateways, and how they watch each other. See
// docs/decisions/0015.

/** VLAN between br-int and br-tun of what goes to another chassis' gateway. Local VLANs end before it. */
export const TRANSIT_VLAN = 4095

/** VNI (GRE key) of the same in a tunnel. */
export const TRANSIT_VNI = 0xfffffd

/** VNI (GRE key) of BFD between chassis. */
export const BFD_VNI = 0xfffffe
