/**
 * Whether a connection belongs to the port that is judged: its key is the one in the connection's label.
 *
 * In:   by resubmit, the key of the port and the one in the label; 0 stands in the label of a new connection.
 * Out:  back, with known set if they are equal.
 *
 *   table=100, priority=10,reg13=0x5,reg14=0x5 actions=set_field:0x800/0x800->reg2
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { activePort } from '../facts.ts'
import { isStateful } from '../policies.ts'
import { judgedPort, known, labelPort } from '../registers.ts'

const OWN = 10

export const connectionOwner = table('connection_owner', {
  bridge: 'br-int',
  number: 100,
  match: ['reg13', 'reg14'],
  miss: drop(),
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = activePort(binding, view)
        return port !== undefined && isStateful(port.policy) ? [{ in: binding.chassis, port: port.key }] : []
      },
      example: { in: 'host1', port: 5 },
      flow: ({ port }) => ({
        priority: OWN,
        match: { ...judgedPort.is(port), ...labelPort.is(port) },
        actions: [known.set(1)],
      }),
    }),
  ],
})
