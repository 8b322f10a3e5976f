/**
 * Parts frames whose receiver was learned from those whose receiver nobody knows.
 *
 * In:   unicast frames for an address that is no port's, after l2_learned had its say.
 * Out:  receiver when a destination was learned, else flood_conntrack.
 */
import { goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { destinationPort } from '../registers.ts'
import { floodConntrack } from './63-flood-conntrack.ts'
import { receiver } from './65-receiver.ts'

const UNKNOWN = 10

export const l2Unknown = table('l2_unknown', {
  bridge: 'br-int',
  number: 62,
  match: ['reg1'],
  next: [floodConntrack, receiver],
  fixed: [{ priority: UNKNOWN, match: destinationPort.is(0), actions: [goto(floodConntrack)] }],
  miss: [goto(receiver)],
})
