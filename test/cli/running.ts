// Runs the command as a process, to its end or as a controller.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

/** The command's file. */
export const command = resolve('bin/flowright')

/** What a command printed, and its exit status. */
export interface Result {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** Runs a file to its end, with FLOWRIGHT_API set. One that hangs is ended, with status -1. */
export function run(file: string, api: string, ...args: readonly string[]): Promise<Result> {
  return new Promise(done => {
    const env = { ...process.env, FLOWRIGHT_API: api }
    const limits = { env, timeout: 25_000, killSignal: 'SIGKILL' } as const
    const child = execFile(file, args, limits, (_error, out, err) => done({ status: child.exitCode ?? -1, out, err }))
  })
}

/** A controller in a process of its own. */
export interface Running {
  /** URL of its API. */
  readonly api: string
  /** The ports of its OVSDB listeners. */
  readonly ovsdb: readonly number[]
  /** Runs the command against it. */
  flowright(...args: readonly string[]): Promise<Result>
  /** Ends it as an operator would. */
  stop(): Promise<void>
}

/** Starts `flowright serve` with its API on any free port; it serves when this resolves. */
export async function startController(...args: readonly string[]): Promise<Running> {
  const child = spawn(command, ['serve', '--api', '127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const { api: address, ovsdb } = JSON.parse(line)
    if (ovsdb === undefined) continue
    child.stdout.resume()
    const api = `http://${address}`
    const ports = (ovsdb as readonly string[]).map(listener => Number(listener.split(':')[1]))
    return { api, ovsdb: ports, stop, flowright: (...rest) => run(command, api, ...rest) }
  }
  throw new Error('the controller ended before it served')
}
