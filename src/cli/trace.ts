// `flowright trace`: a packet's way through tables, bridges and chassis, step by step, and one sentence at the end.
import { Command, Option } from 'commander'
import { type ApiOptions, addApiOptions, CommandError, controllerApi } from './controller-api.ts'
import { json } from './print.ts'

/** A record of the model that asked for a flow. */
interface Resource {
  readonly kind: string
  readonly words: string
}

/** A packet in a table. */
interface Visit {
  readonly table: number
  readonly name: string
  readonly flow: { readonly match: string; readonly resources: readonly Resource[]; readonly packets?: number } | null
  readonly effects: readonly Effect[]
}

/** What an action did, by `type`. */
interface Effect {
  readonly type: string
  readonly name?: string
  readonly value?: string
  readonly visit?: Visit
  readonly port?: number
  readonly to?: string
  readonly arrival?: Arrival
  readonly zone?: number
  readonly commit?: boolean
  readonly state?: readonly string[]
  readonly translated?: readonly { readonly end: string; readonly before: string; readonly after: string }[]
  readonly flow?: string
  readonly text?: string
}

/** A packet as it comes to a bridge. */
interface Arrival {
  readonly by: string
  readonly chassis: string
  readonly bridge: string
  readonly port: number
  readonly packet: string
  readonly visit: Visit
}

/** A trace as the API answers it. */
interface Trace {
  readonly sentence: string
  readonly delivered: boolean
  readonly before: readonly string[]
  readonly arrivals: readonly Arrival[]
  readonly live?: { readonly sentence: string; readonly as_traced: boolean }
}

interface Options extends ApiOptions {
  readonly from?: string
  readonly to?: string
  readonly as?: string
  readonly ipVersion?: string
  readonly installed?: boolean
  readonly live?: boolean
  readonly bridge?: string
  readonly ct?: readonly string[]
  readonly dead?: readonly string[]
  readonly size?: string
}

/** `flowright trace`. */
export function trace(): Command {
  return addApiOptions(new Command('trace'))
    .description("a packet's way through tables, bridges and chassis; status 1 unless it is delivered")
    .usage("--from PORT --to PORT tcp 443 | CHASSIS 'in_port=…,tcp,…'")
    .argument(
      '<what...>',
      'a protocol (tcp 443, udp 53, sctp 3868, icmp, icmpv6, arp, any by name or number); or a chassis and a packet, as ovs-ofctl writes it',
    )
    .option('--from <port>', 'id or name of the port that sends, or the address of a host outside')
    .option('--to <port>', 'id or name of the port that is to receive, or an address such as a floating IP')
    .addOption(
      new Option(
        '--as <packet>',
        'the first packet of a connection, the reply to it, or one after both (default: new)',
      ).choices(['new', 'reply', 'established']),
    )
    .addOption(new Option('--ip-version <version>', 'where ports have addresses of both').choices(['4', '6']))
    .option('--installed', 'read the flows from the switches that it passes, instead of those that they should hold')
    .option('--live', 'send such a packet for real, too, and tell which flows on the way counted it')
    .option('--bridge <name>', 'where a packet of your own comes in (default: br-int)')
    .option('--dead <chassis...>', 'as if these chassis did not live: which gateway takes over then')
    .option('--size <bytes>', 'how large the IP packet is: where it is too big for an MTU (default: nowhere)')
    .option('--ct <states...>', 'what connection tracking tells, each time it is asked, such as trk,est')
    .action(async (what: string[], options: Options) => {
      const { trace: found } = await controllerApi(options).call<{ trace: Trace }>(
        options.live ? 'POST' : 'GET',
        `/trace?${query(what, options)}`,
      )
      process.stdout.write(options.json ? json(found) : show(found))
      if (!found.delivered || found.live?.as_traced === false) process.exitCode = 1
    })
}

/** What the API is asked: it says which options do not go together. */
function query(what: readonly string[], options: Options): URLSearchParams {
  const { from, to, as, ipVersion, bridge, ct = [], dead = [], size, installed } = options
  const given = { as, ip_version: ipVersion, bridge, size, tables: installed ? 'installed' : undefined }
  const query = new URLSearchParams(
    Object.entries(given).filter((one): one is [string, string] => one[1] !== undefined),
  )
  for (const chassis of dead) query.append('dead', chassis)
  for (const state of ct) query.append('ct', state)
  if (from !== undefined || to !== undefined) {
    if (from === undefined || to === undefined) throw new CommandError('trace needs both --from and --to')
    for (const [name, value] of Object.entries({ from, to, protocol: what.join(' ') })) query.set(name, value)
    return query
  }
  const [chassis = '', ...packet] = what
  if (packet.length === 0)
    throw new CommandError(
      "trace needs --from and --to, or a chassis and a packet such as 'in_port=101,tcp,tcp_dst=443'",
    )
  query.set('chassis', chassis)
  query.set('packet', packet.join(','))
  return query
}

const show = ({ sentence, before, arrivals, live }: Trace): string =>
  [
    ...before.map(earlier => `Before it: ${earlier}`),
    ...arrivals.flatMap(showArrival),
    '',
    sentence,
    ...(live ? [live.sentence] : []),
    '',
  ].join('\n')

const how: Readonly<Record<string, string>> = {
  start: '',
  patch: '',
  tunnel: ', out of a tunnel',
  physical: ', from the physical network',
  ct: ', after connection tracking',
}

const showArrival = ({ by, chassis, bridge, port, packet, visit }: Arrival): readonly string[] => [
  `${chassis} ${bridge}, port ${port}${how[by] ?? ''}: ${packet}`,
  ...showVisit(visit, 1),
]

const indent = (depth: number) => '  '.repeat(depth)

/** A line for the table and its flow, and lines for what happened there; tables asked in between stand further in. */
const showVisit = ({ table, name, flow, effects }: Visit, depth: number): readonly string[] => {
  const because = flow === null ? 'no flow matches' : flow.match || 'anything else'
  const counted = flow?.packets === undefined ? '' : `, ${flow.packets} packets`
  const owners = [...new Set(flow?.resources.filter(r => r.kind !== 'pipeline').map(r => r.words))]
  const whose =
    owners.length === 0 ? '' : `  # ${owners.slice(0, SHOWN).join(', ')}${owners.length > SHOWN ? ', …' : ''}`
  const head = `${indent(depth)}${String(table).padStart(3)} ${name.padEnd(20)} ${because}${counted}${whose}`
  return [head, ...(effects.length === 0 ? [`${indent(depth)}    nothing more`] : showEffects(effects, depth))]
}

/** What was written one after the other stands on one line. */
const showEffects = (effects: readonly Effect[], depth: number): readonly string[] => {
  const lines: string[] = []
  let written: string[] = []
  const flush = () => {
    if (written.length > 0) lines.push(`${indent(depth)}    ${written.join(', ')}`)
    written = []
  }
  for (const effect of effects) {
    if (effect.type === 'set') written.push(`${effect.name} = ${effect.value}`)
    else {
      flush()
      lines.push(...showEffect(effect, depth))
    }
  }
  flush()
  return lines
}

const SHOWN = 3

const showEffect = (effect: Effect, depth: number): readonly string[] => {
  const line = (text: string) => [`${indent(depth)}    ${text}`]
  switch (effect.type) {
    case 'goto':
      return effect.visit ? showVisit(effect.visit, depth) : []
    case 'resubmit':
      return effect.visit ? showVisit(effect.visit, depth + 2) : []
    case 'output':
      return [...line(`-> port ${effect.port}: ${effect.to}`), ...(effect.arrival ? showArrival(effect.arrival) : [])]
    case 'ct': {
      const what = effect.commit ? 'connection committed' : 'connection tracked'
      const nat = (effect.translated ?? []).map(t => `, ${t.end} ${t.before} translated to ${t.after}`)
      return line(`${what} in zone ${effect.zone}: ${effect.state?.join(', ')}${nat.join('')}`)
    }
    case 'controller':
      return line('-> the controller')
    case 'learn':
      return line(`learns ${effect.flow}`)
    case 'push_vlan':
      return line('a VLAN tag is put on')
    case 'pop_vlan':
      return line('the VLAN tag is taken off')
    case 'note':
      return line(`(${effect.text})`)
    default:
      return []
  }
}
