/**
 * Forgets by which connection a packet from outside was translated, so that it is judged in the network that it goes to. For the
 * firewall of the router it is noted in which direction of the connection the packet goes.
 *
 * In:   packets that came from outside, translated.
 * Out:  router_input. Packets that belong to no connection and can begin none are dropped.
 */
import { drop, goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { state } from '../conntrack.ts'
import { related, WAY, way } from '../registers.ts'
import { routerInput } from './44-router-input.ts'

const INVALID = 30
const RELATED = 20
const REPLY = 10

const clear = { type: 'ct_clear' } as const

export const routerUnnatted = table('router_unnatted', {
  bridge: 'br-int',
  number: 43,
  match: ['ct_state'],
  next: [routerInput],
  fixed: [
    { priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() },
    ...[WAY.original, WAY.reply].map(is => ({
      priority: RELATED,
      match: state({ trk: true, rel: true, rpl: is === WAY.reply }),
      actions: [related.set(1), way.set(is), clear, goto(routerInput)],
    })),
    {
      priority: REPLY,
      match: state({ trk: true, rpl: true }),
      actions: [way.set(WAY.reply), clear, goto(routerInput)],
    },
  ],
  miss: [way.set(WAY.original), clear, goto(routerInput)],
  drops: { [INVALID]: 'invalid' },
})
