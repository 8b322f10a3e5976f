// What a caller of the store can react to.

/** Why writing does not work just now. */
export type Trouble = 'disk-full' | 'read-only' | 'io-error' | 'busy' | 'closed'

/**
 * The engine did not take a transaction: the state is as it was before, reading goes on, and a later transaction
 * succeeds once the cause is gone. The API answers 503.
 */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable'
  readonly code: Trouble
  constructor(code: Trouble, detail: string) {
    super(detail)
    this.code = code
  }
}

/** What is wrong with a data file. */
export type Refusal = 'damaged' | 'foreign' | 'newer' | 'unknown' | 'missing' | 'unreadable' | 'exists' | 'migration'

/** A data file cannot be used. It was left as it is, byte for byte. */
export class DataFileRefused extends Error {
  override name = 'DataFileRefused'
  readonly code: Refusal
  readonly path: string
  constructor(code: Refusal, path: string, problem: string, remedy: string) {
    super(`${path}: ${problem}. Nothing was changed. ${remedy}`)
    this.code = code
    this.path = path
  }
}

/** Another process serves this data directory. */
export class DataDirInUse extends Error {
  override name = 'DataDirInUse'
  readonly dataDir: string
  /** The process that serves it, where it could be told. */
  readonly pid: number | undefined
  constructor(dataDir: string, pid: number | undefined) {
    const who = pid === undefined ? 'another process' : `process ${pid}`
    super(`${dataDir} is in use by ${who}. Stop it first, or choose another directory (--data).`)
    this.dataDir = dataDir
    this.pid = pid
  }
}
