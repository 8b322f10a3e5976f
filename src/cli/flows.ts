// `flowright flows`, `diff` and `explain`: what a chassis holds, what it should hold, and what asked for one flow.
import { Command } from 'commander'
import { type ApiOptions, addApiOptions, controllerApi, segment } from './controller-api.ts'
import { fields, json } from './print.ts'

/** What a flow was compiled for. */
interface Resource {
  readonly kind: string
  readonly id: string
  readonly name?: string
}

/** A flow in ovs-ofctl's syntax, with the names of tables and registers. */
interface Flow {
  readonly bridge: string
  readonly text: string
  readonly resources: readonly Resource[]
  /** What the switch counted, where it was asked. */
  readonly packets?: number
}

/** How a chassis differs from what it should hold. */
interface Difference {
  readonly missing: readonly Flow[]
  readonly unexpected: readonly Flow[]
  readonly different: readonly { readonly expected: Flow; readonly installed: Flow }[]
  readonly quarantined: readonly (Flow & { readonly error: string })[]
}

/** What one cookie leads to. */
interface Explanation {
  readonly cookie: string
  readonly bridge: string
  readonly table: string
  readonly file: string
  readonly description: string
  /** What it means for security groups, in a few sentences. */
  readonly meaning: readonly string[]
  readonly flows: readonly string[]
  readonly resources: readonly Resource[]
  readonly revision?: number
  readonly request?: string
}

interface Options extends ApiOptions {
  readonly bridge?: string
  readonly table?: string
  readonly source?: string
  readonly counters?: boolean
}

/** `flowright flows CHASSIS`. */
export function flows(): Command {
  return addApiOptions(new Command('flows'))
    .description('the flows a chassis should hold, in the syntax of ovs-ofctl, with the resource behind each')
    .argument('<chassis>')
    .option('--bridge <name>', 'only of this bridge')
    .option('--table <name or number>', 'only of this table')
    .option('--source <name or id>', 'only what this resource asked for; all that have the name')
    .option('--counters', 'ask the switch for what it holds, with its counters')
    .action(async (id: string, options: Options) => {
      const query = new URLSearchParams(options.counters ? { counters: 'true' } : {})
      for (const name of ['bridge', 'table', 'source'] as const) {
        if (options[name] !== undefined) query.set(name, options[name])
      }
      const answer = await controllerApi(options).call<{ flows: Flow[] }>(
        'GET',
        `/chassis/${segment(id)}/flows?${query}`,
      )
      if (options.json) process.stdout.write(json(answer.flows))
      else if (answer.flows.length === 0)
        console.log(query.size === 0 ? `${id} should hold none.` : 'No flow is like that.')
      else process.stdout.write(byBridge(answer.flows, flow => [line(flow)]))
    })
}

/** `flowright diff CHASSIS`. */
export function diff(): Command {
  return addApiOptions(new Command('diff'))
    .description('where what a chassis holds differs from what it should; status 1 if it does')
    .argument('<chassis>')
    .action(async (id: string, options: Options) => {
      const found = await controllerApi(options).call<Difference>('GET', `/chassis/${segment(id)}/diff`)
      const differences = [
        ...found.missing.map(flow => ({ bridge: flow.bridge, lines: [`- ${line(flow)}`] })),
        ...found.unexpected.map(flow => ({ bridge: flow.bridge, lines: [`+ ${line(flow)}`] })),
        ...found.different.map(({ expected, installed }) => ({
          bridge: expected.bridge,
          lines: [`- ${line(expected)}`, `+ ${line(installed)}`],
        })),
        ...found.quarantined.map(flow => ({
          bridge: flow.bridge,
          lines: [`! ${line(flow)}`, `  refused: ${flow.error}`],
        })),
      ]
      if (options.json) process.stdout.write(json(found))
      else if (differences.length === 0) console.log(`${id} holds what it should.`)
      else {
        process.stdout.write(byBridge(differences, ({ lines }) => lines))
        console.log('- is missing there, + should not be there, ! was refused by the switch')
      }
      if (differences.length > 0) process.exitCode = 1
    })
}

/** `flowright explain CHASSIS COOKIE`. */
export function explain(): Command {
  return addApiOptions(new Command('explain'))
    .description('what asked for the flows with a cookie, and what they mean: rule, group, ports, request, file')
    .argument('<chassis>')
    .argument('<cookie>', 'as ovs-ofctl prints it, 0x…')
    .action(async (id: string, cookie: string, options: Options) => {
      const path = `/chassis/${segment(id)}/cookies/${segment(cookie)}`
      const found = await controllerApi(options).call<Explanation>('GET', path)
      process.stdout.write(
        options.json
          ? json(found)
          : fields([
              ['cookie', found.cookie],
              ['table', `${found.table} of ${found.bridge}`],
              ['made by', found.file],
              ['which', found.description],
              ['this one', found.meaning.join('\n')],
              [found.flows.length === 1 ? 'flow' : 'flows', found.flows.join('\n')],
              ['asked for by', [...new Set(found.resources.map(show))].join('\n')],
              ['in revision', String(found.revision ?? '')],
              ['by request', found.request ?? ''],
            ]),
      )
    })
}

const show = ({ kind, id, name }: Resource) => `${kind} ${name ? `${name} (${id})` : id}`

function line({ text, resources, packets }: Flow): string {
  const counted = packets === undefined ? '' : `${String(packets).padStart(8)}  `
  return counted + (resources.length === 0 ? text : `${text}  # ${[...new Set(resources.map(show))].join(', ')}`)
}

function byBridge<T extends { readonly bridge: string }>(
  all: readonly T[],
  print: (item: T) => readonly string[],
): string {
  const bridges = [...new Set(all.map(item => item.bridge))]
  return bridges
    .map(
      bridge =>
        `${bridge}\n${all
          .filter(i => i.bridge === bridge)
          .flatMap(print)
          .map(l => `  ${l}\n`)
          .join('')}`,
    )
    .join('')
}
