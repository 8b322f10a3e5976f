// The forms a message may have on the wire. A kind of message is a list of forms; which one is meant follows from the
// version, and where a version has several, from the message's `form`.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import type { AnyMessage } from './bundle.ts'

/** Nicira's, that is Open vSwitch's, experimenter id. */
export const NX = 0x00002320
/** The Open Networking Foundation's experimenter id. */
export const ONF = 0x4f4e4600

/** How a message says what it is. */
export type Code =
  | { readonly space: 'type'; readonly type: number }
  | { readonly space: 'experimenter'; readonly experimenter: number; readonly type: number }
  | { readonly space: 'multipart'; readonly reply: boolean; readonly type: number }
  | {
      readonly space: 'experimenter multipart'
      readonly reply: boolean
      readonly experimenter: number
      readonly type: number
    }

/** What makes the codec of a body for a version; `inner` is the codec of whole messages. */
export type Body<T> = (version: Version, inner: Codec<AnyMessage>) => Codec<T>

/** One form: its code, its versions and its body. `form` names it where it is not the version's usual one. */
export interface Form<T, M extends boolean = boolean, F extends string | undefined = string | undefined> {
  readonly code: Code
  readonly versions: readonly Version[]
  readonly body: Body<T>
  readonly multipart: M
  readonly form: F
}

type BodyOrCodec<T> = Body<T> | Codec<T>

function bodyOf<T>(body: BodyOrCodec<T>): Body<T> {
  return typeof body === 'function' ? body : () => body
}

/** A message with a type of its own. */
export function ofpt<T>(type: number, versions: readonly Version[], body: BodyOrCodec<T>): Form<T, false, undefined> {
  return { code: { space: 'type', type }, versions, body: bodyOf(body), multipart: false, form: undefined }
}

/** A Nicira message. */
export function nxt<T, const F extends string | undefined = undefined>(
  type: number,
  versions: readonly Version[],
  body: BodyOrCodec<T>,
  form?: F,
): Form<T, false, F> {
  const code: Code = { space: 'experimenter', experimenter: NX, type }
  return { code, versions, body: bodyOf(body), multipart: false, form: form as F }
}

/** A message of ONF's extensions to OpenFlow 1.3. */
export function onft<T>(type: number, versions: readonly Version[], body: BodyOrCodec<T>): Form<T, false, undefined> {
  const code: Code = { space: 'experimenter', experimenter: ONF, type }
  return { code, versions, body: bodyOf(body), multipart: false, form: undefined }
}

/** A multipart request. */
export function request<T>(type: number, versions: readonly Version[], body: BodyOrCodec<T>): Form<T, true, undefined> {
  const code: Code = { space: 'multipart', reply: false, type }
  return { code, versions, body: bodyOf(body), multipart: true, form: undefined }
}

/** A multipart reply. */
export function reply<T>(type: number, versions: readonly Version[], body: BodyOrCodec<T>): Form<T, true, undefined> {
  const code: Code = { space: 'multipart', reply: true, type }
  return { code, versions, body: bodyOf(body), multipart: true, form: undefined }
}

/** An experimenter's multipart request. */
export function expRequest<T>(
  experimenter: number,
  type: number,
  versions: readonly Version[],
  body: BodyOrCodec<T>,
): Form<T, true, undefined> {
  const code: Code = { space: 'experimenter multipart', reply: false, experimenter, type }
  return { code, versions, body: bodyOf(body), multipart: true, form: undefined }
}

/** An experimenter's multipart reply. */
export function expReply<T>(
  experimenter: number,
  type: number,
  versions: readonly Version[],
  body: BodyOrCodec<T>,
): Form<T, true, undefined> {
  const code: Code = { space: 'experimenter multipart', reply: true, experimenter, type }
  return { code, versions, body: bodyOf(body), multipart: true, form: undefined }
}
