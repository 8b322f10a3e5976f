import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    execArgv: ['--conditions=source'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Daemons of other tests share the processors: one that stalls for seconds is no defect. A retry is shown as such.
    retry: process.env.CI ? 1 : 0,
    reporters: ['default', './test/closing-line.ts'],
  },
})
