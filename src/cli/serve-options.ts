// The options of `flowright serve`: what may be said, what holds when nothing is said, and what is refused.
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseRemote } from 'ovsdb-client'
import { isLoopback, type ListenAt } from '#fabric/chassis/controller-target'
import { neutronQuotas, type QuotaLimits, quotaNames, unlimitedQuotas } from '#model/quota'
import { type HostPort, parseHostPort, parseListener, showHostPort, showListener } from './endpoint.ts'

/** What the controller is started with, checked. */
export interface ServeOptions {
  /** The directory of the store; made when missing. */
  readonly data: string
  readonly api: HostPort
  /** Where chassis dial in with OVSDB, and where their bridges dial in with OpenFlow. */
  readonly ovsdb: readonly ListenAt[]
  readonly openflow: readonly ListenAt[]
  /** Remotes of chassis that the controller dials: `tcp:HOST:PORT`, `ssl:HOST:PORT`, `unix:PATH`. */
  readonly chassis: readonly string[]
  /** The host that bridges are told to dial; undefined: the address at which their chassis reached us. */
  readonly advertise: string | undefined
  /** Base URL of the Keystone v3 that judges tokens; undefined: no authentication. */
  readonly keystone: string | undefined
  /** The limits of projects without limits of their own. */
  readonly quotas: QuotaLimits
  /** Keys for `pssl:` and `ssl:`, in PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined
  /** Any chassis is accepted without approval. */
  readonly autoApprove: boolean
  readonly logLevel: LogLevel
}

/** Pino's levels, from the most to the least talkative. */
export type LogLevel = (typeof logLevels)[number]

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const

/** Options as commander collects them. */
interface Given {
  data: string
  api: HostPort
  ovsdb: ListenAt[]
  openflow: ListenAt[]
  chassis: string[]
  advertise?: string
  auth: 'none' | 'keystone'
  keystone?: string
  quotas?: QuotaLimits
  ca?: string
  cert?: string
  key?: string
  insecure?: boolean
  autoApprove?: boolean
  logLevel: LogLevel
  config?: string
}

/** `--data`, of every command that opens the store. */
export function dataOption(): Option {
  return new Option('--data <dir>', 'directory of the store').argParser(directory).default('./flowright-data')
}

/** Declares the options on a command. */
export function addServeOptions(command: Command): Command {
  const add = (flags: string, description: string) => new Option(flags, description)
  const options = [
    dataOption(),
    add('--api <host:port>', 'where the API listens')
      .argParser(parseHostPort)
      .default(parseHostPort('127.0.0.1:9696'), '127.0.0.1:9696'),
    repeatable(
      add('--ovsdb <listener...>', 'where chassis dial in (OVSDB): ptcp:PORT[:HOST], pssl:PORT[:HOST] or punix:PATH'),
      parseListener,
      ['ptcp:6640:127.0.0.1'],
    ),
    repeatable(add('--openflow <listener...>', 'where their bridges dial in (OpenFlow)'), parseListener, [
      'ptcp:6653:127.0.0.1',
    ]),
    repeatable(
      add('--chassis <remote...>', 'a chassis to dial: tcp:HOST:PORT, ssl:HOST:PORT or unix:PATH'),
      remote,
      [],
    ),
    add(
      '--advertise <host>',
      'the host that bridges are told to dial, or unix:NAME in their run directory (default: the address at which their chassis reached us)',
    ),
    add('--auth <method>', 'who may call the API').choices(['none', 'keystone']).default('none'),
    add('--keystone <url>', 'the Keystone v3 that judges tokens, for --auth keystone').argParser(url),
    add(
      '--quotas <limits>',
      "what a project may have unless the API says otherwise: neutron (Neutron's defaults), unlimited, or changes to neutron's, e.g. port=1000,network=-1 (default: unlimited with --auth none, else neutron)",
    ).argParser(quotas),
    add('--ca <file>', 'certificates (PEM) that chassis must be signed by, for pssl: and ssl:'),
    add('--cert <file>', "the controller's certificate (PEM), for pssl: and ssl:"),
    add('--key <file>', 'its private key (PEM)'),
    add('--insecure', 'allow an API without authentication, and listeners without TLS, off loopback'),
    add('--auto-approve', 'accept any chassis whose certificate is good, without approval (for labs)'),
    add('--log-level <level>', 'how much to log').choices(logLevels).default('info'),
    add(
      '--config <file>',
      'a JSON file of these options, without dashes: {"api": "…", "ovsdb": ["…"], "insecure": true}; the command line wins',
    ),
  ]
  for (const option of options) command.addOption(option)
  return command
}

/** Reads what was given to a command with `addServeOptions`. Ends the command with an error when it makes no sense. */
export function readServeOptions(command: Command): ServeOptions {
  const file = command.getOptionValue('config') as string | undefined
  if (file !== undefined) applyConfig(command, file)
  const given = command.opts<Given>()
  const refused = refusal(given)
  if (refused !== undefined) command.error(`error: ${refused}`)
  return {
    data: given.data,
    api: given.api,
    ovsdb: given.ovsdb,
    openflow: given.openflow,
    chassis: given.chassis,
    advertise: given.advertise,
    keystone: given.auth === 'keystone' ? given.keystone : undefined,
    // A lab without authentication has one project or none: a limit would only be in its way.
    quotas: given.quotas ?? (given.auth === 'none' ? unlimitedQuotas : neutronQuotas),
    tls: readTls(command, given),
    // In the clear nobody can tell one chassis from another, so approval would be for show.
    autoApprove: given.autoApprove === true || given.insecure === true || given.ovsdb.every(l => l.protocol !== 'pssl'),
    logLevel: given.logLevel,
  }
}

/** Why these options are refused, in words for the operator; undefined when they are fine. */
function refusal(given: Given): string | undefined {
  if (given.auth === 'keystone' && given.keystone === undefined) return '--auth keystone needs --keystone URL'
  if (given.auth === 'none' && given.keystone !== undefined)
    return '--keystone is for --auth keystone; add it, or leave --keystone out'
  const files = [given.ca, given.cert, given.key].filter(f => f !== undefined).length
  if (files !== 0 && files !== 3) return '--ca, --cert and --key belong together; give all three or none'
  const encrypted = [...given.ovsdb, ...given.openflow].find(l => l.protocol === 'pssl')
  if (encrypted && files === 0) return `${showListener(encrypted)} needs --ca, --cert and --key`
  const dialled = given.chassis.find(c => c.startsWith('ssl:'))
  if (dialled !== undefined && files === 0) return `${dialled} needs --ca, --cert and --key`
  if (given.insecure) return undefined
  if (given.auth === 'none' && !isLoopback(given.api.host)) {
    return `the API at ${showHostPort(given.api)} would obey anyone who reaches it: listen on loopback, use --auth keystone, or say --insecure`
  }
  const plain = [...given.ovsdb, ...given.openflow].find(l => l.protocol === 'ptcp' && !isLoopback(l.host))
  if (plain) {
    return `${showListener(plain)} would accept any switch from outside, unencrypted: use pssl: with --ca, --cert and --key, or say --insecure`
  }
  return undefined
}

function readTls(command: Command, given: Given): ServeOptions['tls'] {
  const { ca, cert, key } = given
  if (ca === undefined || cert === undefined || key === undefined) return undefined
  const pem = (name: string, file: string) => {
    const text = readText(command, `--${name}`, file)
    if (!text.includes('-----BEGIN ')) command.error(`error: --${name} ${file}: this is no PEM file`)
    return text
  }
  return { ca: pem('ca', ca), cert: pem('cert', cert), key: pem('key', key) }
}

/** Fills in from a file what the command line did not say. */
function applyConfig(command: Command, file: string): void {
  const fail: (reason: string) => never = reason => command.error(`error: --config ${file}: ${reason}`)
  let config: unknown
  try {
    config = JSON.parse(readText(command, '--config', file))
  } catch (error) {
    fail(`not JSON: ${(error as Error).message}`)
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) fail('must be one JSON object')
  for (const [name, value] of Object.entries(config as object)) {
    const option = command.options.find(o => o.long === `--${name}` && name !== 'config')
    if (!option) fail(`there is no option "${name}"`)
    const key = option.attributeName()
    if (command.getOptionValueSource(key) === 'cli') continue
    const flag = !option.required
    if (flag ? typeof value !== 'boolean' : option.variadic ? !isTexts(value) : typeof value !== 'string') {
      fail(`"${name}" must be ${flag ? 'true or false' : option.variadic ? 'a list of strings' : 'a string'}`)
    }
    try {
      command.setOptionValueWithSource(key, parsed(option, value), 'config')
    } catch (error) {
      fail(`"${name}": ${(error as Error).message}`)
    }
  }
}

function parsed(option: Option, value: unknown): unknown {
  if (!option.parseArg) return value
  if (!option.variadic) return option.parseArg(value as string, undefined as never)
  return (value as string[]).reduce<unknown>((list, text) => option.parseArg!(text, list as never), undefined)
}

function readText(command: Command, name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return command.error(`error: ${name} ${file}: ${(error as Error).message}`)
  }
}

/** An option that may be given several times; the first replaces the default. */
function repeatable<T>(option: Option, parse: (text: string) => T, defaults: readonly string[]): Option {
  const initial = defaults.map(parse)
  return option
    .argParser<T[]>((text, before) => [...(before === undefined || before === initial ? [] : before), parse(text)])
    .default(initial, defaults.join(' ') || 'none')
}

function directory(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty: name a directory (was a variable not set?).')
  return text
}

function remote(text: string): string {
  try {
    parseRemote(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  return text
}

function quotas(text: string): QuotaLimits {
  if (text === 'unlimited') return unlimitedQuotas
  if (text === 'neutron') return neutronQuotas
  const changes = text.split(',').map(part => {
    const [name, limit = ''] = part.split('=', 2)
    if (!quotaNames.some(known => known === name))
      throw new InvalidArgumentError(`"${name}" is none of ${quotaNames.join(', ')}.`)
    if (!/^(-1|\d{1,9})$/.test(limit))
      throw new InvalidArgumentError(`${name} needs a number, or -1 for no limit, as in ${name}=100.`)
    return [name, Number(limit)]
  })
  return { ...neutronQuotas, ...Object.fromEntries(changes) }
}

function url(text: string): string {
  const parsed = URL.parse(text)
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new InvalidArgumentError(`"${text}" is no http or https URL.`)
  return text.replace(/\/+$/, '')
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(v => typeof v === 'string')
