// The demo and the experiments, as a user runs them, and what they leave behind.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { namespacesMissing } from '#test/support/ovs'

const python = '/usr/bin/python3'

function mininetMissing(): string | undefined {
  try {
    execFileSync(python, ['-c', 'import mininet.net, matplotlib'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'Mininet or matplotlib is not installed'
  }
}

const missing = namespacesMissing ?? mininetMissing()

/** Starts a command in a process group of its own, as a shell does. */
function start(...command: readonly [string, ...string[]]) {
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (printed += text))
  return {
    child,
    printed: () => printed,
    ended: once(child, 'exit').then(([status]) => ({ status: status as number, printed })),
  }
}

/** The pid of the demo's Python process, by which all that it makes is named. */
const pythonOf = (child: ChildProcess): number =>
  Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0])

describe.skipIf(missing)(`Mininet${missing ? ` (${missing})` : ''}`, () => {
  test('the demo builds a cloud through the API and proves it', { timeout: 120_000 }, async () => {
    const { status, printed } = await start('bin/flowright', 'demo', '--check').ended
    expect(printed).toContain('Everything works.')
    expect(printed).not.toContain('FAILED')
    expect(status).toBe(0)
  })

  test('Ctrl-C in the middle of the demo leaves nothing behind', { timeout: 60_000 }, async () => {
    const demo = start('bin/flowright', 'demo', '--check')
    while (!demo.printed().includes('Plugging')) await new Promise(resolve => setTimeout(resolve, 20))
    const pid = pythonOf(demo.child)
    process.kill(-demo.child.pid!, 'SIGINT')
    expect((await demo.ended).status).toBe(130)
    expect(existsSync(`/run/flowright-mininet/${pid}`)).toBe(false)
    expect(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })).not.toContain(`fr${pid}`)
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('l2population keeps every broadcast from the underlay', { timeout: 120_000 }, async () => {
    const results = mkdtempSync(join(tmpdir(), 'flowright-l2population-'))
    const { printed, status } = await start(
      python,
      'mininet/experiments/l2population.py',
      '--hosts',
      '3',
      '--results',
      results,
    ).ended
    expect(printed).toMatch(/^ +3 +6 +6 +0 /m)
    expect(status).toBe(0)
    expect(readFileSync(join(results, 'l2population.csv'), 'utf8')).toBe('hosts,pings,without,with\n3,6,6,0\n')
    expect(existsSync(join(results, 'l2population.png'))).toBe(true)
  })

  test('another member of a remote group costs one flow', { timeout: 120_000 }, async () => {
    const results = mkdtempSync(join(tmpdir(), 'flowright-security-groups-'))
    const { printed, status } = await start(
      python,
      ...['mininet/experiments/security_groups.py', '--members', '3,5', '--servers', '2', '--rules', '2'],
      ...['--results', results],
    ).ended
    expect(printed).not.toContain('no result')
    expect(status).toBe(0)
    const lines = readFileSync(join(results, 'security_groups.csv'), 'utf8').trim().split('\n')
    const [names, ...rows] = lines.map(line => line.split(',')) as [string[], ...string[][]]
    const column = (name: string) => rows.map(row => Number(row[names.indexOf(name)]))
    expect(column('member_flows')).toEqual([1, 1])
    expect(column('expanded_flows')).toEqual([2 * 2 * 2 * 3, 2 * 2 * 2 * 5])
    const [few, more] = column('flows')
    expect(more! - few!).toBe(2)
    expect(existsSync(join(results, 'security_groups.png'))).toBe(true)
  })

  test('packets go between VLANs, out by SNAT and in by floating IP as foretold', { timeout: 180_000 }, async () => {
    const results = mkdtempSync(join(tmpdir(), 'flowright-routing-'))
    const { printed, status } = await start(python, 'mininet/experiments/routing.py', '--results', results).ended
    expect(printed).not.toContain('no result')
    for (const name of ['vlan', 'snat', 'floating-ip']) expect(printed).toContain(`${name}: as foretold`)
    expect(status).toBe(0)
    expect(readFileSync(join(results, 'routing.txt'), 'utf8')).toMatch(/ +50 router_snat +\+\d+ /)
  })

  test('traffic goes on when the active gateway dies, and returns', { timeout: 180_000 }, async () => {
    const results = mkdtempSync(join(tmpdir(), 'flowright-failover-'))
    const { printed, status } = await start(
      python,
      ...['mininet/experiments/gateway_failover.py', '--runs', '1', '--pause', '1', '--results', results],
    ).ended
    expect(printed).not.toContain('no result')
    expect(status).toBe(0)
    const [names, ...rows] = readFileSync(join(results, 'gateway_failover.csv'), 'utf8').trim().split('\n')
    expect(names).toBe('run,controller,failover_ms,unprogrammed_ms,return_ms,lost')
    expect(rows.map(row => row.split(',')[1])).toEqual(['running', 'stopped'])
    expect(existsSync(join(results, 'gateway_failover.png'))).toBe(true)
  })
})
