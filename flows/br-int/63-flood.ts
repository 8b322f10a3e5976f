/**
 * Copies broadcast, multicast and unknown unicast to every member of the network on this chassis, and out of it once.
 *
 * In:   frames for more than one receiver, or for one that nobody knows.
 * Out:  output, once for each local port and once for the uplink; output sends nothing back where it came from.
 *
 * A network has at most 1,000 such ports on one chassis: the flow is a message of 64 kB at most, and Open vSwitch follows
 * 4,096 resubmits of one packet. The uplink comes last: output tags the frame for it.
 *
 *   table=63, priority=10,metadata=0x3 actions=set_field:0x5->reg1,resubmit(,90)
 */
import { drop, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, bindings } from '#model'
import { activePort, networkFacts } from '../facts.ts'
import { destinationPort, network, UPLINK } from '../registers.ts'
import { outputTable } from './90-output.ts'

const MEMBERS = 10

const LIMIT = 1000

const copyTo = (row: { readonly network: number; readonly port: number }) => ({
  priority: MEMBERS,
  match: { ...network.is(row.network) },
  actions: [destinationPort.set(row.port), resubmit({ table: outputTable.number })],
})

export const flood = table('flood', {
  bridge: 'br-int',
  number: 63,
  match: ['metadata'],
  next: [outputTable],
  miss: drop(),
  rules: [
    each(bindings, {
      scope: 'chassis',
      merge: 'union',
      limit: LIMIT,
      order: row => row.port,
      rows: (binding, view) => {
        const port = activePort(binding, view)
        if (!port?.up) return []
        return [{ in: binding.chassis, network: port.networkKey, port: port.key }]
      },
      example: { in: 'host1', network: 3, port: 5 },
      flow: copyTo,
    }),
    each(attachments, {
      scope: 'chassis',
      merge: 'union',
      order: row => row.port,
      rows: (attachment, view) => {
        const net = view.value(networkFacts, attachment.network)
        return net === undefined ? [] : [{ in: attachment.chassis, network: net.key, port: UPLINK }]
      },
      example: { in: 'host1', network: 3, port: UPLINK },
      flow: copyTo,
    }),
  ],
})
