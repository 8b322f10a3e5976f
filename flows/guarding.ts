// How firewall groups judge packets, the same for ports that send and that receive: tables 24 to 29 and 74 to 76 are made of
// this, and the verdict on what is routed.
import { type Action, drop, goto, ip, ipv6, resubmit } from 'node-openflow/flow'
import { each, type FlowSpec, type Table } from '#compiler'
import { bindings, firewallGroups } from '#model'
import { firewallGroup } from './br-int/116-firewall-group.ts'
import { state, track } from './conntrack.ts'
import type { DropReason } from './drop-reasons.ts'
import { activePort } from './facts.ts'
import { guardFacts } from './firewalls.ts'
import { isStateful } from './policies.ts'
import type { Register } from './register.ts'
import { allowed, commit, direction, EGRESS, firewall, INGRESS, rejected, related, WAY, way } from './registers.ts'

const INVALID = 40
const RELATED = 30
const NEW = 20
const KNOWN = 10

/** What comes before groups are asked: a packet that nobody has said anything against. */
export const unjudged: readonly Action[] = [allowed.set(1), rejected.set(0)]

/**
 * Asks the firewall group of a port: by its own direction for what belongs to a connection in the direction in which it was opened,
 * by the other for what answers. `isSender` says whether the port sent the packet.
 */
export const askGroup = (isSender: boolean, next: Table): readonly FlowSpec[] => {
  const [own, other] = isSender ? [EGRESS, INGRESS] : [INGRESS, EGRESS]
  const ask = (rpl: boolean, ...more: readonly Action[]) => [
    ...[
      ...unjudged,
      related.set(0),
      ...more,
      way.set(rpl ? WAY.reply : WAY.original),
      direction.set(rpl ? other : own),
    ],
    ...[resubmit({ table: firewallGroup }), goto(next)],
  ]
  return [
    { priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() },
    ...[false, true].map(rpl => ({
      priority: RELATED,
      match: state({ trk: true, rel: true, rpl }),
      actions: ask(rpl, related.set(1)),
    })),
    { priority: NEW, match: state({ trk: true, new: true }), actions: ask(false, commit.set(1)) },
    ...[false, true].map(rpl => ({ priority: KNOWN, match: state({ trk: true, rpl }), actions: ask(rpl) })),
  ]
}

/** Why `askGroup`'s tables drop. */
export const askDrops: Readonly<Record<number, DropReason>> = { [INVALID]: 'invalid', 0: 'invalid' }

const TRACKED = 20
const UNTRACKED = 10

/**
 * Finds the ports that are in firewall groups, by the register that holds the key of the port that is judged. What stateless security
 * groups let pass has not been tracked: it is here.
 */
export const guardedPorts = (port: Register, next: Table) =>
  each(bindings, {
    scope: 'chassis',
    rows: (binding, view) => {
      const facts = activePort(binding, view)
      if (facts?.firewall === undefined) return []
      const row = { in: binding.chassis, port: facts.key, group: facts.firewall.key }
      const untracked = isStateful(facts.policy) ? [] : (['untracked IPv4', 'untracked IPv6'] as const)
      return ['tracked' as const, ...untracked].map(what => ({ ...row, what }))
    },
    example: { in: 'host1', port: 5, group: 3, what: 'tracked' as 'tracked' | 'untracked IPv4' | 'untracked IPv6' },
    flow: row => {
      const own = port.is(row.port)
      const group = firewall.set(row.group)
      if (row.what === 'tracked')
        return { priority: TRACKED, match: { ...own, ...state({ trk: true }) }, actions: [group, goto(next)] }
      const match = (row.what === 'untracked IPv6' ? ipv6 : ip)(own)
      return { priority: UNTRACKED, match, actions: [group, track(next)] }
    },
  })

const PASS = 30
const REJECT = 20
const DROP = 10

/** Lets pass what the groups allow, and tells senders of what they reject. */
export const guardVerdict = (pass: FlowSpec['actions'], reject: Action): readonly FlowSpec[] => [
  { priority: PASS, match: allowed.is(1), actions: pass },
  { priority: REJECT, match: rejected.is(1), actions: [reject] },
]

/** Drops what a firewall group does not let pass, each group's for itself, so that the drops are counted with their owner. */
export const dropByGroup = each(firewallGroups, {
  scope: 'firewall_group',
  rows: ({ id }, view) => {
    const facts = view.value(guardFacts, id)
    return facts === undefined ? [] : [{ in: id, group: facts.key }]
  },
  example: { in: 'g', group: 3 },
  flow: row => ({ priority: DROP, match: firewall.is(row.group), actions: drop() }),
})

/** Why a table drops that lets only pass what firewall groups allow. */
export const guardDrops = (reason: DropReason): Readonly<Record<number, DropReason>> => ({ [DROP]: reason, 0: reason })
