// Requests that wait for an answer, by xid. Live xids have the top bit clear; those with it set are the caller's, for
// messages that were encoded once and are sent many times.

import type { Message } from '../message/index.ts'
import { ConnectionClosed, type OpenFlowError, RequestTimeout } from './errors.ts'

/** Set in the xids that belong to the caller. */
export const PERMANENT_XID = 0x8000_0000

/** One request that waits. */
export interface Waiter {
  /** What it is, for error messages. */
  readonly what: string
  /** Takes a message with the request's xid; true if it was the last. */
  readonly answer: (data: Uint8Array) => boolean
  /** Takes the end without the last answer. */
  readonly fail: (error: Error) => void
  /** The message that was sent, for errors about it. */
  readonly sent?: Message | undefined
  /** The peer may well be busy for long with this one: silence meanwhile is no sign of death. */
  readonly slow?: boolean
}

interface Entry extends Waiter {
  timer: NodeJS.Timeout | undefined
}

/** The table of what waits. */
export class Pending {
  private readonly entries = new Map<number, Entry>()
  private last = 0
  private slowOnes = 0

  /** An xid that no waiting request has: 1 to 2^31-1, then from 1 again. */
  nextXid(): number {
    do {
      this.last = this.last >= PERMANENT_XID - 1 ? 1 : this.last + 1
    } while (this.entries.has(this.last))
    return this.last
  }

  /** Goes on counting after this xid. */
  startAfter(xid: number): void {
    this.last = xid
  }

  /** How many wait. */
  get size(): number {
    return this.entries.size
  }

  /** Something waits for which the peer may need long. */
  get isSlow(): boolean {
    return this.slowOnes > 0
  }

  /** Adds a request; `timeoutMs` 0 waits for ever. */
  add(xid: number, waiter: Waiter, timeoutMs: number): void {
    const entry: Entry = { ...waiter, timer: undefined }
    if (timeoutMs > 0) {
      entry.timer = setTimeout(() => {
        this.remove(xid)
        entry.fail(new RequestTimeout(waiter.what, xid, timeoutMs))
      }, timeoutMs)
    }
    this.entries.set(xid, entry)
    if (waiter.slow) this.slowOnes++
  }

  /** The request with this xid. */
  get(xid: number): Waiter | undefined {
    return this.entries.get(xid)
  }

  /** Gives a message to the request that it answers; false if none waits for it. */
  answer(xid: number, data: Uint8Array): boolean {
    const entry = this.entries.get(xid)
    if (!entry) return false
    entry.timer?.refresh()
    if (entry.answer(data)) this.remove(xid)
    return true
  }

  /** Ends a request with the switch's error; false if none waits for it. */
  refuse(xid: number, error: OpenFlowError): boolean {
    const entry = this.entries.get(xid)
    if (!entry) return false
    this.remove(xid)
    entry.fail(error)
    return true
  }

  /** Forgets a request without telling it. */
  remove(xid: number): void {
    const entry = this.entries.get(xid)
    if (!entry) return
    clearTimeout(entry.timer)
    if (entry.slow) this.slowOnes--
    this.entries.delete(xid)
  }

  /** Ends all requests: their answers cannot come any more. */
  close(cause: Error | undefined): void {
    const all = [...this.entries]
    for (const [xid, entry] of all) {
      this.remove(xid)
      entry.fail(new ConnectionClosed('unknown', cause))
    }
  }
}
