// The `flowright` command: its subcommands and how they end. What it does to a store and a controller is passed in.
import { Command } from 'commander'
import type { Restored } from '#store'
import packageJson from '../../package.json' with { type: 'json' }
import { chassis } from './chassis.ts'
import { demo } from './demo.ts'
import { drops } from './drops.ts'
import { diff, explain, flows } from './flows.ts'
import { gateways } from './gateways.ts'
import { rules } from './rules.ts'
import { addServeOptions, dataOption, readServeOptions, type ServeOptions } from './serve-options.ts'
import { trace } from './trace.ts'

/** What the command line sets in motion and does not do itself. */
export interface Actions {
  /** Runs the controller until it is told to stop. */
  serve(options: ServeOptions): Promise<void>
  /** Writes a consistent copy of a data directory's store to a new file, also while a controller uses it. */
  backup(data: string, file: string): Promise<void>
  /** Makes such a copy the store of a data directory that no controller uses; what was there before is put aside. */
  restore(data: string, file: string): Promise<Restored>
  /** Further commands. */
  readonly commands?: readonly Command[]
}

/** The whole command line. */
function buildProgram(actions: Actions): Command {
  const program = new Command('flowright')
    .description('Neutron for Open vSwitch, without agents: one process, OVSDB and OpenFlow.')
    .version(packageJson.version)
    .showHelpAfterError('(--help shows what there is)')
    // So that `ofp encode --version 1.5` means OpenFlow's version and not ours.
    .enablePositionalOptions()

  addServeOptions(program.command('serve').description('run the controller')).action((_options, command: Command) =>
    actions.serve(readServeOptions(command)),
  )
  program.addCommand(demo())
  program.addCommand(chassis())
  program.addCommand(flows())
  program.addCommand(diff())
  program.addCommand(explain())
  program.addCommand(rules())
  program.addCommand(drops())
  program.addCommand(gateways())
  program.addCommand(trace())
  program
    .command('backup <file>')
    .description('copy the store to a new file, also while the controller runs')
    .addOption(dataOption())
    .action(async (file: string, options: { data: string }) => {
      await actions.backup(options.data, file)
      console.log(`${file} holds a copy of ${options.data}`)
    })
  program
    .command('restore <file>')
    .description('put such a copy in place of the store; the controller must not run')
    .addOption(dataOption())
    .action(async (file: string, options: { data: string }) => {
      const { revision, records, replaced } = await actions.restore(options.data, file)
      console.log(`${options.data} holds ${records} records of revision ${revision} from ${file}`)
      if (replaced !== undefined) console.log(`what it held before is in ${replaced}`)
    })
  for (const command of actions.commands ?? []) program.addCommand(command)
  return program
}

/** Runs the command line. What goes wrong is told in a line, and makes the exit status 1. */
export async function runProgram(actions: Actions, argv: readonly string[]): Promise<void> {
  try {
    await buildProgram(actions).parseAsync(argv, { from: 'user' })
  } catch (error) {
    console.error(isExpected(error) ? `flowright: ${error.message}${advice(error)}` : error)
    process.exitCode = 1
  }
}

/** Whether an error speaks to the operator: one of our named classes, or the system's. Others are bugs, shown with their stack. */
function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  return !bugs.has(error.name) || (typeof code === 'string' && !code.startsWith('ERR_'))
}

const bugs = new Set(['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'])

/** What to do about errors of the system that do not say so themselves. */
function advice(error: Error): string {
  const code = (error as { code?: string }).code
  if (code === 'EADDRINUSE')
    return ' (another process listens there: choose another port with --api, --ovsdb or --openflow)'
  if (code === 'EADDRNOTAVAIL') return ' (this machine has no such address: see --api, --ovsdb and --openflow)'
  return ''
}
