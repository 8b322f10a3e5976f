/**
 * Lets a gateway have what is sent to it where it is. A chassis that stands by takes nothing from outside: what the physical
 * network floods, it would send on a second time.
 *
 * In:   frames for the MAC of a gateway, or of a floating IP that is there, and the place of the gateway.
 * Out:  router_unnat, where that is this chassis. Elsewhere what a router sends leaves the chassis, and what a local port sends
 *       goes to l2_lookup.
 *
 *   table=41, priority=20,reg3=0x40010000/0xffff0000
 *   actions=resubmit(,101),ct_clear,set_field:0/0x400->reg2,set_field:0/0x20000->reg2,set_field:0/0x2b00000->reg2,goto_table:42
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { eachGatewayChassis } from '../gateway-rules.ts'
import { gateway, ORIGIN, origin } from '../registers.ts'
import { enterRouter, leaveRouter } from '../routers.ts'
import { routerUnnat } from './42-router-unnat.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { receiver } from './65-receiver.ts'
import { commitTable } from './101-commit.ts'

const HERE = 20
const ELSEWHERE = 10

export const gatewayAdmission = table('gateway_admission', {
  bridge: 'br-int',
  number: 41,
  match: ['reg2', 'reg3'],
  next: [routerUnnat, l2Lookup, receiver, commitTable],
  miss: drop(),
  drops: { 0: 'standby' },
  fixed: [
    { priority: ELSEWHERE, match: origin.is(ORIGIN.router), actions: [...leaveRouter, goto(receiver)] },
    { priority: ELSEWHERE, match: origin.is(ORIGIN.local), actions: [goto(l2Lookup)] },
  ],
  rules: [
    eachGatewayChassis(({ here }) => ({
      priority: HERE,
      match: gateway.is(here),
      actions: [resubmit({ table: commitTable }), ...enterRouter, goto(routerUnnat)],
    })),
  ],
})
