/**
 * A copy to a port of this chassis.
 *
 * In:   by resubmit, a copy with the receiver's OpenFlow port; its policy has been asked.
 * Out:  that port, if the policy allows it. Open vSwitch sends nothing back to where it came from.
 */
import { drop, output } from 'node-openflow/flow'
import { table } from '#compiler'
import { allowed, localPort } from '../registers.ts'

const ALLOWED = 10

export const floodOutput = table('flood_output', {
  bridge: 'br-int',
  number: 66,
  match: ['reg2'],
  fixed: [{ priority: ALLOWED, match: allowed.is(1), actions: [output(localPort.part)] }],
  miss: drop(),
  drops: { 0: 'copy_not_allowed' },
})
