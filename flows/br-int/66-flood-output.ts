/**
 * A copy to a port of this chassis.
 *
 * In:   by resubmit, a copy with the receiver's OpenFlow port; its policy has been asked.
 * Out:  that port, if the policy allows it. Open vSwitch sends nothing back to where it came from. The firewall group of a
 *       port that is in one is asked first; what it says does not hold for the next copy.
 *
 *   table=66, priority=20,reg2=0x200/0x200,reg15=0x65
 *   actions=set_field:0x3->reg12,set_field:0x100000/0x300000->reg2,set_field:0/0x2000000->reg2,resubmit(,116),resubmit(,67),
 *   set_field:0x200/0x200->reg2
 */
import { drop, output, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { activePort } from '../facts.ts'
import { allowed, firewall, localPort, related, WAY, way } from '../registers.ts'
import { floodGuarded } from './67-flood-guarded.ts'
import { firewallGroup } from './116-firewall-group.ts'

const GUARDED = 20
const ALLOWED = 10

export const floodOutput = table('flood_output', {
  bridge: 'br-int',
  number: 66,
  match: ['reg2', 'reg15'],
  next: [floodGuarded, firewallGroup],
  fixed: [{ priority: ALLOWED, match: allowed.is(1), actions: [output(localPort.part)] }],
  miss: drop(),
  drops: { 0: 'copy_not_allowed' },
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const guard = activePort(binding, view)?.firewall
        return guard === undefined ? [] : [{ in: binding.chassis, ofport: binding.ofport, group: guard.key }]
      },
      example: { in: 'host1', ofport: 101, group: 3 },
      flow: row => ({
        priority: GUARDED,
        match: { ...allowed.is(1), ...localPort.is(row.ofport) },
        actions: [
          ...[firewall.set(row.group), way.set(WAY.original), related.set(0), resubmit({ table: firewallGroup })],
          ...[resubmit({ table: floodGuarded }), allowed.set(1)],
        ],
      }),
    }),
  ],
})
