// Below /flowright/v1: hits of rules of security groups and of firewalls, and what the switches drop and why.
import type { FastifyInstance } from 'fastify'
import {
  chassis,
  chassisOf,
  type FirewallPolicy,
  type FirewallRule,
  firewallPolicies,
  firewallRuleOf,
  firewallRules,
  type Reader,
  type SecurityGroupRule,
  securityGroupRuleOf,
  securityGroupRules,
  securityGroups,
} from '#model'
import type { Store } from '#store'
import type { CountedRule, CounterView, CountView, DropView } from './counter-view.ts'
import { type Owners, ownersAt } from './drop-owners.ts'
import { read } from './engine/read.ts'
import { flag } from './engine/value.ts'
import { recordsNamed, type Several, severalOf } from './records-named.ts'
import { firewallRuleInWords, groupName, nameOf, ruleInWords } from './security-words.ts'

/** Serves them; the caller admits administrators only. */
export function serveCounters(app: FastifyInstance, store: Store, counters: CounterView): void {
  app.get<{ Params: { id: string } }>('/security-group-rules/:id/hits', async ({ params }) => {
    const rule = securityGroupRuleOf(store, params.id)
    const { hits, silent } = await counters.hits([counted(rule)])
    return { hits: showRule(rule, hits.get(rule.id), store), silent }
  })

  const byGroup = { config: { parameters: { group: 'several' } } } as const
  app.get<{ Querystring: { group?: Several } }>('/security-group-hits', byGroup, async ({ query }) => {
    const groups = recordsNamed(query.group, securityGroups, 'SecurityGroupNotFound', store)
    const rules = new Map(groups.map(group => [group.id, [...store.by(securityGroupRules, 'group', group.id)]]))
    const { hits, silent } = await counters.hits([...rules.values()].flat().map(counted))
    return {
      security_groups: groups.map(group => ({
        ...{ id: group.id, name: group.name, project_id: group.projectId, stateful: group.stateful },
        rules: (rules.get(group.id) ?? []).map(rule => showRule(rule, hits.get(rule.id), store)),
      })),
      silent,
    }
  })

  app.get<{ Params: { id: string } }>('/firewall-rules/:id/hits', async ({ params }) => {
    const rule = firewallRuleOf(store, params.id)
    const policies = [...store.by(firewallPolicies, 'rule', rule.id)]
    const { hits, silent } = await counters.hits(policies.map(policy => countedIn(policy, rule)))
    const shown = policies.map(policy => ({
      policy: { id: policy.id, name: nameOf(policy, policy.id) },
      ...showFirewallRule(rule, hits.get(countedIn(policy, rule).key)),
    }))
    return { hits: shown, silent }
  })

  const byPolicy = { config: { parameters: { policy: 'several' } } } as const
  app.get<{ Querystring: { policy?: Several } }>('/firewall-hits', byPolicy, async ({ query }) => {
    const policies = recordsNamed(query.policy, firewallPolicies, 'FirewallPolicyNotFound', store)
    const rulesOf = (policy: FirewallPolicy) => policy.rules.map(id => store.get(firewallRules, id)!)
    const { hits, silent } = await counters.hits(
      policies.flatMap(policy => rulesOf(policy).map(rule => countedIn(policy, rule))),
    )
    return {
      firewall_policies: policies.map(policy => ({
        ...{ id: policy.id, name: policy.name, project_id: policy.projectId },
        rules: rulesOf(policy).map(rule => showFirewallRule(rule, hits.get(countedIn(policy, rule).key))),
      })),
      silent,
    }
  })

  const byChassis = { config: { parameters: { chassis: 'several', all: 'one' } } } as const
  app.get<{ Querystring: { chassis?: Several; all?: string } }>('/drops', byChassis, async ({ query }) => {
    const asked = severalOf(query.chassis)
    for (const id of asked ?? []) chassisOf(store, id)
    const isAll = read(flag, query.all ?? false, 'all')
    const { drops, silent } = await counters.drops(asked ?? Array.from(store.all(chassis), c => c.id))
    const shown = drops.filter(drop => isAll || drop.packets > 0)
    const owners = new Map([...new Set(shown.map(drop => drop.chassis))].map(id => [id, ownersAt(id, store)]))
    return { drops: shown.map(drop => showDrop(drop, owners.get(drop.chassis)!(drop.sources))), silent }
  })
}

const counted = ({ id, groupId }: SecurityGroupRule): CountedRule => ({
  ...{ key: id, kind: 'security_group_rule', id, flowSet: `security_group/${groupId}` },
})

const countedIn = (policy: FirewallPolicy, { id }: FirewallRule): CountedRule => ({
  ...{ key: `${policy.id} ${id}`, kind: 'firewall_rule', id, flowSet: `firewall_policy/${policy.id}` },
})

const sum = (counts: readonly CountView[]) => ({
  packets: counts.reduce((total, { packets }) => total + packets, 0),
  bytes: counts.reduce((total, { bytes }) => total + bytes, 0),
})

const showRule = (rule: SecurityGroupRule, counts: readonly CountView[] = [], reader: Reader) => ({
  id: rule.id,
  security_group: { id: rule.groupId, name: groupName(reader, rule.groupId) },
  words: ruleInWords(rule, reader),
  ...sum(counts),
  chassis: counts.map(({ chassis: id, packets, bytes }) => ({ id, packets, bytes })),
})

const showFirewallRule = (rule: FirewallRule, counts: readonly CountView[] = []) => ({
  ...{ id: rule.id, name: rule.name, enabled: rule.enabled, words: firewallRuleInWords(rule) },
  ...sum(counts),
  chassis: counts.map(({ chassis: id, packets, bytes }) => ({ id, packets, bytes })),
})

const showDrop = ({ cookie, sources: _, ...drop }: DropView, owners: Owners) => ({
  ...drop,
  cookie: `0x${cookie.toString(16)}`,
  ...owners,
})
