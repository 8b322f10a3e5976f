// What an upgrade of the data file changes in the flow tables: compiled before and after, and compared.
import type { Logger } from 'pino'
import { Compiler, type FlowSet } from '#compiler'
import { pipeline } from '#flows/pipeline'
import { type Change, type Doc, type Kind, modelKinds, type Reader } from '#model'
import type { Store, Upgrade } from '#store'
import { sameToday } from './migrations/index.ts'
import { openSinceUpgrade } from './migrations/open-before-upgrade.ts'

const todayOf = (kind: Kind, doc: Doc): Doc => sameToday[kind.name]?.(doc) ?? doc

/** The records before the upgrade; today's kinds find in them what they index. */
const before = (upgrade: Upgrade): Reader =>
  upgrade.before(
    modelKinds.map(kind => ({
      ...kind,
      unique: doc => kind.unique(todayOf(kind, doc) as never),
      index: Object.fromEntries(
        Object.entries(kind.index).map(([name, valuesOf]) => [
          name,
          (doc: Doc) => valuesOf(todayOf(kind, doc) as never),
        ]),
      ),
    })),
  )

const compiled = (reader: Reader): Compiler => {
  const compiler = new Compiler(pipeline)
  const changes = modelKinds.flatMap((kind: Kind) =>
    Array.from(reader.all(kind), (doc): Change => ({ kind, id: doc.id, before: undefined, after: todayOf(kind, doc) })),
  )
  compiler.apply({ revision: 0, at: 0, origin: { source: 'upgrade' }, changes })
  return compiler
}

const difference = (before: FlowSet | undefined, after: FlowSet | undefined) => {
  const [old, now] = [before?.entries ?? new Map(), after?.entries ?? new Map()]
  const added = [...now.keys()].filter(slot => !old.has(slot)).length
  const removed = [...old.keys()].filter(slot => !now.has(slot)).length
  const changed = [...now].filter(([slot, entry]) => old.has(slot) && old.get(slot).digest !== entry.digest).length
  return { added, removed, changed }
}

/** Logs, for each flow set that an upgrade changes, how many flows come, go and change, and in how many chassis. */
export const reportUpgrade = (store: Store, log: Logger): void => {
  const { upgrade } = store
  if (upgrade === undefined) return
  log.info(
    { from: upgrade.from, to: upgrade.to, copy: upgrade.copy },
    'the data file was of an older version: upgraded',
  )
  for (const facts of openSinceUpgrade(store))
    log.warn(
      facts,
      'these ports were not filtered and are in a security group that allows everything: give them others',
    )
  const [old, now] = [compiled(before(upgrade)), compiled(store)]
  let isSame = true
  for (const id of new Set([...old.flowSetIds(), ...now.flowSetIds()])) {
    const counts = difference(old.flowSet(id), now.flowSet(id))
    if (counts.added + counts.removed + counts.changed === 0) continue
    isSame = false
    log.info({ flowSet: id, chassis: now.subscribers(id).size, ...counts }, 'the upgrade changes flows')
  }
  if (isSame) log.info('the upgrade changes no flow')
}
