// `flowright chassis`: the hosts, what state they are in and why, and who may take part.
import { Command } from 'commander'
import { addApiOptions, type ControllerApi, controllerApi, segment } from './controller-api.ts'
import { fields, json, table } from './print.ts'

/** A chassis as the API shows it. */
interface Chassis {
  readonly id: string
  readonly hostname: string
  readonly admission: 'approved' | 'waiting' | 'draining'
  readonly connected: boolean
  readonly tunnel_ip: string
  readonly tunnel_types: readonly string[]
  readonly bridge_mappings: Readonly<Record<string, string>>
  readonly datapath_type: string
  readonly ovs_version: string
  readonly problems: readonly string[]
  readonly bindings: readonly { readonly port: string; readonly interface: string; readonly state: string }[]
}

interface Options {
  readonly api: string
  readonly token?: string
  readonly json?: boolean
}

/** The command with its subcommands; `list` when none is named. */
export function chassis(): Command {
  const command = new Command('chassis').description('the hosts that run Open vSwitch')
  const add = (
    name: string,
    description: string,
    run: (api: ControllerApi, id: string, options: Options) => Promise<string>,
    isDefault = false,
  ) =>
    addApiOptions(command.command(name, { isDefault }).description(description)).action(async (...args: unknown[]) => {
      const options = args.at(-2) as Options
      process.stdout.write(await run(controllerApi(options), String(args[0]), options))
    })
  add('list', 'all of them, with what keeps one from working', list, true)
  add('show <chassis>', 'one of them', show)
  add('approve <chassis>', 'let one take part that waits, or that was drained', (api, id) => admit(api, id, 'approved'))
  add('drain <chassis>', 'keep what it has, and give it nothing new', (api, id) => admit(api, id, 'draining'))
  add('remove <chassis>', 'forget one that has left for good', remove)
  return command
}

async function list(api: ControllerApi, _id: string, options: Options): Promise<string> {
  const all = (await api.call<{ chassis: Chassis[] }>('GET', '/chassis')).chassis
  if (options.json) return json(all)
  if (all.length === 0) {
    return 'No chassis has joined yet. On a host that runs Open vSwitch: ovs-vsctl set-manager tcp:CONTROLLER:6640\n'
  }
  const heading = ['CHASSIS', 'HOST', 'STATE', 'VTEP', 'TUNNELS', 'OVS', 'PORTS', 'PROBLEMS']
  return table(
    heading,
    all.map(c => [
      c.id,
      c.hostname,
      state(c),
      c.tunnel_ip || '-',
      c.tunnel_types.join(','),
      c.ovs_version,
      String(c.bindings.length),
      c.problems.join('; '),
    ]),
  )
}

async function show(api: ControllerApi, id: string, options: Options): Promise<string> {
  const { chassis: c } = await api.call<{ chassis: Chassis }>('GET', `/chassis/${segment(id)}`)
  if (options.json) return json(c)
  return fields([
    ['chassis', c.id],
    ['host', c.hostname],
    ['state', state(c)],
    ['problems', c.problems.join('\n')],
    ['VTEP', c.tunnel_ip],
    ['tunnel types', c.tunnel_types.join(', ')],
    [
      'physical networks',
      Object.entries(c.bridge_mappings)
        .map(([network, bridge]) => `${network} on ${bridge}`)
        .join('\n'),
    ],
    ['datapath', c.datapath_type],
    ['Open vSwitch', c.ovs_version],
    [
      'ports',
      c.bindings.map(b => `${b.port} at ${b.interface}${b.state === 'active' ? '' : ` (${b.state})`}`).join('\n'),
    ],
  ])
}

async function admit(api: ControllerApi, id: string, admission: Chassis['admission']): Promise<string> {
  const { chassis: c } = await api.call<{ chassis: Chassis }>('PUT', `/chassis/${segment(id)}`, {
    chassis: { admission },
  })
  return `${c.id} is ${c.admission}\n`
}

async function remove(api: ControllerApi, id: string): Promise<string> {
  await api.call('DELETE', `/chassis/${segment(id)}`)
  return `${id} is removed\n`
}

/** Whether it is here, and whether it may take part, in one word or two. */
function state({ connected, admission }: Chassis): string {
  const presence = connected ? 'connected' : 'away'
  return admission === 'approved'
    ? presence
    : `${presence}, ${admission === 'waiting' ? 'waits for approval' : 'draining'}`
}
