// Real Open vSwitch for tests: one ovsdb-server and one ovs-vswitchd in a private directory, ended by pid. With `dummy`
// nothing needs root; without it the userspace datapath forwards real frames inside a network namespace.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'

const run = promisify(execFile)
const schema = '/usr/share/openvswitch/vswitch.ovsschema'
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin:/usr/lib/openvswitch-switch` }

const canRun = (command: string, ...args: string[]) => {
  try {
    execFileSync(command, args, { env, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Why Open vSwitch cannot run here, in words; undefined when it can. */
const ovsMissing =
  existsSync(schema) && canRun('ovs-vswitchd', '--version') && canRun('ovsdb-server', '--version')
    ? undefined
    : 'Open vSwitch is not installed'

const canMakeNamespaces = () =>
  process.getuid?.() === 0 && existsSync('/dev/net/tun') && canRun('unshare', '--net', 'true') && canRun('ip', '-V')

/** Why real datapaths in namespaces cannot run here, in words; undefined when they can. */
export const namespacesMissing =
  ovsMissing ?? (canMakeNamespaces() ? undefined : 'needs root, /dev/net/tun and network namespaces')

const describeUnless = (missing: string | undefined) => (name: string, body: () => void) =>
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, body)

/** `describe` for tests on a real ovs-vswitchd without root; skipped by name where Open vSwitch is missing. */
export const describeOvs = describeUnless(ovsMissing)

/** `describe` for tests on real datapaths in namespaces; skipped by name without root or Open vSwitch. */
export const describeDataplane = describeUnless(namespacesMissing)

/** The daemons of one Open vSwitch. */
type Daemon = 'ovsdb-server' | 'ovs-vswitchd'

/** How one Open vSwitch is started. */
export interface OvsOptions {
  /**
   * No root, no frames: every system device and datapath is a dummy one (tunnel ports too need no device). Default
   * true; false is the real one, to be used in a namespace with `datapath_type=netdev`.
   */
  readonly dummy?: boolean
  /** An existing network namespace to run in. */
  readonly netns?: string
  /** `external_ids:system-id`; none when absent. */
  readonly systemId?: string
  /** More `external_ids` of the Open_vSwitch row, e.g. `flowright-tunnel-ip`. */
  readonly externalIds?: Readonly<Record<string, string>>
  /** `ovs_version` of the Open_vSwitch row, which the host's start script writes, not the daemon. Default: the real one. */
  readonly version?: string
  /** Only ovsdb-server, for tests that need no switch. */
  readonly noSwitch?: boolean
}

/** A running Open vSwitch. */
export interface Ovs {
  /** Its private run directory: logs, sockets (`db.sock`, `<bridge>.mgmt`) and pid files. */
  readonly dir: string
  /** `unix:…` of its database. */
  readonly db: string
  readonly netns: string | undefined
  /** ovs-vsctl on its database; waits for the switch to follow. Resolves with what was printed, trimmed. */
  vsctl(...args: string[]): Promise<string>
  /** ovs-vsctl --no-wait. */
  vsctlNoWait(...args: string[]): Promise<string>
  /** ovs-ofctl -O OpenFlow15; a bridge is given by name. */
  ofctl(...args: string[]): Promise<string>
  /** ovs-appctl of ovs-vswitchd. */
  appctl(...args: string[]): Promise<string>
  /** Any command in its namespace, with its environment. */
  exec(command: string, ...args: string[]): Promise<string>
  pid(daemon: Daemon): number
  /** Text of a daemon's log. */
  log(daemon: Daemon): string
  /** SIGKILL, waited for. */
  kill9(daemon: Daemon): Promise<void>
  /** Starts a daemon again that was killed or stopped. */
  start(daemon: Daemon): Promise<void>
  /** Orderly end of a daemon and a new start. */
  restart(daemon: Daemon): Promise<void>
  /** Ends both daemons and removes the directory. */
  stop(): Promise<void>
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    // A zombie whose parent is slow to reap it is dead too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Polls `done` every 10 ms; throws, naming `what`, after `limit` milliseconds. */
export const until = async (what: string, done: () => unknown, limit = 10_000): Promise<void> => {
  for (const end = Date.now() + limit; !(await done()); ) {
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain for: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const running = new Set<() => void>()
process.once('exit', () => {
  for (const kill of running) kill()
})

/** Starts an Open vSwitch; the daemons are up when it resolves. */
export const startOvs = async (options: OvsOptions = {}): Promise<Ovs> => {
  if (ovsMissing) throw new Error(ovsMissing)
  const dir = mkdtempSync(join(tmpdir(), 'fr-ovs-'))
  const db = `unix:${dir}/db.sock`
  const ownEnv = { ...env, OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir, OVS_SYSCONFDIR: dir }
  const inside = options.netns === undefined ? [] : ['nsenter', `--net=/run/netns/${options.netns}`]

  const exec = async (command: string, ...args: string[]) => {
    const [file, ...rest] = [...inside, command, ...args]
    return (await run(file!, rest, { env: ownEnv, maxBuffer: 1 << 28 })).stdout.trim()
  }
  const vsctl = (...args: string[]) => exec('ovs-vsctl', `--db=${db}`, '--timeout=20', ...args)
  const daemonArgs = (daemon: Daemon) => [
    `--unixctl=${dir}/${daemon}.ctl`,
    `--pidfile=${dir}/${daemon}.pid`,
    `--log-file=${dir}/${daemon}.log`,
    '-vconsole:off',
    '-vsyslog:off',
    '--detach',
    '--no-chdir',
  ]
  const commands: Record<Daemon, () => string[]> = {
    'ovsdb-server': () => [
      `${dir}/conf.db`,
      `--remote=punix:${dir}/db.sock`,
      '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
      '--private-key=db:Open_vSwitch,SSL,private_key',
      '--certificate=db:Open_vSwitch,SSL,certificate',
      '--ca-cert=db:Open_vSwitch,SSL,ca_cert',
    ],
    'ovs-vswitchd': () => [db, ...(options.dummy === false ? [] : ['--enable-dummy=system', '--disable-system'])],
  }
  const start = async (daemon: Daemon) => void (await exec(daemon, ...commands[daemon](), ...daemonArgs(daemon)))
  const pid = (daemon: Daemon) => Number(readFileSync(`${dir}/${daemon}.pid`, 'utf8'))
  const kill = (daemon: Daemon, signal: NodeJS.Signals) => {
    try {
      process.kill(pid(daemon), signal)
    } catch {
      // Not running, or never started.
    }
  }
  const end = async (daemon: Daemon, signal: NodeJS.Signals) => {
    if (!existsSync(`${dir}/${daemon}.pid`)) return
    const victim = pid(daemon)
    kill(daemon, signal)
    await until(`${daemon} to end`, () => !alive(victim))
    rmSync(`${dir}/${daemon}.pid`, { force: true })
  }
  const killAll = () => {
    kill('ovs-vswitchd', 'SIGKILL')
    kill('ovsdb-server', 'SIGKILL')
  }
  running.add(killAll)

  try {
    await exec('ovsdb-tool', 'create', `${dir}/conf.db`, schema)
    await start('ovsdb-server')
    const version = options.version ?? /\d+\.\d+\.\d+/.exec(await exec('ovs-vswitchd', '--version'))?.[0] ?? ''
    const ids = Object.entries({
      ...(options.systemId === undefined ? {} : { 'system-id': options.systemId }),
      ...options.externalIds,
    })
    await vsctl(
      '--no-wait',
      'init',
      '--',
      'set',
      'Open_vSwitch',
      '.',
      `ovs-version=${version}`,
      ...ids.map(([name, value]) => `external_ids:${name}=${JSON.stringify(value)}`),
    )
    if (!options.noSwitch) await start('ovs-vswitchd')
  } catch (error) {
    killAll()
    throw error
  }

  return {
    dir,
    db,
    netns: options.netns,
    vsctl,
    vsctlNoWait: (...args) => vsctl('--no-wait', ...args),
    ofctl: (...args) => exec('ovs-ofctl', '-O', 'OpenFlow15', ...args),
    appctl: (...args) => exec('ovs-appctl', '-t', `${dir}/ovs-vswitchd.ctl`, ...args),
    exec,
    pid,
    log: daemon => readFileSync(`${dir}/${daemon}.log`, 'utf8'),
    kill9: daemon => end(daemon, 'SIGKILL'),
    start,
    restart: async daemon => {
      await end(daemon, 'SIGTERM')
      await start(daemon)
    },
    stop: async () => {
      await end('ovs-vswitchd', 'SIGTERM')
      await end('ovsdb-server', 'SIGTERM')
      running.delete(killAll)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
