/**
 * Who has an address of an external network that the model does not know: hosts and routers outside, as external_learn
 * found them. Its flows are made by the switch and bear a cookie mark of their own; all but those of the gateways of subnets go
 * when idle.
 *
 * In:   by resubmit, a network and an address on it; found is 0.
 * Out:  back, with the MAC and found set when the address was learned; such a host is behind the uplink.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'

export const learnedNeighbor = table('learned_neighbor', {
  bridge: 'br-int',
  number: 103,
  match: [],
  miss: drop(),
})
