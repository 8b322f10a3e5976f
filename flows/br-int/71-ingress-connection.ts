/**
 * Finds out whether the connection of what a port receives is its own: the label names it where the receiver stands.
 *
 * In:   tracked packets for local ports.
 * Out:  ingress_policy, with known set or not. Invalid ones are dropped.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { connectionDrops, findOwner } from '../judging.ts'
import { destinationPort } from '../registers.ts'
import { ingressPolicy } from './72-ingress-policy.ts'
import { connectionOwner } from './100-connection-owner.ts'

export const ingressConnection = table('ingress_connection', {
  bridge: 'br-int',
  number: 71,
  match: ['ct_state'],
  next: [ingressPolicy, connectionOwner],
  fixed: findOwner(destinationPort, false, ingressPolicy),
  miss: drop(),
  drops: connectionDrops,
})
