// The feed's log in files: what is read back after an end, a crash within a line, a gap, another store; and its size.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FeedLog } from '#api/feed-log'
import type { FeedCommit } from '#api/feed-messages'
import { openFeedJournal } from '../../src/main/feed-journal.ts'

let dir: string
const reports: string[] = []
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/fr-journal-`)
  reports.length = 0
})
afterEach(() => rmSync(dir, { recursive: true }))

const commit = (revision: number): FeedCommit => ({
  ...{ revision, at: revision, source: 'api' },
  changes: [{ kind: 'port', id: `p${revision}`, op: 'create' }],
})
const cost = (revision: number) => ({
  ...{ revision, compile: 1, added: 1, removed: 0, chassis: 1, bytes: 9, waiting: 0 },
})
const open = (size?: number) => openFeedJournal(dir, what => reports.push(what), size)
const run = (from: number, to: number, at = from - 1, size?: number): FeedLog => {
  const journal = open(size)
  const log = new FeedLog(at, journal)
  for (let revision = from; revision <= to; revision++) {
    log.commit(commit(revision))
    log.cost(cost(revision))
  }
  journal.close()
  return log
}
const revisions = (log: FeedLog) => log.after(0, 0).commits.map(({ revision }) => revision)

test('a log goes on where it ended, costs and all', () => {
  run(1, 3)
  const log = run(4, 5)
  expect(revisions(log)).toEqual([1, 2, 3, 4, 5])
  expect(log.after(2, 0).costs.map(({ revision }) => revision)).toEqual([3, 4, 5])
  expect([log.reaches(0), revisions(run(6, 5, 5))]).toEqual([true, [1, 2, 3, 4, 5]])
})

test('a line that was cut short is a gap: what comes after it is kept, and no more is promised', () => {
  run(1, 3)
  appendFileSync(`${dir}/feed.jsonl`, '{"revision":4,"at":4,"sour')
  const log = run(5, 6)
  expect([revisions(log), log.reaches(4), log.reaches(3)]).toEqual([[5, 6], true, false])
  expect(revisions(run(7, 6, 6))).toEqual([5, 6])
})

test('a log of another state of the store is none of it', () => {
  run(1, 5)
  expect(revisions(run(4, 3, 3))).toEqual([])
  expect(revisions(run(9, 8, 8))).toEqual([])
})

test('its files do not grow for ever', () => {
  run(1, 400, 0, 10_000)
  for (const name of ['feed.jsonl', 'feed.old.jsonl']) expect(statSync(`${dir}/${name}`).size).toBeLessThan(10_500)
  const log = run(401, 400, 400)
  expect(revisions(log).at(-1)).toBe(400)
  expect(revisions(log).length).toBeGreaterThan(40)
  expect(readFileSync(`${dir}/feed.jsonl`, 'utf8')).not.toContain('"revision":1,')
})

test('where it cannot be written, that is said once, and the log goes on', () => {
  rmSync(dir, { recursive: true })
  const journal = open()
  const log = new FeedLog(0, journal)
  log.commit(commit(1))
  expect([revisions(log), reports.length]).toEqual([[1], 1])
  dir = mkdtempSync(`${tmpdir()}/fr-journal-`)
})
