// The last changes and what they cost, in files beside the data, so that the timeline outlives the controller. A line is
// written when its commit is told: it survives the end of the process, not that of the machine.
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import type { FeedEntry, FeedJournal } from '#api'

/** Bytes of a file before another is begun; the one before it is kept. */
const SIZE = 8 * 1024 * 1024

/** A journal in `dir`: `feed.jsonl`, and `feed.old.jsonl` before it. `report` is told, once, when it cannot be written. */
export const openFeedJournal = (
  dir: string,
  report: (what: string) => void,
  size = SIZE,
): FeedJournal & { close(): void } => {
  const [path, older] = [`${dir}/feed.jsonl`, `${dir}/feed.old.jsonl`]
  const kept = [...entriesIn(older), ...entriesIn(path)]
  let file: number | undefined
  let written = 0
  const open = () => {
    file = openSync(path, 'a')
    written = fstatSync(file).size
  }
  const close = () => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  const attempt = (work: () => void) => {
    try {
      work()
    } catch (error) {
      close()
      report(`the timeline will not outlive this run: ${(error as Error).message}`)
    }
  }
  attempt(() => {
    open()
    // A line that was cut short ends here, and is left out.
    if (kept.length > 0) written += writeSync(file!, '\n')
  })
  return {
    kept,
    append: entry => {
      if (file === undefined) return
      attempt(() => {
        written += writeSync(file!, `${JSON.stringify(entry)}\n`)
        if (written < size) return
        close()
        renameSync(path, older)
        open()
      })
    },
    close,
  }
}

const entriesIn = (path: string): readonly FeedEntry[] => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap(line => {
    try {
      const entry: unknown = JSON.parse(line)
      return typeof entry === 'object' && entry !== null && 'revision' in entry ? [entry as FeedEntry] : []
    } catch {
      return []
    }
  })
}
