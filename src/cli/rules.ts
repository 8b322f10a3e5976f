// `flowright rules`: the rules of security groups or of firewalls in words, and how often each decided.
import { Command } from 'commander'
import { type ApiOptions, addApiOptions, controllerApi } from './controller-api.ts'
import { json, table } from './print.ts'
import { type Silent, silences } from './silent.ts'

/** A rule with its hits. */
interface Rule {
  readonly id: string
  readonly words: string
  readonly packets: number
  readonly bytes: number
  /** What each chassis counted that holds it. */
  readonly chassis: readonly { readonly id: string; readonly packets: number }[]
}

/** A rule of a firewall policy with its hits. */
interface FirewallRule extends Rule {
  readonly enabled: boolean
}

/** A firewall policy with its rules, in order. */
interface Policy {
  readonly id: string
  readonly name: string
  readonly rules: readonly FirewallRule[]
}

interface Options extends ApiOptions {
  readonly firewall?: boolean
}

/** A security group with its rules. */
interface Group {
  readonly id: string
  readonly name: string
  readonly stateful: boolean
  readonly rules: readonly Rule[]
}

/** How many chassis are shown beside a rule. */
const SHOWN = 4

/** `flowright rules [NAME]`. */
export function rules(): Command {
  return addApiOptions(new Command('rules'))
    .description('the rules of security groups or of firewall policies, and how often each decided')
    .argument('[name]', 'name or id of a security group, or of a firewall policy; all when left out')
    .option('--firewall', 'firewall policies instead of security groups')
    .addHelpText(
      'after',
      `
A rule counts the packets that it allowed, where it allowed them: an egress rule on the sender's chassis, an ingress
rule on the receiver's. Replies count for the rule that allowed their connection. What several rules allow is counted
for one of them. A rule of a firewall policy counts the packets that it decided about. Counting begins anew when a rule
comes to a chassis.`,
    )
    .action(async (name: string | undefined, options: Options) => {
      const api = controllerApi(options)
      const query = (by: string) => (name === undefined ? '' : `?${new URLSearchParams({ [by]: name })}`)
      if (options.firewall) {
        const path = `/firewall-hits${query('policy')}`
        const answer = await api.call<{ firewall_policies: Policy[]; silent: Silent[] }>('GET', path)
        const text = () => showPolicies(answer.firewall_policies) + silences(answer.silent)
        process.stdout.write(options.json ? json(answer) : text())
        return
      }
      const path = `/security-group-hits${query('group')}`
      const answer = await api.call<{ security_groups: Group[]; silent: Silent[] }>('GET', path)
      process.stdout.write(options.json ? json(answer) : show(answer.security_groups) + silences(answer.silent))
    })
}

const show = (groups: readonly Group[]): string =>
  groups.length === 0 ? 'There is no security group.\n' : groups.map(showGroup).join('\n')

function showGroup({ id, name, stateful, rules: of }: Group): string {
  return `${name ? `${name} (${id})` : id}${stateful ? '' : ', stateless'}\n${showRules(of)}`
}

const showPolicies = (policies: readonly Policy[]): string =>
  policies.length === 0 ? 'There is no firewall policy.\n' : policies.map(showPolicy).join('\n')

function showPolicy({ id, name, rules: of }: Policy): string {
  const rules = of.map(rule => (rule.enabled ? rule : { ...rule, words: `${rule.words} (not enabled)` }))
  return `${name ? `${name} (${id})` : id}\n${showRules(rules)}`
}

const showRules = (of: readonly Rule[]): string =>
  of.length === 0
    ? 'no rules: nothing passes\n'
    : table(
        ['PACKETS', 'BYTES', 'RULE', 'CHASSIS'],
        of.map(rule => [String(rule.packets), String(rule.bytes), rule.words, showChassis(rule)]),
      )

function showChassis({ chassis }: Rule): string {
  const most = chassis.toSorted((a, b) => b.packets - a.packets)
  const shown = most.slice(0, SHOWN).map(({ id, packets }) => `${id} ${packets}`)
  if (most.length > SHOWN) shown.push(`${most.length - SHOWN} more`)
  return shown.join(', ')
}
