/**
 * Real ovsdb-servers for the tests: each in a directory of its own, ended by its process when the test is over.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)

/** Open vSwitch's own schema. */
export const VSWITCH_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'

/** Why tests with real servers cannot run here, or undefined. */
export const missing: string | undefined = (() => {
  if (!existsSync(VSWITCH_SCHEMA)) return 'Open vSwitch is not installed'
  try {
    execFileSync('ovsdb-server', ['--version'])
    return undefined
  } catch {
    return 'ovsdb-server is not installed'
  }
})()

/** A directory that goes when the test is over. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ovsdb-test-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Waits until something is true; says what, if it does not become so in 10 s. */
export async function until(what: string, isTrue: () => unknown, timeout = 10_000): Promise<void> {
  const end = Date.now() + timeout
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await sleep(10)
  }
}

/** Runs a command and gives what it prints. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { timeout: 20_000 })
  return stdout.trim()
}

/** A running ovsdb-server. */
export interface Daemon {
  readonly dir: string
  readonly process: ChildProcess
  /** "unix:…" */
  readonly remote: string
  /** Runs ovs-appctl on it. */
  appctl(...args: string[]): Promise<string>
  /** Ends it and waits for that. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Holds it still, as an overloaded server is; and lets it go on. */
  pause(): void
  resume(): void
}

/** Starts a server on databases that exist. `args` come before the database files. */
export async function startServer(dir: string, databases: string[], args: string[] = [], name = 'db'): Promise<Daemon> {
  const sock = join(dir, `${name}.sock`)
  const ctl = join(dir, `${name}.ctl`)
  rmSync(ctl, { force: true })
  const child = spawn(
    'ovsdb-server',
    [
      `--remote=punix:${sock}`,
      `--unixctl=${ctl}`,
      '--no-chdir',
      `--log-file=${join(dir, `${name}.log`)}`,
      '-vconsole:off',
      ...args,
      ...databases,
    ],
    { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir } },
  )
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }
  onTestFinished(() => kill('SIGKILL'))
  await until(`ovsdb-server ${name} is up`, () => existsSync(ctl) && existsSync(sock))
  return {
    dir,
    process: child,
    remote: `unix:${sock}`,
    appctl: (...args) => sh('ovs-appctl', '-t', ctl, ...args),
    kill,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  }
}

/** The port that the system chose for "ptcp:0:HOST" or "pssl:0:HOST". */
export const portOf = (server: Daemon, passive: string): number => {
  const line = readFileSync(join(server.dir, 'db.log'), 'utf8')
    .split('\n')
    .find(line => line.includes(`|${passive.replace(/^p...:/, '')}: listening on port`))
  return Number(line?.match(/\d+$/)?.[0])
}

/** Starts a standalone server with a new database of this schema. */
export async function standalone(schema = VSWITCH_SCHEMA, args: string[] = [], dir = tempDir()): Promise<Daemon> {
  const db = join(dir, 'conf.db')
  await sh('ovsdb-tool', 'create', db, schema)
  return await startServer(dir, [db], args)
}
