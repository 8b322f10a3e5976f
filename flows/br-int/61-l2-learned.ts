/**
 * Addresses that the model does not know, as `learn` found them: behind ports without port security (nested VMs, VRRP
 * MACs) and on provider networks (foreign hosts). Its flows are made by the switch, bear a cookie mark of their own,
 * and go when idle.
 *
 * In:   by resubmit, unicast frames for an address that is no port's.
 * Out:  back to l2_lookup, with the destination port key set when the address was learned.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'

export const l2Learned = table('l2_learned', {
  bridge: 'br-int',
  number: 61,
  match: [],
  miss: drop(),
})
