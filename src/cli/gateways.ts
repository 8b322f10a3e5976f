// `flowright gateways`: where the gateways of routers are, where they may go, and what they translated.
import { Command } from 'commander'
import { type ApiOptions, addApiOptions, controllerApi, segment } from './controller-api.ts'
import { json, table } from './print.ts'

/** A gateway as the API shows it. */
interface Gateway {
  readonly router: { readonly id: string; readonly name: string }
  readonly network: { readonly id: string; readonly name: string }
  readonly active: string | null
  readonly conflict: readonly string[]
  readonly snat: { readonly connections: number; readonly exhausted_packets: number }
  readonly candidates: readonly Candidate[]
}

interface Candidate {
  readonly chassis: string
  readonly priority: number
  readonly connected: boolean
  readonly live: boolean
  readonly holds_active: boolean
}

/** `flowright gateways [ROUTER]`. */
export function gateways(): Command {
  return addApiOptions(new Command('gateways'))
    .description(
      'the chassis where routers have their gateway, those that stand by, and how many connections were translated',
    )
    .argument('[router]', 'name or id of a router; all when left out')
    .action(async (router: string | undefined, options: ApiOptions) => {
      const query = router === undefined ? '' : `?router=${segment(router)}`
      const all = (await controllerApi(options).call<{ gateways: Gateway[] }>('GET', `/gateways${query}`)).gateways
      process.stdout.write(options.json ? json(all) : show(all))
    })
}

const show = (all: readonly Gateway[]): string =>
  all.length === 0
    ? 'No router has a gateway.\n'
    : table(
        ['ROUTER', 'OUTSIDE', 'ACTIVE', 'SNAT', 'EXHAUSTED', 'STANDING BY', 'PROBLEM'],
        all.map(g => [
          g.router.name || g.router.id,
          g.network.name || g.network.id,
          g.active ?? '-',
          `${g.snat.connections}`,
          `${g.snat.exhausted_packets}`,
          g.candidates
            .filter(c => c.chassis !== g.active)
            .map(standing)
            .join(', '),
          problem(g),
        ]),
      )

const standing = ({ chassis, priority, connected, live }: Candidate): string => {
  const wrong = [...(live ? [] : ['dead']), ...(connected ? [] : ['away'])]
  return `${chassis} (${[priority, ...wrong].join(', ')})`
}

const problem = ({ conflict, candidates, active }: Gateway): string => {
  if (conflict.length > 0) return `${conflict.join(' and ')} both hold themselves active`
  if (candidates.length === 0) return 'no chassis with the physical network offers itself: set flowright-gateway'
  return active === null ? 'none that is connected holds itself active' : ''
}
