// `flowright drops`: what the switches drop, why, and whose it is.
import { Command } from 'commander'
import { type ApiOptions, addApiOptions, controllerApi } from './controller-api.ts'
import { json, table } from './print.ts'
import { type Silent, silences } from './silent.ts'

/** A record by id and name. */
interface Named {
  readonly id: string
  readonly name: string
}

/** A flow that drops, with what it dropped on one chassis. */
interface Drop {
  readonly chassis: string
  readonly bridge: string
  readonly table: string
  readonly reason: string
  readonly words: string
  readonly packets: number
  readonly cookie: string
  readonly security_groups: readonly Named[]
  readonly firewall_groups: readonly Named[]
  readonly ports: readonly Named[]
}

interface Options extends ApiOptions {
  readonly all?: boolean
}

/** How many ports are named in a line. */
const SHOWN = 3

/** `flowright drops [CHASSIS]`. */
export function drops(): Command {
  return addApiOptions(new Command('drops'))
    .description('what the switches have dropped since their flows were installed, and why')
    .argument('[chassis]', 'all when left out')
    .option('--all', 'also flows that have dropped nothing')
    .addHelpText('after', '\n`flowright explain CHASSIS COOKIE` says more about one of them.')
    .action(async (chassis: string | undefined, options: Options) => {
      const query = new URLSearchParams({
        ...(chassis === undefined ? {} : { chassis }),
        ...(options.all ? { all: 'true' } : {}),
      })
      const answer = await controllerApi(options).call<{ drops: Drop[]; silent: Silent[] }>('GET', `/drops?${query}`)
      process.stdout.write(options.json ? json(answer) : show(answer.drops) + silences(answer.silent))
    })
}

const show = (all: readonly Drop[]): string =>
  all.length === 0
    ? 'Nothing was dropped.\n'
    : table(
        ['CHASSIS', 'PACKETS', 'REASON', 'OF', 'COOKIE', 'WHICH'],
        all
          .toSorted((a, b) => (a.chassis < b.chassis ? -1 : a.chassis > b.chassis ? 1 : b.packets - a.packets))
          .map(d => [d.chassis, String(d.packets), d.reason, ownersOf(d), d.cookie, d.words]),
      )

function ownersOf({ security_groups: groups, firewall_groups: guards, ports }: Drop): string {
  const some = ports.slice(0, SHOWN).map(port => port.name)
  if (ports.length > SHOWN) some.push(`${ports.length - SHOWN} more`)
  return [[...groups, ...guards].map(group => group.name).join(', '), some.join(', ')]
    .filter(part => part !== '')
    .join(': ')
}
