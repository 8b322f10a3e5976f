// A process in a VM that sends and receives as it is told, all the while: agent.py. What arrives is remembered there, so
// that tests ask for what arrived and wait for no answer that never comes.
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Vm } from '#test/support/cloud'
import { until } from '#test/support/ovs'
import { ipOf, type PortResource, type World } from './world.ts'

/** What arrived of a stream or a connection; times are seconds of the monotonic clock, which all processes share. */
export interface Progress {
  readonly count: number
  readonly bytes: number
  /** When the last of it arrived. */
  readonly last: number
  /** The longest time without any. */
  readonly gap: number
  /** Numbers of datagrams that did not arrive although later ones did. */
  readonly missing: readonly number[]
}

/** A VM, its port, and the process in it. */
export interface Machine {
  readonly vm: Vm
  readonly port: PortResource
  readonly ip: string
  readonly ip6: string
  /** Calls a function of agent.py. */
  call<T = void>(name: string, args?: Readonly<Record<string, unknown>>): Promise<T>
  progress(name: string): Promise<Progress>
  /** What arrived with each of these marks: the kinds of the packets (`udp`, `icmp 3`, `fragment`). */
  seen(marks: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>>
  /** Resolves when something with this mark has arrived. */
  sees(mark: string): Promise<void>
  /** Ends the process. */
  stop(): void
}

/** Now, on the clock of `Progress`. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e9

/** Starts the process in a VM. */
export const startMachine = async (vm: Vm, port: PortResource): Promise<Machine> => {
  const script = resolve(import.meta.dirname, 'agent.py')
  const child = spawn('nsenter', [`--net=/run/netns/${vm.netns}`, 'python3', '-u', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = new Map<number, (answer: readonly [number, unknown, string?]) => void>()
  let last = 0
  const answered = (id: number) => new Promise<readonly [number, unknown, string?]>(done => waiting.set(id, done))
  createInterface(child.stdout).on('line', line => {
    const answer = JSON.parse(line)
    waiting.get(answer[0])?.(answer)
    waiting.delete(answer[0])
  })
  await answered(0)
  const call = async <T>(name: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> => {
    const id = ++last
    const answer = answered(id)
    child.stdin.write(`${JSON.stringify([id, name, args])}\n`)
    const [, result, error] = await answer
    if (error !== undefined) throw new Error(`${name}(${JSON.stringify(args)}) in ${vm.netns}: ${error}`)
    return result as T
  }
  const seen = (names: readonly string[]) => call<Record<string, string[]>>('marks', { names })
  return {
    vm,
    port,
    ip: ipOf(port),
    ip6: ipOf(port, 6),
    call,
    progress: name => call('progress', { name }),
    seen,
    sees: mark => until(`${mark} to arrive`, async () => (await seen([mark]))[mark]?.length),
    stop: () => {
      child.stdin.end()
      child.kill('SIGKILL')
    },
  }
}

/** Waits until something of a stream or connection arrives, from now on. */
export const untilFlows = (at: Machine, name: string): Promise<void> => {
  const since = monotonic()
  return until(`${name} to flow`, async () => (await at.progress(name)).last > since)
}

/** How long (s) nothing arrives of what is cut. */
const SILENCE = 0.7

/** Waits until nothing of a stream or connection arrives any more; how many seconds after `since` the last did. */
export const cutAfter = async (since: number, at: Machine, name: string): Promise<number> => {
  let last = 0
  await until(`${name} to be cut`, async () => {
    last = (await at.progress(name)).last
    return monotonic() - Math.max(last, since) > SILENCE
  })
  return Math.max(0, last - since)
}

/** Rules of a group as they are asked for: `{ ...rule, security_group_id }` is a rule. */
export type Rule = Readonly<Record<string, unknown>>

/** Makes a group with these rules alone; resolves with its id and those of the rules. */
export const makeGroup = async (
  world: World,
  name: string,
  rules: readonly Rule[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string; readonly rules: readonly string[] }> => {
  const group = await world.create('security-group', { name, ...more })
  for (const { id } of group.security_group_rules as readonly { readonly id: string }[])
    await world.call('DELETE', `/v2.0/security-group-rules/${id}`)
  const ids: string[] = []
  for (const rule of rules)
    ids.push((await world.create('security-group-rule', { security_group_id: group.id, ...rule })).id)
  return { id: group.id, rules: ids }
}
