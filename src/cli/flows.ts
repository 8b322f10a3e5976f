// `flowright flows`, `diff` and `explain`: what a chassis holds, what it should hold, and what asked for one flow.
import { Command } from 'commander'
import { addApiOptions, controllerApi, segment } from './controller-api.ts'
import { fields, json } from './print.ts'

/** What a flow was compiled for. */
interface Resource {
  readonly kind: string
  readonly id: string
  readonly name?: string
}

/** A flow (or group, or meter) in ovs-ofctl's syntax, with the names of tables and registers. */
interface Flow {
  readonly bridge: string
  readonly table?: string
  readonly cookie?: string
  readonly text: string
  readonly resources: readonly Resource[]
}

/** What one cookie leads to. */
interface Explanation {
  readonly cookie: string
  readonly bridge: string
  readonly table: string
  readonly file: string
  readonly description?: string
  readonly flows: readonly string[]
  readonly resources: readonly Resource[]
  readonly revision?: number
  readonly request?: string
}

interface Options {
  readonly api: string
  readonly token?: string
  readonly json?: boolean
  readonly bridge?: string
  readonly table?: string
  readonly resource?: string
}

/** `flowright flows CHASSIS`. */
export function flows(): Command {
  return addApiOptions(new Command('flows'))
    .description(
      'what the controller wants a chassis to hold, in the syntax of ovs-ofctl, with the resource behind each flow',
    )
    .argument('<chassis>')
    .option('--bridge <name>', 'only of this bridge')
    .option('--table <name>', 'only of this table')
    .option('--resource <id or name>', 'only what this resource asked for')
    .action(async (id: string, options: Options) => {
      const answer = await controllerApi(options).call<{ flows: Flow[] }>('GET', `/chassis/${segment(id)}/flows`)
      const wanted = answer.flows.filter(
        flow =>
          (options.bridge === undefined || flow.bridge === options.bridge) &&
          (options.table === undefined || flow.table === options.table) &&
          (options.resource === undefined ||
            flow.resources.some(r => r.id === options.resource || r.name === options.resource)),
      )
      process.stdout.write(options.json ? json(wanted) : byBridge(wanted, flow => line(flow)))
    })
}

/** `flowright diff CHASSIS`. */
export function diff(): Command {
  return addApiOptions(new Command('diff'))
    .description('what differs between what a chassis should hold and what it holds; status 1 if anything does')
    .argument('<chassis>')
    .action(async (id: string, options: Options) => {
      const answer = await controllerApi(options).call<{ missing: Flow[]; unexpected: Flow[]; quarantined?: Flow[] }>(
        'GET',
        `/chassis/${segment(id)}/diff`,
      )
      const differences = [
        ...answer.missing.map(flow => ({ ...flow, sign: '-' })),
        ...answer.unexpected.map(flow => ({ ...flow, sign: '+' })),
      ]
      if (options.json) process.stdout.write(json(answer))
      else if (differences.length === 0) console.log(`${id} holds what it should.`)
      else {
        process.stdout.write(byBridge(differences, flow => `${flow.sign} ${line(flow)}`))
        console.log('- should be there, + should not')
      }
      if (differences.length > 0) process.exitCode = 1
    })
}

/** `flowright explain CHASSIS COOKIE`. */
export function explain(): Command {
  return addApiOptions(new Command('explain'))
    .description('what asked for the flows with a cookie: resource, request and the file that made them')
    .argument('<chassis>')
    .argument('<cookie>', 'as ovs-ofctl prints it, 0x…')
    .action(async (id: string, cookie: string, options: Options) => {
      const found = await controllerApi(options).call<Explanation>(
        'GET',
        `/chassis/${segment(id)}/cookies/${segment(cookie)}`,
      )
      if (options.json) return void process.stdout.write(json(found))
      process.stdout.write(
        fields([
          ['cookie', found.cookie],
          ['bridge', found.bridge],
          ['table', found.table],
          ['made by', found.file],
          ['does', found.description ?? ''],
          ['flows', found.flows.join('\n')],
          ['asked for by', found.resources.map(show).join('\n')],
          ['revision', String(found.revision ?? '')],
          ['request', found.request ?? ''],
        ]),
      )
    })
}

const show = ({ kind, id, name }: Resource) => `${kind} ${name ? `${name} (${id})` : id}`

const line = (flow: Flow) =>
  flow.resources.length === 0 ? flow.text : `${flow.text}  # ${flow.resources.map(show).join(', ')}`

function byBridge<T extends Flow>(all: readonly T[], print: (flow: T) => string): string {
  const bridges = [...new Set(all.map(flow => flow.bridge))]
  return bridges
    .map(
      bridge =>
        `${bridge}\n${all
          .filter(f => f.bridge === bridge)
          .map(f => `  ${print(f)}\n`)
          .join('')}`,
    )
    .join('')
}
