// A reporter that names every skipped test and ends the run with the plain line `N passed, N failed, N skipped`.
import type { Reporter, TestModule } from 'vitest/node'

/** Prints the closing line; a module that fails outside its tests counts as one failure. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    let passed = 0
    let failed = unhandled.length
    let skipped = 0
    for (const module of modules) {
      const before = failed
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'failed') failed++
        else {
          skipped++
          const note = result.state === 'skipped' ? result.note : undefined
          console.log(`skipped: ${test.fullName}${note ? ` (${note})` : ''}`)
        }
      }
      // A module that could not be read, or a hook that failed.
      if (failed === before && module.state() === 'failed') failed++
    }
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  }
}
