// How packets of connections are judged, the same for the port that sends and for the port that receives: whose
// connection it is, by which rules it is judged, and what becomes of it. Tables 21 to 23 and 71 to 73 are made of this.
import { drop, goto, move, resubmit } from 'node-openflow/flow'
import { each, type FlowSpec, type Table } from '#compiler'
import { policies } from '#model'
import { connectionOwner } from './br-int/100-connection-owner.ts'
import { policyTable } from './br-int/110-policy.ts'
import { eachFamily, LABEL, startOwn, state, track, VALID } from './conntrack.ts'
import type { DropReason } from './drop-reasons.ts'
import { policyMark } from './policies.ts'
import { isAll, type Register } from './register.ts'
import {
  allowed,
  commit,
  direction,
  EGRESS,
  INGRESS,
  judgedPort,
  known,
  labelPort,
  ORIGIN,
  origin,
  policy,
} from './registers.ts'
import { CLASSIFY, L2_LOOKUP } from './restart.ts'

const INVALID = 20
const PACKET = 10

/**
 * Asks whether a connection belongs to the port that is judged. `port` holds its key; `isSender` says whether it sent the
 * packet, so that it is the originator in the original direction and the responder in the other.
 */
export const findOwner = (port: Register, isSender: boolean, next: Table): readonly FlowSpec[] => [
  { priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() },
  ...[false, true].map(rpl => ({
    priority: PACKET,
    match: state({ ...VALID, rpl }),
    actions: [
      known.set(0),
      move(isSender === rpl ? LABEL.responder : LABEL.originator, labelPort.part),
      move(port.part, judgedPort.part),
      resubmit({ table: connectionOwner }),
      goto(next),
    ],
  })),
]

/** Why `findOwner`'s tables drop. */
export const connectionDrops: Readonly<Record<number, DropReason>> = { [INVALID]: 'invalid', 0: 'invalid' }

const RELATED = 40
const STRANGER_OUTSIDE = 30
const STRANGER = 20
const JUDGED = 10

const judge = (by: number, next: Table) => [direction.set(by), resubmit({ table: policyTable }), goto(next)]

/**
 * Judges a packet by the rules for who opened its connection: a reply that a port sends by its ingress rules, one that it
 * receives by its egress rules. A connection of others that the packet fits is none of this port's: in the original
 * direction it is judged and labelled as a new one, in the other the packet starts a connection of its own.
 */
export const judgeConnection = (isSender: boolean, next: Table): readonly FlowSpec[] => {
  const [own, other] = isSender ? [EGRESS, INGRESS] : [INGRESS, EGRESS]
  const reply = state({ ...VALID, rpl: true })
  return [
    { priority: RELATED, match: { ...known.is(0), ...state({ ...VALID, rel: true }) }, actions: drop() },
    ...(isSender ? [] : [ORIGIN.tunnel, ORIGIN.provider, ORIGIN.router]).flatMap(from =>
      eachFamily({ ...reply, ...isAll([known, 0], [origin, from]) }).map(match => ({
        priority: STRANGER_OUTSIDE,
        match,
        actions: [startOwn(L2_LOOKUP)],
      })),
    ),
    ...eachFamily({ ...reply, ...known.is(0) }).map(match => ({
      priority: STRANGER,
      match,
      actions: [startOwn(CLASSIFY)],
    })),
    {
      priority: JUDGED,
      match: { ...known.is(0), ...state({ ...VALID, rpl: false }) },
      actions: [commit.set(1), ...judge(own, next)],
    },
    { priority: JUDGED, match: { ...known.is(1), ...state({ ...VALID, rpl: false }) }, actions: judge(own, next) },
    { priority: JUDGED, match: { ...known.is(1), ...reply }, actions: judge(other, next) },
  ]
}

/** Why `judgeConnection`'s tables drop. */
export const policyDrops: Readonly<Record<number, DropReason>> = { [RELATED]: 'foreign_connection', 0: 'invalid' }

/** Judges a packet by itself, as the groups of stateless policies do. */
export const judgePacket = (isSender: boolean, next: Table) => judge(isSender ? EGRESS : INGRESS, next)

const PASS = 20
const DROP = 10
const GONE = 5

/** Lets what is allowed pass. */
export const passAllowed = (actions: FlowSpec['actions']): readonly FlowSpec[] => [
  { priority: PASS, match: allowed.is(1), actions },
]

/**
 * Judges a packet again, once, whose policy is gone. Conntrack gives packets back with what the registers held when the
 * datapath's flow for them was made: for a moment after its port was given other groups, with the policy that it had.
 */
export const judgeAnew = (isAnew: Register, from: number): readonly FlowSpec[] =>
  eachFamily(isAnew.is(0)).map(match => ({ priority: GONE, match, actions: [isAnew.set(1), track(from)] }))

/** Drops what no rule of a policy allowed, each policy's for itself, so that the drops are counted with their owner. */
export const dropTheRest = each(policies, {
  scope: 'policy',
  rows: ({ id }, view) => {
    const mark = view.value(policyMark, id)
    return mark === undefined ? [] : [{ in: id, policy: mark }]
  },
  example: { in: '7', policy: 7 },
  flow: row => ({ priority: DROP, match: policy.is(row.policy), actions: drop() }),
})

/** Why a table drops that lets only pass what is allowed. */
export const verdictDrops = (reason: DropReason): Readonly<Record<number, DropReason>> => ({
  [DROP]: reason,
  0: reason,
})
