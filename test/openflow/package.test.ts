// The package as others get it: packed, installed into an empty project, and its README's example run against a real
// switch; and its declarations checked by TypeScript there.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { addBridge, hasOvs, startOvs, titleOvs } from './ovs.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const source = join(root, 'src/node-openflow')
const dir = mkdtempSync(join(tmpdir(), 'ofp-package-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }
const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** The first block of JavaScript in the README. */
const example = () => {
  const block = /```js\n([\s\S]*?)```/.exec(readFileSync(join(source, 'README.md'), 'utf8'))
  return block?.[1] as string
}

function install(): string {
  // Packed from a copy, so that no build is left beside the sources.
  const copy = join(dir, 'node-openflow')
  cpSync(source, copy, { recursive: true, filter: path => !/node_modules|dist|\.tgz$/.test(path) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', dir], copy)) as [{ filename: string }]
  const project = join(dir, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(dir, packed.filename)], project)
  return project
}

describe('the package', () => {
  const project = install()
  const installed = join(project, 'node_modules/node-openflow')

  test('holds JavaScript, declarations and README, and no sources', () => {
    const files = run('find', ['.', '-type', 'f'], installed).split('\n').filter(Boolean)
    expect(files).toContain('./dist/index.js')
    expect(files).toContain('./dist/index.d.ts')
    expect(files).toContain('./dist/flow/index.d.ts')
    expect(files).toContain('./README.md')
    expect(files.filter(f => f.endsWith('.ts') && !f.endsWith('.d.ts'))).toEqual([])
  })

  test('asks for no other package', () => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(dependencies).toEqual({})
  })

  test.skipIf(!hasOvs)(titleOvs("runs the README's example"), () => {
    const ovs = startOvs()
    try {
      addBridge(ovs, 'br0', 1)
      writeFileSync(join(project, 'example.mjs'), example())
      const output = run('node', ['example.mjs', join(ovs.dir, 'br0.mgmt')], project)
      expect(output).toMatch(/^datapath a1 speaks OpenFlow 1.5\n/)
      expect(output).toContain('arp_tpa=10.0.0.5 actions=output:1')
    } finally {
      ovs.stop()
    }
  })

  test('type-checks for those who use it', () => {
    writeFileSync(join(project, 'example.mts'), example())
    const options = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      types: ['node'],
      skipLibCheck: false,
    }
    const typeRoots = [join(root, 'node_modules/@types')]
    const compilerOptions = { ...options, typeRoots }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.mts'] }))
    expect(run('tsc', ['-p', '.'], project)).toBe('')
  })
})
