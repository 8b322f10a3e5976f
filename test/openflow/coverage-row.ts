// The coverage table of the package's README: each test that covers something prints its row, and finds it there.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

const readme = readFileSync(new URL('../../src/node-openflow/README.md', import.meta.url), 'utf8')

/** Prints a row, and expects it to be complete and to stand in the README. */
export function expectCoverage(what: string, covered: number, all: number): void {
  console.log(`coverage: ${what} ${covered} / ${all}`)
  expect(`${what} ${covered}`).toBe(`${what} ${all}`)
  expect(readme).toContain(`| ${what} | ${covered} | ${all} |`)
}
