// Words whose meaning hangs on the flow around them. OpenFlow 1.3 and later have no action that adds a VLAN tag only
// where there is none, or that sets the port of whatever protocol comes: as in ovs-ofctl, the match and the actions
// before them say which action is meant.

import type { Action } from '../actions.ts'
import type { FieldName } from '../fields.ts'
import { type Match, VLAN_PRESENT } from '../match.ts'
import { bitsOf } from '../subfield.ts'
import { isMasked } from '../value.ts'

/** The protocols with ports, by their numbers. */
const transports: { readonly [protocol: number]: 'tcp' | 'udp' | 'sctp' } = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

function hasVlan({ vlan_vid: vlan }: Match): boolean {
  if (vlan === undefined) return false
  const [value, mask] = isMasked(vlan) ? [Number(vlan.value), Number(vlan.mask)] : [Number(vlan), VLAN_PRESENT]
  return (value & mask & VLAN_PRESENT) !== 0
}

/** Whether there is a tag after what writes vlan_tci with the bit that says so; undefined for what does not. */
function tagWritten(action: Extract<Action, { readonly type: 'set_field' | 'load' }>): boolean | undefined {
  let [value, mask] = [0, 0]
  if (action.type === 'set_field') {
    if (action.field === 'vlan_tci') [value, mask] = [Number(action.value), Number(action.mask ?? 0xffff)]
  } else {
    const { field, offset, count } = bitsOf(action.dst)
    if (field.name === 'vlan_tci') [value, mask] = [Number(action.value) << offset, ((1 << count) - 1) << offset]
  }
  return (mask & VLAN_PRESENT) === 0 ? undefined : (value & VLAN_PRESENT) !== 0
}

/** The actions of a flow as they are meant under its match. */
export function settle(actions: readonly Action[], match: Match): Action[] {
  const { nw_proto: protocol } = match
  const transport = typeof protocol === 'number' ? transports[protocol] : undefined
  return settleList(actions, hasVlan(match), transport)
}

function settleList(actions: readonly Action[], tagged: boolean, transport: 'tcp' | 'udp' | 'sctp' | undefined) {
  let isTagged = tagged
  return actions.map((action): Action => {
    switch (action.type) {
      case 'push_vlan':
        isTagged = true
        return action
      case 'pop_vlan':
        isTagged = false
        return action
      case 'set_field':
      case 'load':
        isTagged = tagWritten(action) ?? isTagged
        return action
      case 'set_vlan_vid':
      case 'set_vlan_pcp': {
        const { push: _, ...plain } = action
        const settled = isTagged ? (plain as Action) : action
        if (action.push) isTagged = true
        return settled
      }
      case 'mod_tp_src':
      case 'mod_tp_dst': {
        if (!transport) return action
        const field: FieldName = `${transport}_${action.type === 'mod_tp_src' ? 'src' : 'dst'}`
        return { type: 'set_field', field, value: action.port }
      }
      case 'clone':
      case 'write_actions':
        return { ...action, actions: settleList(action.actions, isTagged, transport) }
      default:
        return action
    }
  })
}
