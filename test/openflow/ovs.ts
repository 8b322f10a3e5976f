// A private Open vSwitch for tests: ovsdb-server and ovs-vswitchd with the dummy datapath, in a directory of their own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'

/** Whether Open vSwitch is installed. */
export const hasOvs = existsSync('/usr/sbin/ovs-vswitchd')
/** Why a test that needs Open vSwitch does not run. */
export const noOvs = 'ovs-vswitchd is not installed'

/** The title of a test, or with why it does not run. */
export const titleOvs = (name: string): string => (hasOvs ? name : `${name} (skipped: ${noOvs})`)

/** `describe` for tests with a real Open vSwitch; skipped by name without one. */
export const describeOvs = (name: string, body: () => void): void => {
  describe.skipIf(!hasOvs)(titleOvs(name), body)
}

/** A running Open vSwitch. */
export interface Ovs {
  /** The directory of its sockets; a bridge's management socket is `<bridge>.mgmt` in it. */
  readonly dir: string
  vsctl(...args: string[]): string
  ofctl(...args: string[]): string
  appctl(...args: string[]): string
  /** The daemon's process id. */
  readonly pid: number
  /** Kills ovs-vswitchd and starts it anew. */
  restart(): void
  stop(): void
}

const pidOf = (file: string) => Number(readFileSync(file, 'utf8').trim())

/** Starts one. No root is needed. */
export function startOvs(): Ovs {
  const dir = mkdtempSync(join(tmpdir(), 'ofp-ovs-'))
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir }
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })
  const file = (name: string) => join(dir, name)
  run('ovsdb-tool', ['create', file('conf.db'), '/usr/share/openvswitch/vswitch.ovsschema'])
  run('ovsdb-server', [
    file('conf.db'),
    `--remote=punix:${file('db.sock')}`,
    `--unixctl=${file('ovsdb.ctl')}`,
    `--pidfile=${file('ovsdb.pid')}`,
    `--log-file=${file('ovsdb.log')}`,
    '--detach',
    '--no-chdir',
  ])
  const db = `unix:${file('db.sock')}`
  run('ovs-vsctl', [`--db=${db}`, '--no-wait', 'init'])
  const startSwitch = () =>
    run('ovs-vswitchd', [
      db,
      '--enable-dummy=override',
      '--disable-system',
      `--unixctl=${file('vswitchd.ctl')}`,
      `--pidfile=${file('vswitchd.pid')}`,
      `--log-file=${file('vswitchd.log')}`,
      '-vconsole:off',
      '--detach',
      '--no-chdir',
    ])
  startSwitch()
  const kill = (name: string) => {
    try {
      process.kill(pidOf(file(name)), 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
  return {
    dir,
    vsctl: (...args) => run('ovs-vsctl', [`--db=${db}`, ...args]),
    ofctl: (...args) => run('ovs-ofctl', args),
    appctl: (...args) => run('ovs-appctl', ['-t', file('vswitchd.ctl'), ...args]),
    get pid() {
      return pidOf(file('vswitchd.pid'))
    },
    restart() {
      kill('vswitchd.pid')
      rmSync(file('vswitchd.pid'), { force: true })
      startSwitch()
    },
    stop() {
      kill('vswitchd.pid')
      kill('ovsdb.pid')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Adds a bridge that speaks all three versions, with dummy ports `p1`, `p2`, … as OpenFlow ports 1, 2, … */
export function addBridge(ovs: Ovs, name: string, ports = 0): void {
  const args = ['add-br', name, '--', 'set', 'bridge', name, 'datapath-type=dummy', 'fail-mode=secure']
  args.push('protocols=OpenFlow13,OpenFlow14,OpenFlow15', 'other-config:datapath-id=00000000000000a1')
  for (let i = 1; i <= ports; i++) {
    const port = `${name}-p${i}`
    args.push('--', 'add-port', name, port, '--', 'set', 'interface', port, 'type=dummy', `ofport_request=${i}`)
  }
  ovs.vsctl(...args)
}
