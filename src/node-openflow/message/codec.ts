// Messages to bytes and back. What has no row is kept as raw bytes; what claims to be one of ours and is not ends in
// a DecodeError, which costs that message and nothing else.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { DecodeError, EncodeError, Reader, Writer } from '../wire/index.ts'
import { type AnyMessage, bundleFlags } from './bundle.ts'
import { type Hello, hello } from './channel.ts'
import { type ErrorBody, errorBody } from './error.ts'
import { type Message, type MessageDraft, messages } from './messages.ts'
import { type Code, type Form, ONF } from './rows.ts'
import { exhausted } from './shape.ts'

/** Bytes of the header that every message begins with. */
export const HEADER_SIZE = 8
/** No message is longer: the header counts in 16 bits. */
export const MAX_SIZE = 0xffff

const HELLO = 0
const ERROR = 1
const EXPERIMENTER = 4
const MULTIPART_REQUEST = 18
const MULTIPART_REPLY = 19
const EXPERIMENTER_MULTIPART = 0xffff
const MORE = 1
const BUNDLE_ADD_MESSAGE = 34
const ONFT_BUNDLE_ADD_MESSAGE = 2301

/** A form at a version, its body's codec made when first used. */
interface Entry {
  readonly kind: string
  readonly form: string | undefined
  readonly code: Code
  readonly codec: () => Codec<unknown>
}

type PerVersion<T> = readonly [T, T, T]
const each = <T>(make: () => T): PerVersion<T> => [make(), make(), make()]

const byType = each(() => new Map<number, Entry>())
const byExperimenter = each(() => new Map<string, Entry>())
const byRequest = each(() => new Map<number, Entry>())
const byReply = each(() => new Map<number, Entry>())
const byName = each(() => new Map<string, Entry>())

const inner: Codec<AnyMessage> = {
  size: 0,
  read: r => readMessage(r),
  write: (w, value) => writeMessage(w, value as Message),
}

for (const [kind, forms] of Object.entries(messages)) {
  for (const form of forms as readonly Form<unknown>[]) {
    for (const version of form.versions) register(kind, form, version)
  }
}

function register(kind: string, form: Form<unknown>, version: Version): void {
  let made: Codec<unknown> | undefined
  const codec = () => {
    made ??= form.body(version, inner)
    return made
  }
  const entry: Entry = { kind, form: form.form, code: form.code, codec }
  const at = version - 4
  const { code } = form
  if (code.space === 'type') byType[at]?.set(code.type, entry)
  else if (code.space === 'experimenter') byExperimenter[at]?.set(`${code.experimenter}.${code.type}`, entry)
  else if (code.space === 'multipart') (code.reply ? byReply : byRequest)[at]?.set(code.type, entry)
  else byExperimenter[at]?.set(`${code.experimenter}.${code.type}.${code.reply ? 'reply' : 'request'}`, entry)
  byName[at]?.set(form.form ? `${kind} ${form.form}` : kind, entry)
}

/** Decodes one message, the whole of `data`. Throws a DecodeError whose offset counts from the message's start. */
export function decode(data: Uint8Array): Message {
  // Not a Buffer, whose slice() is no copy: no value may alias what it was read from.
  const r = new Reader(new Uint8Array(data.buffer, data.byteOffset, data.length))
  const message = readMessage(r)
  if (r.remaining > 0) r.fail('bad-length', `${r.remaining} bytes follow the message`)
  return message
}

/** Reads one message, header and all; the reader goes on after it. */
export function readMessage(r: Reader): Message {
  if (r.remaining < HEADER_SIZE) r.fail('truncated', `a header of ${r.remaining} bytes`)
  const { data, at } = r
  const version = data[at] as number
  const length = ((data[at + 2] as number) << 8) | (data[at + 3] as number)
  if (length < HEADER_SIZE) r.fail('bad-length', `a message of ${length} bytes`, r.offset + 2)
  if (length > r.remaining) r.fail('truncated', `a message of ${length} bytes where ${r.remaining} are left`)
  const body = r.sub(length)
  body.skip(1)
  const type = body.u8()
  body.skip(2)
  const xid = body.u32()
  if (version < 4 || version > 6) return readForeign(body, version, type, xid)
  const at3 = version - 4
  if (type === MULTIPART_REQUEST || type === MULTIPART_REPLY) return readMultipart(body, version, type, xid)
  if (type === EXPERIMENTER) return readExperimenter(body, version, xid)
  const entry = byType[at3]?.get(type)
  if (!entry) return { version, type: 'unknown', xid, code: type, data: body.rest() }
  return readBody(body, entry, version, xid)
}

function readBody(r: Reader, entry: Entry, version: number, xid: number, more?: boolean): Message {
  const head: Record<string, unknown> = { version, type: entry.kind, xid }
  if (entry.form) head.form = entry.form
  if (more) head.more = true
  const message = Object.assign(head, entry.codec().read(r))
  exhausted(r, entry.kind)
  return message as unknown as Message
}

/** HELLO and the errors about it are understood in any version. */
function readForeign(r: Reader, version: number, type: number, xid: number): Message {
  if (type === HELLO) return { version, type: 'hello', xid, ...hello.read(r) }
  if (type === ERROR) return { version, type: 'error', xid, ...errorBody(version).read(r) }
  throw new DecodeError('bad-version', 0, `version ${version} is none of OpenFlow 1.3 (4), 1.4 (5) and 1.5 (6)`)
}

function readExperimenter(r: Reader, version: number, xid: number): Message {
  const experimenter = r.u32()
  const expType = r.u32()
  const entry = byExperimenter[version - 4]?.get(`${experimenter}.${expType}`)
  if (entry) return readBody(r, entry, version, xid)
  return { version, type: 'experimenter', xid, experimenter, expType, data: r.rest() }
}

function readMultipart(r: Reader, version: number, type: number, xid: number): Message {
  const code = r.u16()
  const more = (r.u16() & MORE) !== 0
  r.skip(4)
  const isReply = type === MULTIPART_REPLY
  const rest = more ? { more } : {}
  if (code === EXPERIMENTER_MULTIPART) {
    const experimenter = r.u32()
    const expType = r.u32()
    const entry = byExperimenter[version - 4]?.get(`${experimenter}.${expType}.${isReply ? 'reply' : 'request'}`)
    if (entry) return readBody(r, entry, version, xid, more)
    const kind = isReply ? 'experimenter_multipart_reply' : 'experimenter_multipart_request'
    return { version, type: kind, xid, ...rest, experimenter, expType, data: r.rest() }
  }
  const entry = (isReply ? byReply : byRequest)[version - 4]?.get(code)
  if (entry) return readBody(r, entry, version, xid, more)
  const kind = isReply ? 'unknown_multipart_reply' : 'unknown_multipart_request'
  return { version, type: kind, xid, ...rest, code, data: r.rest() }
}

/** The name of the message whose header `data` begins with; the rest of it need not be there. */
export function typeName(data: Uint8Array): string | undefined {
  const [version = 0, type = 0] = data
  const at = version - 4
  if (data.length < HEADER_SIZE || at < 0 || at > 2) return undefined
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const isReply = type === MULTIPART_REPLY
  if (type === EXPERIMENTER) {
    if (data.length < 16) return 'experimenter'
    return byExperimenter[at]?.get(`${view.getUint32(8)}.${view.getUint32(12)}`)?.kind ?? 'experimenter'
  }
  if (type === MULTIPART_REQUEST || isReply) {
    if (data.length < 10) return undefined
    return (isReply ? byReply : byRequest)[at]?.get(view.getUint16(8))?.kind
  }
  return byType[at]?.get(type)?.kind
}

const scratch = new Writer(4096)
let busy = false

/** Encodes a message. Throws an EncodeError whose path leads to what has no encoding. */
export function encode(message: Message): Uint8Array {
  const w = busy ? new Writer() : scratch
  const outer = !busy
  busy = true
  try {
    w.reset()
    writeMessage(w, message)
    return w.take()
  } finally {
    if (outer) busy = false
  }
}

/**
 * Encodes a message that may be too long for one: a multipart message with entries becomes several, all but the last
 * with `more`. Others that are too long are an EncodeError.
 */
export function encodeParts(message: Message): Uint8Array[] {
  try {
    return [encode(message)]
  } catch (error) {
    const { entries } = message as { entries?: readonly unknown[] }
    const isSplit = error instanceof EncodeError && error.code === 'too-long' && entries && entries.length > 1
    if (!isSplit) throw error
    const middle = entries.length >> 1
    const first = { ...message, entries: entries.slice(0, middle), more: true } as Message
    return [...encodeParts(first), ...encodeParts({ ...message, entries: entries.slice(middle) } as Message)]
  }
}

/** Writes a message after what `w` holds. If it has no encoding, nothing of it stays in `w`. */
export function writeMessage(w: Writer, message: Message): void {
  writeDraft(w, message, message.version, message.xid)
}

/** Writes a message with this version and xid, whatever it says itself. */
export function writeDraft(w: Writer, message: MessageDraft, version: number, xid: number): void {
  const start = w.length
  try {
    w.enter(() => writeWhole(w, message, version, xid))
    const length = w.length - start
    if (length > MAX_SIZE) {
      throw new EncodeError('too-long', '', `a ${message.type} of ${length} bytes; a message has at most ${MAX_SIZE}`)
    }
    w.patchU16(start + 2, length)
  } catch (error) {
    w.cut(start)
    throw error
  }
}

/**
 * Writes an OFPT_BUNDLE_ADD_MESSAGE that holds `message`, both with this xid: what encoding a `bundle_add_message`
 * does, without making one.
 */
export function writeBundleAdd(
  w: Writer,
  message: MessageDraft,
  version: Version,
  xid: number,
  bundleId: number,
  flags: readonly (keyof typeof bundleFlags)[],
): void {
  const start = w.length
  if (version === 4) writeExperimenter(w, version, xid, ONF, ONFT_BUNDLE_ADD_MESSAGE, () => {})
  else header(w, version, BUNDLE_ADD_MESSAGE, xid)
  w.u32(bundleId)
  w.u16(0)
  let bits = 0
  for (const flag of flags) bits |= bundleFlags[flag]
  w.u16(bits)
  try {
    writeDraft(w, message, version, xid)
    w.patchU16(start + 2, w.length - start)
  } catch (error) {
    w.cut(start)
    throw error
  }
}

function writeWhole(w: Writer, message: MessageDraft, version: number, xid: number) {
  if (message.type === 'hello') {
    header(w, version, HELLO, xid)
    return hello.write(w, message as Hello)
  }
  if (message.type === 'error') {
    header(w, version, ERROR, xid)
    return errorBody(version).write(w, message as ErrorBody)
  }
  if (version !== 4 && version !== 5 && version !== 6) {
    throw new EncodeError('bad-version', 'version', `${version} is none of 4, 5 and 6`)
  }
  switch (message.type) {
    case 'unknown':
      header(w, version, message.code, xid)
      return w.bytes(message.data)
    case 'experimenter':
      return writeExperimenter(w, version, xid, message.experimenter, message.expType, () => w.bytes(message.data))
    case 'unknown_multipart_request':
    case 'unknown_multipart_reply':
      multipart(w, version, xid, message.type === 'unknown_multipart_reply', message.code, message.more)
      return w.bytes(message.data)
    case 'experimenter_multipart_request':
    case 'experimenter_multipart_reply': {
      const isReply = message.type === 'experimenter_multipart_reply'
      multipart(w, version, xid, isReply, EXPERIMENTER_MULTIPART, message.more)
      w.u32(message.experimenter)
      w.u32(message.expType)
      return w.bytes(message.data)
    }
    default:
      return writeKnown(w, version, xid, message as MessageDraft & { form?: string; more?: boolean })
  }
}

function writeKnown(
  w: Writer,
  version: Version,
  xid: number,
  message: MessageDraft & { form?: string; more?: boolean },
): void {
  const { type, form, more } = message
  const entry = byName[version - 4]?.get(form ? `${type} ${form}` : type)
  if (!entry) {
    const known = byName.some(names => names.has(type))
    const what = form ? `${type} in form ${form}` : type
    if (known) throw new EncodeError('bad-version', 'type', `no ${what} in OpenFlow 1.${version - 1}`)
    throw new EncodeError('bad-type', 'type', `no message is called ${JSON.stringify(what)}`)
  }
  const { code } = entry
  if (code.space === 'type') header(w, version, code.type, xid)
  else if (code.space === 'experimenter') writeExperimenter(w, version, xid, code.experimenter, code.type, () => {})
  else if (code.space === 'multipart') multipart(w, version, xid, code.reply, code.type, more)
  else {
    multipart(w, version, xid, code.reply, EXPERIMENTER_MULTIPART, more)
    w.u32(code.experimenter)
    w.u32(code.type)
  }
  entry.codec().write(w, message)
}

function header(w: Writer, version: number, type: number, xid: number): void {
  w.u8(version)
  w.u8(type)
  w.u16(0)
  w.u32(xid)
}

function writeExperimenter(
  w: Writer,
  version: number,
  xid: number,
  experimenter: number,
  expType: number,
  body: () => void,
): void {
  header(w, version, EXPERIMENTER, xid)
  w.u32(experimenter)
  w.u32(expType)
  body()
}

function multipart(w: Writer, version: number, xid: number, isReply: boolean, code: number, more?: boolean): void {
  header(w, version, isReply ? MULTIPART_REPLY : MULTIPART_REQUEST, xid)
  w.u16(code)
  w.u16(more ? MORE : 0)
  w.zeros(4)
}
