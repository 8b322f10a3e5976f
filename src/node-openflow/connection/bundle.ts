// Bundles: many changes, carried out by the switch as one. A message that the switch refuses while it is added is only
// left out by OpenFlow's rules, so the bundle is closed first, and committed only if nothing was refused.

import type { Version } from '../flow/index.ts'
import { type Message, type MessageDraft, type MessageFor, writeBundleAdd } from '../message/index.ts'
import { EncodeError, Writer } from '../wire/index.ts'
import { BundleError, ConnectionClosed, OpenFlowError } from './errors.ts'
import type { Outbox } from './outbox.ts'
import { PERMANENT_XID, type Pending } from './pending.ts'

/** What a bundle may hold. Open vSwitch takes no meter_mod in a bundle, and port_mod only if it is not atomic. */
export type BundleMessage = MessageDraft<'flow_mod' | 'group_mod' | 'packet_out' | 'port_mod' | 'meter_mod'>

/** A message, or encoded OFPT_BUNDLE_ADD_MESSAGEs, one or several in a row. */
export type BundleItem = BundleMessage | Uint8Array

/** How a bundle is carried out. */
export interface BundleOptions {
  /** The bundle's id; default 1. Encoded items must have the same. */
  readonly id?: number
  /** Default atomic and ordered. Encoded items must have the same. */
  readonly flags?: readonly ('atomic' | 'ordered')[]
  /** Time for each of the switch's answers, in ms; 0 for any. */
  readonly timeout?: number
}

/** What a bundle needs of its connection. */
export interface BundleChannel {
  readonly version: Version
  readonly pending: Pending
  readonly outbox: Outbox
  readonly timeout: number
  readonly request: (message: MessageDraft, timeout: number, slow: boolean) => Promise<Message>
  /** Sets what takes the errors that belong to no waiting request; it says whether one was the bundle's. */
  readonly onError: (listener: ((message: MessageFor<'error'>) => boolean) | undefined) => void
}

const DEFAULT_ID = 1
const DEFAULT_FLAGS = ['atomic', 'ordered'] as const
const CHUNK = 48 * 1024
/** Encoded items from this size on are sent as they are; smaller ones are gathered. */
const LARGE = 8 * 1024

/** Encodes a message as a bundle's OFPT_BUNDLE_ADD_MESSAGE, to be sent many times; `xid` is permanent. */
export function encodeBundleAdd(
  message: BundleMessage,
  version: Version,
  xid: number,
  options: Pick<BundleOptions, 'id' | 'flags'> = {},
): Uint8Array {
  if (xid < PERMANENT_XID)
    throw new EncodeError('bad-value', 'xid', `permanent xids have the top bit set, ${xid} has not`)
  const { id = DEFAULT_ID, flags = DEFAULT_FLAGS } = options
  scratch.reset()
  writeBundleAdd(scratch, message, version, xid, id, flags)
  return scratch.take()
}

const scratch = new Writer(4096)

/** What was sent with live xids, in runs of consecutive ones: lighter than a map when there are 100,000 of them. */
class Sent {
  private readonly runs: { readonly first: number; readonly items: BundleMessage[] }[] = []
  private next = -1

  add(xid: number, item: BundleMessage): void {
    if (xid === this.next) this.runs.at(-1)?.items.push(item)
    else this.runs.push({ first: xid, items: [item] })
    this.next = xid + 1
  }

  get(xid: number): BundleMessage | undefined {
    const run = this.runs.find(({ first, items }) => xid >= first && xid < first + items.length)
    return run?.items[xid - run.first]
  }
}

/** Opens, fills, closes and commits a bundle. */
export async function runBundle(
  channel: BundleChannel,
  items: Iterable<BundleItem>,
  options: BundleOptions,
): Promise<void> {
  const { outbox, request } = channel
  const { id: bundleId = DEFAULT_ID, flags = DEFAULT_FLAGS, timeout = channel.timeout } = options
  const errors: OpenFlowError[] = []
  const live = new Sent()
  const control = (control: 'open_request' | 'close_request' | 'commit_request' | 'discard_request') =>
    request({ type: 'bundle_control', bundleId, control, flags }, timeout, control !== 'open_request')
  channel.onError(message => {
    const { xid } = message
    const item = live.get(xid)
    if (!item && xid < PERMANENT_XID) return false
    errors.push(new OpenFlowError(message, item && ({ ...item, version: channel.version, xid } as Message)))
    return true
  })
  try {
    const opened = control('open_request')
    opened.catch(() => {})
    try {
      await outbox.sendAll(adds(channel, items, bundleId, flags, live))
      // The switch answers in order: with the answer to close, all refusals of messages are in.
      await control('close_request')
      await opened
    } catch (error) {
      if (error instanceof ConnectionClosed) throw new ConnectionClosed('none', error.cause as Error | undefined)
      await control('discard_request').catch(() => {})
      if (!(error instanceof OpenFlowError)) throw error
      // A bundle that was not opened cannot be closed either: the first error says why.
      const first = await opened.then(
        () => error,
        (reason: unknown) => (reason instanceof OpenFlowError ? reason : error),
      )
      throw new BundleError(errors.length > 0 ? errors : [first])
    }
    if (errors.length > 0) {
      await control('discard_request').catch(() => {})
      throw new BundleError(errors)
    }
    try {
      await control('commit_request')
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error
      throw new BundleError(errors.length > 0 ? errors : [error])
    }
  } finally {
    channel.onError(undefined)
  }
}

/** The items as bytes, in chunks. */
function* adds(
  channel: BundleChannel,
  items: Iterable<BundleItem>,
  bundleId: number,
  flags: readonly ('atomic' | 'ordered')[],
  live: Sent,
): Generator<Uint8Array> {
  const { version, pending } = channel
  const w = new Writer(CHUNK + 4096)
  let index = 0
  for (const item of items) {
    if (item instanceof Uint8Array) {
      if (item[1] !== addType(version)) {
        throw new EncodeError('bad-type', `[${index}]`, 'encoded items of a bundle must be OFPT_BUNDLE_ADD_MESSAGE')
      }
      if (item.length >= LARGE) {
        if (w.length > 0) yield w.take()
        w.reset()
        yield item
      } else w.bytes(item)
    } else {
      const xid = pending.nextXid()
      writeBundleAdd(w, item, version, xid, bundleId, flags)
      live.add(xid, item)
    }
    if (w.length >= CHUNK) {
      yield w.take()
      w.reset()
    }
    index++
  }
  if (w.length > 0) yield w.take()
}

/** OpenFlow 1.3 has bundles as an ONF extension. */
function addType(version: Version): number {
  return version === 4 ? 4 : 34
}
