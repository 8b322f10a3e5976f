// The BFD sessions of a host with other chassis, as its switch reports them; and those that it shall have.
import { type Chassis, chassis, isProgrammed } from '#model/chassis'
import { gatewayChassis } from '#model/gateway'
import type { Reader } from '#model/transaction'
import { keyOfPatch } from './names.ts'
import type { View } from './schema.ts'

/** Whether each chassis with which there is a session, by its key, is alive. */
export type BfdSessions = ReadonlyMap<number, boolean>

interface Row {
  readonly name: string
  readonly bfd_status: ReadonlyMap<string, string>
}

/** Reads all sessions of a host. */
export const readBfd = (view: View): BfdSessions => {
  const sessions = new Map<number, boolean>()
  for (const row of view.table('Interface').values()) note(sessions, row)
  return sessions
}

/** The same after some interfaces have changed; the same object when no session did. */
export const followBfd = (
  sessions: BfdSessions,
  changes: Iterable<{ readonly before: Row | undefined; readonly after: Row | undefined }>,
): BfdSessions => {
  let next: Map<number, boolean> | undefined
  for (const { before, after } of changes) {
    const key = keyOfPatch((after ?? before)?.name ?? '')
    if (key === undefined) continue
    next ??= new Map(sessions)
    next.delete(key)
    if (after !== undefined) note(next, after)
  }
  return next ?? sessions
}

/** The own port has no session, and so no status. */
const note = (sessions: Map<number, boolean>, { name, bfd_status: status }: Row): void => {
  const key = keyOfPatch(name)
  const forwarding = status.get('forwarding')
  if (key !== undefined && forwarding !== undefined) sessions.set(key, forwarding === 'true')
}

/** Whether a chassis takes part: others reach it. */
const isReached = (c: Chassis) => isProgrammed(c) && c.tunnelIp !== ''

/** Keys of the chassis with which one runs BFD: a gateway with all, any other with gateways. */
export const watchedBy = (reader: Reader, record: Chassis): readonly number[] =>
  isReached(record)
    ? Array.from(record.gatewayPriority > 0 ? reader.all(chassis) : gatewayChassis(reader))
        .filter(c => c.id !== record.id && isReached(c))
        .map(c => c.key)
    : []

/** Whose BFD sessions a change of a chassis' record is about: everybody's, those of gateways, or nobody's. */
export const watchersOf = (
  before: Chassis | undefined,
  after: Chassis | undefined,
): 'everybody' | 'gateways' | 'nobody' => {
  const part = (c: Chassis | undefined) => (c !== undefined && isReached(c) ? (c.gatewayPriority > 0 ? 2 : 1) : 0)
  const [was, is] = [part(before), part(after)]
  if (was === is) return 'nobody'
  return was === 2 || is === 2 ? 'everybody' : 'gateways'
}
