/**
 * BFD with other chassis: out to the one that a patch port stands for, whose number is 0x4000 and the chassis' key.
 *
 * In:   frames from any other port than the patch to br-int and the tunnels; destination_chassis is the number of the port.
 * Out:  tunnel_type.
 */
import { drop, goto, setField } from 'node-openflow/flow'
import { table } from '#compiler'
import { BFD_VNI, chassisPort } from '#model'
import { destinationChassis } from '../registers.ts'
import { tunnelType } from './15-tunnel-type.ts'

const CHASSIS_PORT = 10

/** The bits of a port's number beyond a chassis' key. */
const KIND = 0xffffc000

export const watch = table('watch', {
  bridge: 'br-tun',
  number: 5,
  match: ['reg1'],
  next: [tunnelType],
  miss: drop(),
  drops: { 0: 'unknown_port' },
  fixed: [
    {
      priority: CHASSIS_PORT,
      match: { ...destinationChassis.is(chassisPort(0), KIND) },
      actions: [destinationChassis.set(0, KIND), setField('tun_id', BigInt(BFD_VNI)), goto(tunnelType)],
    },
  ],
})
