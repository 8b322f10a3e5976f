// Bundles: many changes, carried out by the switch as one. A message that the switch refuses while it is added is only
// left out by OpenFlow's rules, so the bundle is closed first, and committed only if nothing was refused.

import type { Version } from '../flow/index.ts'
import { type Message, type MessageDraft, writeMessage } from '../message/index.ts'
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
  readonly onPermanentError: (listener: ((error: OpenFlowError) => void) | undefined) => void
}

const DEFAULT_ID = 1
const DEFAULT_FLAGS = ['atomic', 'ordered'] as const
const CHUNK = 48 * 1024

/** Encodes a message as a bundle's OFPT_BUNDLE_ADD_MESSAGE, to be sent many times; `xid` is permanent. */
export function encodeBundleAdd(
  message: BundleMessage,
  version: Version,
  xid: number,
  options: Pick<BundleOptions, 'id' | 'flags'> = {},
): Uint8Array {
  if (xid < PERMANENT_XID)
    throw new EncodeError('bad-value', 'xid', `permanent xids have the top bit set, ${xid} has not`)
  const w = new Writer(256)
  writeAdd(w, { ...message, version, xid } as Message, options)
  return w.take()
}

function writeAdd(w: Writer, message: Message, options: Pick<BundleOptions, 'id' | 'flags'>): void {
  const { version, xid } = message
  const { id: bundleId = DEFAULT_ID, flags = DEFAULT_FLAGS } = options
  writeMessage(w, { version, type: 'bundle_add_message', xid, bundleId, flags, message })
}

/** Opens, fills, closes and commits a bundle. */
export async function runBundle(
  channel: BundleChannel,
  items: Iterable<BundleItem>,
  options: BundleOptions,
): Promise<void> {
  const { pending, outbox, request } = channel
  const { id: bundleId = DEFAULT_ID, flags = DEFAULT_FLAGS, timeout = channel.timeout } = options
  const errors: OpenFlowError[] = []
  const live: number[] = []
  const fail = (error: Error) => {
    if (error instanceof OpenFlowError) errors.push(error)
  }
  const control = (control: 'open_request' | 'close_request' | 'commit_request' | 'discard_request') =>
    request({ type: 'bundle_control', bundleId, control, flags }, timeout, control !== 'open_request')
  channel.onPermanentError(fail)
  try {
    try {
      const opened = control('open_request')
      opened.catch(() => {})
      await outbox.sendAll(adds(channel, items, options, fail, live))
      // The switch answers in order: with the answer to close, all refusals of messages are in.
      await control('close_request')
      await opened
    } catch (error) {
      if (error instanceof ConnectionClosed) throw new ConnectionClosed('none', error.cause as Error | undefined)
      await control('discard_request').catch(() => {})
      if (!(error instanceof OpenFlowError)) throw error
      throw new BundleError(errors.length > 0 ? errors : [error])
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
    channel.onPermanentError(undefined)
    for (const xid of live) pending.remove(xid)
  }
}

/** The items as bytes, in chunks; live messages are entered among the pending, so that their errors find them. */
function* adds(
  channel: BundleChannel,
  items: Iterable<BundleItem>,
  options: BundleOptions,
  fail: (error: Error) => void,
  live: number[],
): Generator<Uint8Array> {
  const { version, pending } = channel
  const w = new Writer(CHUNK + 4096)
  let index = 0
  for (const item of items) {
    if (item instanceof Uint8Array) {
      if (item[1] !== addType(version)) {
        throw new EncodeError('bad-type', `[${index}]`, 'encoded items of a bundle must be OFPT_BUNDLE_ADD_MESSAGE')
      }
      if (w.length > 0) yield w.take()
      w.reset()
      yield item
    } else {
      const xid = pending.nextXid()
      const sent = { ...item, version, xid } as Message
      writeAdd(w, sent, options)
      pending.add(xid, { what: item.type, sent, answer: () => false, fail }, 0)
      live.push(xid)
      if (w.length >= CHUNK) {
        yield w.take()
        w.reset()
      }
    }
    index++
  }
  if (w.length > 0) yield w.take()
}

/** OpenFlow 1.3 has bundles as an ONF extension. */
function addType(version: Version): number {
  return version === 4 ? 4 : 34
}
