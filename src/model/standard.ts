// What every resource of the API has: description, tags, times, revision. Kept beside the resource, not in it, so that
// a new revision (a port was added to this network) touches nothing that flows are compiled from.
import { type Doc, type Kind, kind } from './kind.ts'
import { rbacPolicies } from './rbac.ts'
import { refuse } from './refusal.ts'
import type { Reader, Transaction } from './transaction.ts'

/** Neutron's standard attributes of one resource, under the resource's id. */
export interface Standard {
  readonly id: string
  readonly description: string
  readonly tags: readonly string[]
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly revision: number
}

/** The standard attributes of all resources. */
export const standards: Kind<Standard> = kind<Standard>()('standard')

/** The standard attributes of a resource. */
export const standardOf = (reader: Reader, id: string): Standard | undefined => reader.get(standards, id)

/** Adds a resource. `revision` is the number it starts with. */
export function add<T extends Doc>(tx: Transaction, of: Kind<T>, doc: T, description: string, revision = 0): T {
  tx.insert(of, doc)
  tx.insert(standards, { id: doc.id, description, tags: [], createdAt: tx.now, updatedAt: tx.now, revision })
  return doc
}

/** Replaces a resource and counts its revision up. */
export function change<T extends Doc>(tx: Transaction, of: Kind<T>, doc: T, description?: string): T {
  tx.replace(of, doc)
  revise(tx, doc.id, description === undefined ? {} : { description })
  return doc
}

/** Removes a resource, and what was shared of it. */
export function drop<T extends Doc>(tx: Transaction, of: Kind<T>, id: string): void {
  tx.remove(of, id)
  if (tx.get(standards, id)) tx.remove(standards, id)
  for (const policy of [...tx.by(rbacPolicies, 'object', id)]) tx.remove(rbacPolicies, policy.id)
}

/** Counts a revision up, as every change of a resource or of its children does. */
export function revise(
  tx: Transaction,
  id: string,
  change: Partial<Pick<Standard, 'description' | 'tags'>> = {},
): void {
  const standard = tx.get(standards, id)
  if (!standard) return
  tx.replace(standards, { ...standard, ...change, updatedAt: tx.now, revision: standard.revision + 1 })
}

/** Refuses unless the resource is at the revision that the caller saw. */
export function requireRevision(reader: Reader, id: string, expected: number): void {
  const current = standardOf(reader, id)?.revision ?? 0
  if (current !== expected) throw refuse('RevisionNumberConstraintFailed', { expected, current })
}
