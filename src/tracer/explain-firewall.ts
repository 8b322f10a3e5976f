// Which firewall group stopped a packet, and by which of its rules, in words.
import { type FirewallGroup, firewallGroups, firewallRules, type Reader } from '#model'
import type { Trace, Visit } from './steps.ts'
import { visitsOf } from './trace.ts'

/** The tables that ask a group, and the rules of its policy. */
const GROUP = 'firewall_group'
const RULES = 'firewall_rules'

const sourceOf = ({ flow }: Visit, kind: string): string | undefined =>
  flow?.sources?.find(source => source.kind === kind)?.id

/** The last that a firewall said on a chassis, for a packet that it stopped; undefined where none was asked. */
export const firewallInWords = (trace: Trace, chassis: string, model: Reader): string | undefined => {
  let asked: { readonly group: FirewallGroup | undefined; rules?: Visit } | undefined
  for (const visit of visitsOf(trace)) {
    if (visit.chassis !== chassis) continue
    if (visit.name === GROUP) asked = { group: model.get(firewallGroups, sourceOf(visit, firewallGroups.name) ?? '') }
    if (visit.name === RULES && asked) asked.rules = visit
  }
  if (asked === undefined) return undefined
  const { group, rules } = asked
  if (group === undefined || rules === undefined)
    return 'a firewall group without a policy for this direction, or one that is down, lets nothing pass'
  const name = `firewall group ${group.name || group.id}`
  const id = sourceOf(rules, firewallRules.name)
  const rule = id === undefined ? undefined : model.get(firewallRules, id)
  if (rule === undefined) return `no rule of the policy of ${name} allows it`
  return `${name} ${rule.action === 'reject' ? 'rejects' : 'denies'} it by rule ${rule.name || rule.id}`
}
