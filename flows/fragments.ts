// Later fragments of packets: those that have no ports.
import { type Masked, masked } from 'node-openflow/flow'
import { ipProtocols } from '#model'

/** A match on later fragments, of which Open vSwitch has this bit set (ovs-fields(7), ip_frag). */
export const LATER_FRAGMENTS: { readonly ip_frag: Masked<number> } = { ip_frag: masked(2, 2) }

/** The protocol of later fragments: with IPv6, Open vSwitch takes that of the fragment header for it. */
export const laterProtocol = (protocol: number, v6: boolean): number => (v6 ? ipProtocols['ipv6-frag'] : protocol)
