/**
 * Parts frames whose receiver was learned from those whose receiver nobody knows.
 *
 * In:   unicast frames for an address that is no port's, after l2_learned had its say.
 * Out:  output when a destination was learned, else flood.
 */
import { goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { destinationPort } from '../registers.ts'
import { flood } from './63-flood.ts'
import { outputTable } from './90-output.ts'

const UNKNOWN = 10

export const l2Unknown = table('l2_unknown', {
  bridge: 'br-int',
  number: 62,
  match: ['reg1'],
  next: [flood, outputTable],
  fixed: [{ priority: UNKNOWN, match: { ...destinationPort.is(0) }, actions: [goto(flood)] }],
  miss: [goto(outputTable)],
})
