/**
 * Into the tunnel to a chassis. A chassis whose VTEP moved is one flow here, on every chassis the same.
 *
 * In:   frames with the receiving chassis' key, tun_id and the tunnel port.
 * Out:  the tunnel; nothing for the own chassis.
 *
 *   table=22, priority=10,reg1=0x1 actions=set_field:192.0.2.1->tun_dst,output:NXM_NX_REG2[]
 */
import { drop, output, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { chassis } from '#model'
import { isV6 } from '../addresses.ts'
import { chassisFacts } from '../facts.ts'
import { destinationChassis, tunnelPort } from '../registers.ts'

const SELF = 20
const PEER = 10

export const vtep = table('vtep', {
  bridge: 'br-tun',
  number: 22,
  match: ['reg1'],
  miss: drop(),
  drops: { [SELF]: 'own_copy', 0: 'unknown_vtep' },
  rules: [
    each(chassis, {
      scope: 'fabric',
      rows: ({ id }, view) => {
        const facts = view.value(chassisFacts, id)
        return facts?.tunnelIp ? [{ in: '', chassis: facts.key, vtep: facts.tunnelIp }] : []
      },
      example: { in: '', chassis: 1, vtep: '192.0.2.1' },
      flow: row => ({
        priority: PEER,
        match: destinationChassis.is(row.chassis),
        actions: [setField(isV6(row.vtep) ? 'tun_ipv6_dst' : 'tun_dst', row.vtep), output(tunnelPort.part)],
      }),
    }),
    each(chassis, {
      scope: 'chassis',
      rows: ({ id, key }) => [{ in: id, chassis: key }],
      example: { in: 'host1', chassis: 1 },
      flow: row => ({ priority: SELF, match: destinationChassis.is(row.chassis), actions: drop() }),
    }),
  ],
})
