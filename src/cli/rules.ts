// `flowright rules`: the rules of security groups in words, and what each has let through.
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

/** A security group with its rules. */
interface Group {
  readonly id: string
  readonly name: string
  readonly stateful: boolean
  readonly rules: readonly Rule[]
}

/** How many chassis are shown beside a rule. */
const SHOWN = 4

/** `flowright rules [GROUP]`. */
export function rules(): Command {
  return addApiOptions(new Command('rules'))
    .description('the rules of security groups, and what each has let through')
    .argument('[group]', 'name or id of a security group; all when left out')
    .addHelpText(
      'after',
      `
A rule counts the packets that it allowed, where it allowed them: an egress rule on the sender's chassis, an ingress
rule on the receiver's. Replies count for the rule that allowed their connection. What several rules allow is counted
for one of them. Counting begins anew when a rule comes to a chassis.`,
    )
    .action(async (group: string | undefined, options: ApiOptions) => {
      const query = group === undefined ? '' : `?${new URLSearchParams({ group })}`
      const answer = await controllerApi(options).call<{ security_groups: Group[]; silent: Silent[] }>(
        'GET',
        `/security-group-hits${query}`,
      )
      process.stdout.write(options.json ? json(answer) : show(answer.security_groups) + silences(answer.silent))
    })
}

const show = (groups: readonly Group[]): string =>
  groups.length === 0 ? 'There is no security group.\n' : groups.map(showGroup).join('\n')

function showGroup({ id, name, stateful, rules: of }: Group): string {
  const heading = `${name ? `${name} (${id})` : id}${stateful ? '' : ', stateless'}\n`
  if (of.length === 0) return `${heading}no rules: nothing passes\n`
  return (
    heading +
    table(
      ['PACKETS', 'BYTES', 'RULE', 'CHASSIS'],
      of.map(rule => [String(rule.packets), String(rule.bytes), rule.words, showChassis(rule)]),
    )
  )
}

function showChassis({ chassis }: Rule): string {
  const most = chassis.toSorted((a, b) => b.packets - a.packets)
  const shown = most.slice(0, SHOWN).map(({ id, packets }) => `${id} ${packets}`)
  if (most.length > SHOWN) shown.push(`${most.length - SHOWN} more`)
  return shown.join(', ')
}
