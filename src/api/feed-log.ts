// The newest commits and deviations, kept so that a client that was away gets what it missed. A client that left off
// earlier than this is told so, and reads the present state instead.
import { type Change, type Commit, floatingIps, type SecurityGroupRule, securityGroupRules } from '#model'
import type { FeedChange, FeedCommit, FeedDrift } from './feed-messages.ts'
import type { CostView } from './live-view.ts'

/** Commits, and their costs, that are kept. */
const COMMITS = 10_000
const DRIFT = 2000

type Named = { readonly name?: unknown } & Readonly<Record<string, unknown>>

const changedFields = (before: Named, after: Named): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => before[name] !== after[name] && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )

/** What tells a record from others of its kind: its name, or what there is in place of one; '' for nothing. */
const nameOf = (kind: string, doc: Named): string => {
  if (typeof doc.name === 'string' && doc.name !== '') return doc.name
  if (kind === floatingIps.name && typeof doc.floatingIpAddress === 'string') return doc.floatingIpAddress
  if (kind !== securityGroupRules.name) return ''
  const { direction, ipVersion, protocol, portRangeMin: low, portRangeMax: high } = doc as unknown as SecurityGroupRule
  const range = low === null ? '' : low === high ? String(low) : `${low}-${high}`
  return [direction, `IPv${ipVersion}`, protocol, range].filter(Boolean).join(' ')
}

/** A change for people: which record, and which of its fields. */
export const showChange = ({ kind, id, before, after }: Change): FeedChange => {
  const name = nameOf(kind.name, (after ?? before) as unknown as Named)
  const named = name === '' ? {} : { name }
  if (before === undefined) return { kind: kind.name, id, op: 'create', ...named }
  if (after === undefined) return { kind: kind.name, id, op: 'delete', ...named }
  const fields = changedFields(before as unknown as Named, after as unknown as Named)
  return { kind: kind.name, id, op: 'update', ...named, fields }
}

/** A commit for people: what was done to which records, not the records. */
export const showCommit = ({ revision, at, origin, changes }: Commit): FeedCommit => ({
  ...{ revision, at, source: origin.source },
  ...(origin.request === undefined ? {} : { request: origin.request }),
  changes: changes.map(showChange),
})

/** What a journal keeps: a commit, or what one cost as far as it was known then. */
export type FeedEntry = FeedCommit | CostView

/** Where commits and their costs outlive the controller. */
export interface FeedJournal {
  /** What was kept, in the order in which it was appended. */
  readonly kept: Iterable<FeedEntry>
  append(entry: FeedEntry): void
}

/** What a client may have missed. */
export class FeedLog {
  readonly #commits: FeedCommit[] = []
  readonly #costs = new Map<number, CostView>()
  readonly #drift: FeedDrift[] = []
  /** The revision before the first commit that is kept. */
  #start: number
  readonly #journal: FeedJournal | undefined

  /** Begins after a revision, with what a journal has kept of those that lead up to it without a gap. */
  constructor(revision: number, journal?: FeedJournal) {
    this.#start = revision
    this.#journal = journal
    for (const entry of journal?.kept ?? []) {
      if (!('changes' in entry)) this.#costs.set(entry.revision, entry)
      else {
        if (this.#commits.at(-1)?.revision !== entry.revision - 1) this.#commits.length = 0
        this.#keep(entry)
      }
    }
    if (this.#commits.at(-1)?.revision !== revision) this.#commits.length = 0
    this.#start = (this.#commits[0]?.revision ?? revision + 1) - 1
    for (const known of this.#costs.keys()) if (known <= this.#start || known > revision) this.#costs.delete(known)
  }

  commit(commit: FeedCommit): void {
    this.#keep(commit)
    this.#journal?.append(commit)
  }

  #keep(commit: FeedCommit): void {
    this.#commits.push(commit)
    if (this.#commits.length <= COMMITS) return
    const oldest = this.#commits.shift()!
    this.#start = oldest.revision
    this.#costs.delete(oldest.revision)
  }

  cost(cost: CostView): void {
    this.#costs.set(cost.revision, cost)
    this.#journal?.append(cost)
  }

  drift(event: FeedDrift): void {
    this.#drift.push(event)
    if (this.#drift.length > DRIFT) this.#drift.shift()
  }

  /** Whether every commit after a revision is here. */
  reaches(revision: number): boolean {
    return revision >= this.#start
  }

  /** The commits after a revision, what they cost, and the deviations after number `drift`. */
  after(
    revision: number,
    drift: number,
  ): {
    readonly commits: readonly FeedCommit[]
    readonly costs: readonly CostView[]
    readonly drift: readonly FeedDrift[]
  } {
    const first = this.#commits.findIndex(commit => commit.revision > revision)
    const commits = first < 0 ? [] : this.#commits.slice(first)
    return {
      commits,
      costs: commits.map(commit => this.#costs.get(commit.revision)).filter(cost => cost !== undefined),
      drift: this.#drift.filter(event => event.n > drift),
    }
  }
}
