// Which chassis a commit to the model concerns: their bridges, patches and BFD sessions may have to change.
import { attachments, type Chassis, chassis } from '#model/chassis'
import { gatewayChassis } from '#model/gateway'
import { networks } from '#model/network'
import type { Commit } from '#model/transaction'
import type { Store } from '#store/store'
import { watchersOf } from './bfd-sessions.ts'

/** The ids of the chassis that a commit concerns, out of `known` where it is all of them. */
export const concernedBy = (
  { changes }: Commit,
  store: Pick<Store, 'all' | 'by' | 'get'>,
  known: () => Iterable<string>,
): ReadonlySet<string> => {
  const concerned = new Set<string>()
  const add = (ids: Iterable<string>) => {
    for (const id of ids) concerned.add(id)
  }
  for (const { kind, id, before, after } of changes) {
    if (kind.name === chassis.name) {
      const who = watchersOf(before as Chassis | undefined, after as Chassis | undefined)
      if (who === 'everybody') add(known())
      if (who === 'gateways') add(Array.from(gatewayChassis(store), gateway => gateway.id))
      if (after !== undefined) concerned.add(id)
    } else if (kind.name === attachments.name) {
      concerned.add(id.slice(0, id.lastIndexOf('/')))
    } else if (kind.name === networks.name && before !== undefined) {
      add(Array.from(store.by(attachments, 'network', id), reached => reached.chassis))
    }
  }
  return concerned
}
