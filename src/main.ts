// The `flowright` command: the command line, with what it sets in motion.
import pino, { type Logger } from 'pino'
import { ofpCommand } from '#cli/ofp'
import { runProgram } from '#cli/program'
import type { ServeOptions } from '#cli/serve-options'
import { modelKinds, modelPools } from '#model'
import { backupDataDir, restoreBackup } from '#store'
import packageJson from '../package.json' with { type: 'json' }
import { startController } from './main/controller.ts'
import { migrations } from './main/migrations/index.ts'

/** Readable lines on a terminal, JSON lines elsewhere. */
const logger = (level: string): Logger =>
  process.stdout.isTTY
    ? pino({ level, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } })
    : pino({ level, base: null })

const serve = async (options: ServeOptions): Promise<void> => {
  const log = logger(options.logLevel)
  const controller = await startController(options, log, packageJson.version)
  await new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  log.info('stopping; every flow stays in place')
  await controller.stop()
}

await runProgram(
  {
    serve,
    backup: async (data, file) => {
      backupDataDir(data, file)
    },
    restore: async (data, file) => restoreBackup(file, data, { kinds: modelKinds, pools: modelPools, migrations }),
    commands: [ofpCommand()],
  },
  process.argv.slice(2),
)
