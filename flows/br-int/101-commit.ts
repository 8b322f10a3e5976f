/**
 * Commits the connection, with the keys of both ports in its label. Without recirculation, once the last verdict is
 * spoken.
 *
 * In:   by resubmit, frames that may leave br-int; commit says whether a verdict found their connection new.
 * Out:  back. Copies for a group address are not committed: no reply bears that address.
 */
import { ct, drop, type Match, masked, move } from 'node-openflow/flow'
import { table } from '#compiler'
import { eachFamily, LABEL } from '../conntrack.ts'
import { commit, destinationPort, sourcePort, zone } from '../registers.ts'

const NEW = 10

const toOne: Match = { eth_dst: masked('00:00:00:00:00:00', '01:00:00:00:00:00') }

export const commitTable = table('commit', {
  bridge: 'br-int',
  number: 101,
  match: ['reg2', 'eth_type', 'eth_dst'],
  miss: drop(),
  fixed: eachFamily({ ...commit.is(1), ...toOne }).map(match => ({
    priority: NEW,
    match,
    actions: [
      ct({
        commit: true,
        zone: zone.part,
        actions: [move(sourcePort.part, LABEL.originator), move(destinationPort.part, LABEL.responder)],
      }),
    ],
  })),
})
