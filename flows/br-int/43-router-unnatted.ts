/**
 * Forgets by which connection a packet from outside was translated, so that it is judged in the network that it goes to.
 *
 * In:   packets that came from outside, translated.
 * Out:  router_input. Packets that belong to no connection and can begin none are dropped.
 */
import { drop, goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { state } from '../conntrack.ts'
import { routerInput } from './44-router-input.ts'

const INVALID = 10

export const routerUnnatted = table('router_unnatted', {
  bridge: 'br-int',
  number: 43,
  match: ['ct_state'],
  next: [routerInput],
  fixed: [{ priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() }],
  miss: [{ type: 'ct_clear' }, goto(routerInput)],
  drops: { [INVALID]: 'invalid' },
})
