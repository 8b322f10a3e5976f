// `flowright demo`: runs the Mininet cloud in mininet/demo.py, which starts a controller of its own.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { CommandError } from './controller-api.ts'

const script = fileURLToPath(new URL('../../mininet/demo.py', import.meta.url))
// Debian's Mininet belongs to the system's Python, whatever comes first in PATH.
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'

/** The command. */
export function demo(): Command {
  return new Command('demo')
    .description('a small cloud in Mininet, driven through the API, checked, left open to explore')
    .option('--check', 'check and exit with a status, instead of staying open')
    .action(async (options: { check?: boolean }) => {
      ready()
      process.exitCode = await run(options.check ? ['--check'] : [])
    })
}

function ready(): void {
  if (process.platform !== 'linux') throw new CommandError('the demo needs Linux: network namespaces and Open vSwitch')
  if (process.getuid?.() !== 0)
    throw new CommandError('the demo makes network namespaces and needs root: run it with sudo')
  const probe = spawnSync(python, ['-c', 'import mininet.net'], { stdio: 'ignore' })
  const missing = ['ovs-vswitchd', 'ovsdb-server', 'mnexec'].filter(name => spawnSync('which', [name]).status !== 0)
  if (probe.status !== 0) missing.unshift(`Mininet for ${python}`)
  if (missing.length > 0) throw new CommandError(`the demo needs ${missing.join(', ')}: run scripts/setup`)
}

/** Runs to the end of the demo; its own clean-up answers Ctrl-C, which reaches it as well. */
function run(args: readonly string[]): Promise<number> {
  const child = spawn(python, [script, ...args], { stdio: 'inherit' })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => resolve(code ?? 1))
  })
}
