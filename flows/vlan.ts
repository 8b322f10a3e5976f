// VLAN tags as matches and actions want them (OpenFlow 1.5 section 7.2.3.7).
import { type Action, masked, popVlan, pushVlan, setField } from 'node-openflow/flow'

/** vlan_vid of a frame without a tag. */
export const UNTAGGED = 0

/** vlan_vid of a frame with this VLAN id: with the bit that says that there is a tag. */
export const tagged = (vlan: number): number => 0x1000 | vlan

/** vlan_vid of any frame with a tag. */
export const TAGGED = masked(0x1000, 0x1000)

/** vlan_vid of a frame on this VLAN; 0 is that without a tag. */
export const vidOf = (vlan: number): number => (vlan === 0 ? UNTAGGED : tagged(vlan))

/** Takes the tag off a frame on this VLAN. */
export const popTag = (vlan: number): readonly Action[] => (vlan === 0 ? [] : [popVlan()])

/** Puts a frame on this VLAN (IEEE 802.1Q). */
export const pushTag = (vlan: number): readonly Action[] =>
  vlan === 0 ? [] : [pushVlan(0x8100), setField('vlan_vid', tagged(vlan))]
