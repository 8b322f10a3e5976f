// What a commit did, in a line: the resources that somebody asked about first, what follows from them left out.
import type { FeedChange, FeedCommit } from '#api/feed-messages'
import { shortId } from './format.ts'
import type { t as say } from './settings.svelte.ts'

/** Kinds that follow from others, or that the controller keeps for itself. */
const derived = new Set([
  'attachment',
  'binding',
  'claim',
  'standard',
  'address_cursor',
  'quota',
  'policy',
  'host_binding',
  'remote_group_bit',
  'local_vlan',
])

/** Whether records of a kind follow from others, or are the controller's own. */
export const isDerived = (kind: string): boolean => derived.has(kind)

/** The changes that a person would name. */
export const mainChanges = ({ changes }: Pick<FeedCommit, 'changes'>): readonly FeedChange[] => {
  const main = changes.filter(({ kind }) => !isDerived(kind))
  if (main.length > 0) return main
  return changes.filter(({ kind }) => kind !== 'standard' && kind !== 'address_cursor')
}

/** A kind's name: from the catalogue, or with its underscores as spaces. */
export const kindName = (kind: string, t: typeof say): string => {
  const key = `kind.${kind}` as Parameters<typeof say>[0]
  return known.has(kind) ? t(key) : kind.replaceAll('_', ' ')
}
const known = new Set([
  ...['network', 'subnet', 'port', 'router', 'floating_ip', 'security_group', 'security_group_rule'],
  ...['firewall_group', 'firewall_policy', 'firewall_rule', 'router_port'],
  ...['chassis', 'binding', 'attachment', 'claim', 'pipeline'],
])

/** The name of what changed, or the start of its id. */
export const nameOf = ({ name, id }: Pick<FeedChange, 'name' | 'id'>): string => name ?? shortId(id)

/** `port web1 created, and 2 more`. */
export const describeChanges = (commit: FeedCommit, t: typeof say): string => {
  const [first, ...rest] = mainChanges(commit)
  if (first === undefined) return '—'
  const fields = first.op === 'update' && first.fields?.length ? ` (${first.fields.slice(0, 3).join(', ')})` : ''
  const more = rest.length > 0 ? `, ${t('overview.more', { n: rest.length })}` : ''
  return `${kindName(first.kind, t)} ${nameOf(first)} ${t(`op.${first.op}`)}${fields}${more}`
}
