/**
 * A copy to a port of this chassis that is in a firewall group.
 *
 * In:   by resubmit, a copy that security groups allow, with the receiver's OpenFlow port; its firewall group has been asked.
 * Out:  that port, if the group allows it.
 */
import { drop, output } from 'node-openflow/flow'
import { table } from '#compiler'
import { allowed, localPort } from '../registers.ts'

const ALLOWED = 10

export const floodGuarded = table('flood_guarded', {
  bridge: 'br-int',
  number: 67,
  match: ['reg2'],
  fixed: [{ priority: ALLOWED, match: allowed.is(1), actions: [output(localPort.part)] }],
  miss: drop(),
  drops: { 0: 'copy_not_allowed' },
})
