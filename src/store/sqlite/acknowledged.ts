// The last revision that was answered for, in a small file beside the data file, written without fsync after each batch:
// it survives the process, not a power cut. A data file that ends before it has lost something: a -wal that is
// cut off or damaged otherwise looks just like a shorter one.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const SIZE = 32

const lineOf = (revision: number): string => `${revision} ${crc32(String(revision))}`.padEnd(SIZE - 1).concat('\n')

/** The revision on record for the data file at `path`; undefined when there is none that can be believed. */
export const acknowledged = (path: string): number | undefined => {
  let text: string
  try {
    text = readFileSync(`${path}-acknowledged`, 'latin1')
  } catch {
    return undefined
  }
  const revision = Number.parseInt(text, 10)
  return text === lineOf(revision) ? revision : undefined
}

/** Keeps the record for the data file at `path`. */
export interface Acknowledgement {
  write(revision: number): void
  close(): void
}

/** It is a safety net: where it cannot be written (a full disk), nothing else is kept from working. */
export const acknowledgementOf = (path: string): Acknowledgement => {
  let file: number | undefined
  return {
    write(revision) {
      try {
        file ??= openSync(`${path}-acknowledged`, constants.O_RDWR | constants.O_CREAT, 0o600)
        writeSync(file, lineOf(revision), 0)
      } catch {}
    },
    close() {
      if (file !== undefined) closeSync(file)
    },
  }
}
