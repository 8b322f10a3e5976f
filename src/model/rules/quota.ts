// How quotas may be changed, and when a project has too much.
import { limitsOf, type Quota, type QuotaLimits, type QuotaName, quotas, UNLIMITED, usageOf } from '../quota.ts'
import { refuse } from '../refusal.ts'
import type { Reader, Transaction } from '../transaction.ts'

/** Refuses when a project has more of some sorts than it may. To be called after they were made. */
export function requireQuota(
  reader: Reader,
  projectId: string,
  names: readonly QuotaName[],
  defaults: QuotaLimits,
): void {
  const limits = limitsOf(reader, projectId, defaults)
  const overs = names.filter(name => limits[name] !== UNLIMITED && usageOf(reader, projectId, name) > limits[name])
  if (overs.length > 0) throw refuse('OverQuota', { overs: `[${overs.map(name => `'${name}'`).join(', ')}]` })
}

/** Gives a project limits of its own. With `isChecked` none may be below what the project has already. */
export function changeQuota(
  tx: Transaction,
  projectId: string,
  limits: Quota['limits'],
  { isChecked }: { readonly isChecked: boolean },
): void {
  for (const [name, limit] of Object.entries(limits)) {
    const usage = usageOf(tx, projectId, name as QuotaName)
    if (isChecked && limit !== UNLIMITED && usage > limit)
      throw refuse('HTTPBadRequest', {
        message: `Quota limit ${limit} for ${name} must be greater than or equal to already used ${usage}`,
      })
  }
  const before = tx.get(quotas, projectId)
  const after: Quota = { id: projectId, limits: { ...before?.limits, ...limits } }
  if (before) tx.replace(quotas, after)
  else if (Object.keys(limits).length > 0) tx.insert(quotas, after)
}

/** Takes a project's own limits away. Throws TenantQuotaNotFound. */
export function resetQuota(tx: Transaction, projectId: string): void {
  if (!tx.get(quotas, projectId)) throw refuse('TenantQuotaNotFound', { id: projectId })
  tx.remove(quotas, projectId)
}
