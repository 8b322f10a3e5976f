/** The package as its users get it: packed, installed in an empty project, run and type-checked there. */
import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { missing, sh, standalone, tempDir } from './daemons.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../..')
const source = join(main, 'src/ovsdb-client')
const readme = readFileSync(join(source, 'README.md'), 'utf8')

/** The code blocks of the README in a language. */
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code]) => code!)

/** Packs the package and installs it in an empty project. */
async function installed(): Promise<string> {
  const dir = tempDir()
  const npm = (args: string[], cwd: string) => run('npm', [...args, '--silent', '--no-audit', '--no-fund'], { cwd })
  await npm(['pack', '--pack-destination', dir], source)
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  await npm(['install', '--offline', join(dir, 'ovsdb-client-0.1.0.tgz')], dir)
  return dir
}

describe.skipIf(missing)(`the packed package${missing ? ` (${missing})` : ''}`, () => {
  test('runs the first example of its README, and its declarations suffice for the others', {
    timeout: 120_000,
  }, async () => {
    const project = await installed()
    const server = await standalone()
    await sh('ovs-vsctl', `--db=${server.remote}`, '--no-wait', 'init')
    writeFileSync(join(project, 'first.js'), blocks('js')[0]!)
    const { stdout } = await run(process.execPath, ['first.js'], {
      cwd: project,
      env: { ...process.env, OVSDB: server.remote, NODE_OPTIONS: '' },
    })
    const lines = stdout.trim().split('\n')
    expect(lines.slice(0, -1).sort()).toEqual(['insert Bridge br-example', 'insert Interface br-example'])
    expect(lines.at(-1)).toMatch(/^\[ '[0-9a-f-]{36}' \]$/)
    expect(await sh('ovs-vsctl', `--db=${server.remote}`, '--no-wait', 'list-br')).toBe('br-example')

    const [tables, retry, listener] = blocks('ts')
    const retryNames = `import { type Uuid, update, verify, whereUuid } from 'ovsdb-client'\ndeclare const id: Uuid\n`
    const listenNames = `import { listen } from 'ovsdb-client'\ndeclare const ca: string, cert: string, key: string\n`
    const client = `const client = connect({ remotes: 'tcp:127.0.0.1:6640' })\n`
    writeFileSync(join(project, 'others.ts'), [retryNames, listenNames, client, tables, retry, listener].join('\n'))
    symlinkSync(join(main, 'node_modules/@types'), join(project, 'node_modules/@types'))
    const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node']
    const checking = run(join(main, 'node_modules/.bin/tsc'), [...options, '--ignoreConfig', 'others.ts'], {
      cwd: project,
    })
    expect(
      await checking.then(
        () => '',
        error => error.stdout,
      ),
    ).toBe('')
  })
})
