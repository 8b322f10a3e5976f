/**
 * Has what goes to several ports tracked once, before it is copied.
 *
 * In:   frames for more than one receiver, or for one that nobody knows.
 * Out:  flood, with the state of the connection; exempt marks what every port receives.
 */
import { goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { alwaysReceived } from '../always-allowed.ts'
import { eachFamily, state, track } from '../conntrack.ts'
import { direction, exempt, INGRESS } from '../registers.ts'
import { flood } from './64-flood.ts'

const ALWAYS = 30
const TRACKED = 20
const UNTRACKED = 10

export const floodConntrack = table('flood_conntrack', {
  bridge: 'br-int',
  number: 63,
  match: ['ct_state', 'eth_type', 'nw_proto', 'udp_src', 'udp_dst', 'icmpv6_type'],
  next: [flood],
  fixed: [
    ...alwaysReceived.map(match => ({ priority: ALWAYS, match, actions: [exempt.set(1), goto(flood)] })),
    { priority: TRACKED, match: state({ trk: true }), actions: [direction.set(INGRESS), goto(flood)] },
    ...eachFamily().map(match => ({
      priority: UNTRACKED,
      match,
      actions: [direction.set(INGRESS), track(flood)],
    })),
  ],
  miss: [direction.set(INGRESS), goto(flood)],
})
