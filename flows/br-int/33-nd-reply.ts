/**
 * Completes a neighbour advertisement: its option, which can be set only once the packet is an advertisement.
 *
 * In:   what nd_responder made of a solicitation.
 * Out:  the advertisement (solicited, override; from a router if it is one's), to answer.
 */
import { drop, goto, icmp6, move, setField } from 'node-openflow/flow'
import { table } from '#compiler'
import { NEIGHBOR_ADVERTISEMENT } from '../neighbor-discovery.ts'
import { foundRouter } from '../registers.ts'
import { answer } from './91-answer.ts'

const TARGET_LINK_LAYER_ADDRESS = 2
/** The flags solicited and override, in the word before the target address; and router, bit 31. */
const SOLICITED_OVERRIDE = 0x60000000
const ROUTER = 0x80000000

const COMPLETE = 10

export const ndReply = table('nd_reply', {
  bridge: 'br-int',
  number: 33,
  match: ['reg2', 'eth_type', 'nw_proto', 'icmpv6_type'],
  next: [answer],
  miss: drop(),
  fixed: [0, 1].map(isRouter => ({
    priority: COMPLETE,
    match: icmp6({ ...foundRouter.is(isRouter), icmpv6_type: NEIGHBOR_ADVERTISEMENT }),
    actions: [
      setField('nd_reserved', SOLICITED_OVERRIDE + isRouter * ROUTER),
      setField('nd_options_type', TARGET_LINK_LAYER_ADDRESS),
      move('eth_src', 'nd_tll'),
      goto(answer),
    ],
  })),
})
