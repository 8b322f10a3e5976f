// A whole controller for tests: `flowright serve` as a process, on Unix sockets for chassis in namespaces and a free TCP
// port on loopback for the API.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Host, HostOptions } from './cloud.ts'
import { until } from './ovs.ts'

/** A running controller. */
export interface Flowright {
  /** Where a host's switch finds it: `sockets` of HostOptions. */
  readonly sockets: NonNullable<HostOptions['sockets']>
  /** A REST call; resolves with the body. Rejects with status and body of an answer that is no success. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asks for.
  api(method: string, path: string, body?: object): Promise<any>
  /** Makes a host join, and waits until both its bridges are in sync. */
  join(host: Host): Promise<void>
  /** Everything that it logged. */
  log(): string
  /** SIGKILL, waited for. */
  kill9(): Promise<void>
  /** Starts it again on the same data. */
  start(): Promise<void>
  /** Ends it in order and removes its data. */
  stop(): Promise<void>
}

/** Starts a controller on new data. `args` are added to the command line. */
export const startFlowright = async (...args: string[]): Promise<Flowright> => {
  const dir = mkdtempSync(join(tmpdir(), 'fr-ctl-'))
  const log = () => readFileSync(`${dir}/log`, 'utf8')
  let child: ChildProcess | undefined
  let base = ''
  const killChild = () => void child?.kill('SIGKILL')
  process.once('exit', killChild)

  const start = async () => {
    const out = openSync(`${dir}/log`, 'w')
    const listen = ['--api', '127.0.0.1:0', '--ovsdb', `punix:${dir}/ovsdb`, '--openflow', `punix:${dir}/openflow`]
    const command = resolve(import.meta.dirname, '../../bin/flowright')
    child = spawn(command, ['serve', '--data', `${dir}/data`, ...listen, ...args], { stdio: ['ignore', out, out] })
    await until('the controller to serve', () => {
      if (child?.exitCode !== null) throw new Error(`the controller ended: ${log()}`)
      base = /"api":"([^"]+)"/.exec(log())?.[1] ?? ''
      return base !== ''
    })
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise(done => ending.once('exit', done))
    ending.kill(signal)
    await ended
  }
  const api = async (method: string, path: string, body?: object) => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`http://${base}${path}`, { method, ...init })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const remove = () => {
    process.off('exit', killChild)
    rmSync(dir, { recursive: true, force: true })
  }
  await start().catch(error => {
    remove()
    throw error
  })
  return {
    sockets: { openflow: `${dir}/openflow` },
    api,
    join: async host => {
      await host.ovs.vsctl('set-manager', `unix:${dir}/ovsdb`)
      await until(`${host.name} to be in sync`, async () => {
        const found = (await api('GET', '/flowright/v1/chassis')).chassis.find(
          (c: { id: string }) => c.id === host.name,
        )
        return ['br-int', 'br-tun'].every(bridge => found?.openflow?.bridges[bridge].state === 'in_sync')
      })
    },
    log,
    kill9: () => end('SIGKILL'),
    start,
    stop: async () => {
      await end('SIGTERM')
      remove()
    },
  }
}
