// `flowright chassis`: the hosts, what state they are in and why, and who may take part.
import { Command } from 'commander'
import { type ApiOptions, addApiOptions, type ControllerApi, controllerApi, segment } from './controller-api.ts'
import { fields, json, table } from './print.ts'

/** A chassis as the API shows it. */
interface Chassis {
  readonly id: string
  readonly hostname: string
  readonly admission: 'approved' | 'waiting' | 'draining'
  readonly connected: boolean
  readonly remote: string
  /** Why it is not connected. */
  readonly reason: string
  readonly tunnel_ip: string
  readonly tunnel_types: readonly string[]
  readonly bridge_mappings: Readonly<Record<string, string>>
  readonly datapath_type: string
  readonly ovs_version: string
  readonly problems: readonly string[]
  /** How programming stands; null where there is none. */
  readonly openflow: { readonly bridges: Readonly<Record<string, Bridge>> } | null
  readonly bindings: readonly { readonly port: string; readonly interface: string; readonly state: string }[]
  /** Interfaces that ask for a port and do not get it. */
  readonly unbound: readonly { readonly port: string; readonly interface: string; readonly reason: string }[]
}

/** A connection, or a host that is dialled, that is no chassis. */
interface Stranger {
  readonly remote: string
  readonly system_id: string
  readonly reason: string
}

/** How programming a bridge stands. */
interface Bridge {
  readonly state: string
  readonly flows: number
  /** Deviations repaired, and flows that it refused. */
  readonly drift: number
  readonly quarantined: number
}

interface Options extends ApiOptions {
  readonly force?: boolean
}

/** Asks the controller, and resolves with what to print. */
type Run = (api: ControllerApi, id: string, options: Options) => Promise<string>

/** The command with its subcommands; `list` when none is named. */
export function chassis(): Command {
  const command = new Command('chassis').description('the hosts that run Open vSwitch')
  const add = (name: string, description: string, run: Run) =>
    addApiOptions(command.command(name, { isDefault: name === 'list' }).description(description)).action(
      async (...args: unknown[]) => {
        const options = args.at(-2) as Options
        process.stdout.write(await run(controllerApi(options), String(args[0]), options))
      },
    )
  add('list', 'all of them, with what keeps one from working', list)
  add('show <chassis>', 'one of them', show)
  add('approve <chassis>', 'let one take part that waits, or that was drained', admit('approved'))
  add('drain <chassis>', 'keep what it has, and give it nothing new', admit('draining'))
  add('remove <chassis>', 'forget one that has left for good', remove).option(
    '--force',
    'also while ports are bound there',
  )
  return command
}

async function list(api: ControllerApi, _id: string, options: Options): Promise<string> {
  const answer = await api.call<{ chassis: Chassis[]; strangers: Stranger[] }>('GET', '/chassis')
  if (options.json) return json(answer)
  return listed(answer.chassis) + (answer.strangers.length > 0 ? `\n${turnedAway(answer.strangers)}` : '')
}

function turnedAway(strangers: readonly Stranger[]): string {
  return table(
    ['NO CHASSIS', 'CALLS ITSELF', 'BECAUSE'],
    strangers.map(({ remote, system_id, reason }) => [remote, system_id || '-', reason]),
  )
}

function listed(all: readonly Chassis[]): string {
  if (all.length === 0) {
    return 'No chassis has joined yet. On a host that runs Open vSwitch: ovs-vsctl set-manager tcp:CONTROLLER:6640\n'
  }
  return table(
    ['CHASSIS', 'HOST', 'STATE', 'VTEP', 'TUNNELS', 'OVS', 'PORTS', 'FLOWS', 'PROBLEMS'],
    all.map(c => [
      c.id,
      c.hostname,
      state(c),
      c.tunnel_ip || '-',
      c.tunnel_types.join(','),
      c.ovs_version,
      String(c.bindings.length),
      String(Object.values(c.openflow?.bridges ?? {}).reduce((sum, bridge) => sum + bridge.flows, 0)),
      c.problems.join('; '),
    ]),
  )
}

async function show(api: ControllerApi, id: string, options: Options): Promise<string> {
  const { chassis: c } = await api.call<{ chassis: Chassis }>('GET', `/chassis/${segment(id)}`)
  if (options.json) return json(c)
  const lines = <T>(items: readonly T[], line: (item: T) => string) => items.map(line).join('\n')
  return fields([
    ['chassis', c.id],
    ['host', c.hostname],
    ['state', state(c)],
    ['connected from', c.connected ? c.remote : ''],
    ['away because', c.connected ? '' : c.reason],
    ['problems', c.problems.join('\n')],
    ['VTEP', c.tunnel_ip],
    ['tunnel types', c.tunnel_types.join(', ')],
    ['physical networks', lines(Object.entries(c.bridge_mappings), ([network, bridge]) => `${network} on ${bridge}`)],
    ['datapath', c.datapath_type],
    ['Open vSwitch', c.ovs_version],
    ['bridges', lines(Object.entries(c.openflow?.bridges ?? {}), ([name, bridge]) => `${name}: ${programmed(bridge)}`)],
    ['ports', lines(c.bindings, b => `${b.port} at ${b.interface}${b.state === 'active' ? '' : ` (${b.state})`}`)],
    ['not bound', lines(c.unbound, u => `${u.port} at ${u.interface}: ${u.reason}`)],
  ])
}

function admit(admission: 'approved' | 'draining'): Run {
  return async (api, id) => {
    await api.call('PUT', `/chassis/${segment(id)}`, { chassis: { admission } })
    return `${id} is ${admission}\n`
  }
}

async function remove(api: ControllerApi, id: string, { force }: Options): Promise<string> {
  await api.call('DELETE', `/chassis/${segment(id)}${force ? '?force=true' : ''}`)
  return `${id} is removed\n`
}

/** Whether it is here and holds what it should, and whether it may take part. */
function state({ connected, admission, openflow }: Chassis): string {
  const states = Object.values(openflow?.bridges ?? {}).map(bridge => bridge.state)
  const behind = states.find(s => s !== 'in_sync')
  const presence = !connected ? 'away' : states.length > 0 ? words(behind ?? 'in_sync') : 'connected'
  if (admission === 'approved') return presence
  return `${presence}, ${admission === 'waiting' ? 'waits for approval' : 'draining'}`
}

function programmed({ state, flows, drift, quarantined }: Bridge): string {
  const counts = [count(flows, 'flow')]
  if (drift > 0) counts.push(`${count(drift, 'deviation')} repaired`)
  if (quarantined > 0) counts.push(`${count(quarantined, 'flow')} refused by the switch`)
  return `${words(state)}, ${counts.join(', ')}`
}

const count = (n: number, thing: string) => `${n} ${thing}${n === 1 ? '' : 's'}`

const words = (state: string) => state.replaceAll('_', ' ')
