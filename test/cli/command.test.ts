// The command as a user meets it: a process with arguments, output and a status.
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { command, run } from './running.ts'

/** An address where nobody listens: one that was free a moment ago. */
const nobody = await (async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return `http://127.0.0.1:${port}`
})()

const fresh = () => mkdtempSync(join(tmpdir(), 'flowright-cli-'))
const free = ['--ovsdb', 'ptcp:0:127.0.0.1', '--openflow', 'ptcp:0:127.0.0.1']

describe('flowright', () => {
  test('--help lists the commands', async () => {
    const { status, out } = await run(command, nobody, '--help')
    expect(status).toBe(0)
    for (const name of ['serve', 'demo', 'chassis', 'flows', 'diff', 'explain', 'trace', 'backup', 'restore', 'ofp']) {
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
  })

  test('runs from anywhere through a symbolic link', async () => {
    const link = join(fresh(), 'flowright')
    symlinkSync(command, link)
    expect(await run(link, nobody, '--version')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })

  test('says what to do in a checkout that is not set up', async () => {
    const checkout = fresh()
    mkdirSync(join(checkout, 'bin'))
    copyFileSync(command, join(checkout, 'bin/flowright'))
    const { status, err } = await run(join(checkout, 'bin/flowright'), nobody, 'serve')
    expect(status).toBe(1)
    expect(err).toContain(`${checkout}/scripts/setup`)
  })

  test.each([
    [['trace'], "missing required argument 'what'"],
    [['chassis'], `no controller at ${nobody}: ECONNREFUSED`],
    [['flows', 'host1'], `no controller at ${nobody}: ECONNREFUSED`],
    [['explain', 'host1'], "missing required argument 'cookie'"],
    [['serve', '--api', '0.0.0.0:1'], 'would obey anyone who reaches it'],
    [['serve', '--data', fresh(), '--api', '203.0.113.1:0', '--insecure', ...free], 'this machine has no such address'],
    [
      ['serve', '--data', '/proc/flowright/data', ...free],
      'no data can be kept here: no directory can be made in /proc.',
    ],
    [['serve', '--data', command, ...free], 'no data can be kept here: EEXIST'],
    [['serve', '--data', `${command}/data`, ...free], 'no data can be kept here: ENOTDIR'],
    [['serve', '--data', `${fresh()}/${'x'.repeat(300)}`, ...free], 'no data can be kept here: ENAMETOOLONG'],
    [['serve', '--data', '', ...free], 'It is empty: name a directory'],
    [['backup', 'copy', '--data', ''], 'It is empty: name a directory'],
    [['srve'], "unknown command 'srve'"],
  ])('%j fails with a line that says why', async (args, message) => {
    const { status, out, err } = await run(command, nobody, ...args)
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toContain(message)
    expect(err).not.toContain('    at ')
  })
})
