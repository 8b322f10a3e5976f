/**
 * Whether the receiver is on this chassis: its OpenFlow port, and the policy by which what it receives is judged.
 *
 * In:   frames with a destination port key.
 * Out:  ingress_conntrack for ports of this chassis; a port that is administratively down receives nothing. The rest to
 *       output, where it leaves the chassis; its connection is committed if the sender's verdict found it new.
 *
 *   table=65, priority=10,reg1=0x5 actions=set_field:0x7->reg12,set_field:0x65->reg15,goto_table:70
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { activePort } from '../facts.ts'
import { destinationPort, localPort, policy } from '../registers.ts'
import { RECEIVER } from '../restart.ts'
import { ingressConntrack } from './70-ingress-conntrack.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'

const LOCAL = 10

export const receiver = table('receiver', {
  bridge: 'br-int',
  number: RECEIVER,
  match: ['reg1'],
  next: [ingressConntrack, outputTable, commitTable],
  miss: [resubmit({ table: commitTable }), goto(outputTable)],
  drops: { [LOCAL]: 'port_down' },
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = activePort(binding, view)
        if (port === undefined) return []
        const ofport = port.up ? binding.ofport : undefined
        return [{ in: binding.chassis, port: port.key, policy: port.policy, ofport }]
      },
      example: { in: 'host1', port: 5, policy: 7, ofport: 101 as number | undefined },
      flow: row => ({
        priority: LOCAL,
        match: destinationPort.is(row.port),
        actions:
          row.ofport === undefined
            ? drop()
            : [policy.set(row.policy), localPort.set(row.ofport), goto(ingressConntrack)],
      }),
    }),
  ],
})
