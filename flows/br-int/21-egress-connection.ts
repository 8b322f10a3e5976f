/**
 * Finds out whether the connection of what a port sends is its own: the label names it where the sender stands.
 *
 * In:   tracked packets of local ports.
 * Out:  egress_policy, with known set or not. Invalid ones are dropped.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { connectionDrops, findOwner } from '../judging.ts'
import { sourcePort } from '../registers.ts'
import { egressPolicy } from './22-egress-policy.ts'
import { connectionOwner } from './100-connection-owner.ts'

export const egressConnection = table('egress_connection', {
  bridge: 'br-int',
  number: 21,
  match: ['ct_state'],
  next: [egressPolicy, connectionOwner],
  fixed: findOwner(sourcePort, true, egressPolicy),
  miss: drop(),
  drops: connectionDrops,
})
