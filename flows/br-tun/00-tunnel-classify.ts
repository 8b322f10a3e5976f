/**
 * Parts what leaves the chassis from what arrives.
 *
 * In:   everything that enters br-tun.
 * Out:  frames from br-int to local_vlan, frames from a tunnel to admit. They never meet again: what came out of a tunnel
 *       enters none. All other ports to watch, with their number as destination_chassis.
 */
import { goto, move } from 'node-openflow/flow'
import { table } from '#compiler'
import { PATCH_INT, TUNNEL_PORTS } from '#model/ofports'
import { destinationChassis } from '../registers.ts'
import { watch } from './05-watch.ts'
import { localVlan } from './10-local-vlan.ts'
import { admit } from './30-admit.ts'

const PORT = 10

export const tunnelClassify = table('tunnel_classify', {
  bridge: 'br-tun',
  number: 0,
  match: ['in_port'],
  next: [watch, localVlan, admit],
  miss: [move('in_port', destinationChassis.slice(0, 15)), goto(watch)],
  fixed: [
    { priority: PORT, match: { in_port: PATCH_INT }, actions: [goto(localVlan)] },
    ...Object.values(TUNNEL_PORTS).map(port => ({ priority: PORT, match: { in_port: port }, actions: [goto(admit)] })),
  ],
})
