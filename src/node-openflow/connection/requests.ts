// Which requests have which replies, as types.

import type { MessageDraft, MessageFor, MessageType } from '../message/index.ts'

/** The kinds of requests that have a reply. */
export type RequestType = {
  [T in MessageType]: T extends `${infer B}_request` ? (`${B}_reply` extends MessageType ? T : never) : never
}[MessageType]

/** The reply to a kind of request. */
export type ReplyTo<T extends RequestType> = T extends `${infer B}_request`
  ? Exclude<MessageFor<Extract<`${B}_reply`, MessageType>>, { readonly form: string }>
  : never

/** A request to be sent. */
export type RequestDraft = MessageDraft<RequestType>

/** The kinds of requests that are answered in parts. */
export type MultipartType = {
  [T in RequestType]: MessageFor<T> extends { readonly more?: boolean } ? T : never
}[RequestType]

/** How a call may differ from the connection's settings. */
export interface RequestOptions {
  /** Time for an answer, in ms; 0 for any. */
  readonly timeout?: number
}
