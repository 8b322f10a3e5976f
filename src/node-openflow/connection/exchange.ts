// What is asked over one channel, and answered: requests find their replies and errors by xid, a barrier tells that all
// before it is done, and bundles come one after the other.

import type { Version } from '../flow/index.ts'
import { encode, encodeParts, type Message, type MessageDraft, type MessageFor } from '../message/index.ts'
import { type BundleItem, type BundleOptions, runBundle } from './bundle.ts'
import { ConnectionClosed, OpenFlowError } from './errors.ts'
import { hasMore } from './header.ts'
import type { Settings } from './options.ts'
import type { Outbox } from './outbox.ts'
import { Parts } from './parts.ts'
import type { Pending } from './pending.ts'
import type { MultipartType, ReplyTo, RequestDraft, RequestOptions } from './requests.ts'

/** The asking side of a connection; it can be used between `open` and `close`. */
export class Exchange {
  private readonly settings: Settings
  private readonly outbox: Outbox
  private readonly pending: Pending
  private version: Version | undefined
  private cause: Error | undefined
  private bundleErrors: ((message: MessageFor<'error'>) => boolean) | undefined
  private bundles: Promise<unknown> = Promise.resolve()

  constructor(settings: Settings, outbox: Outbox, pending: Pending) {
    this.settings = settings
    this.outbox = outbox
    this.pending = pending
  }

  /** From now on messages can be sent. */
  open(version: Version): void {
    this.version = version
  }

  /** No more is sent; who waits is told. */
  close(cause: Error | undefined): void {
    this.version = undefined
    this.cause = cause
    this.pending.close(cause)
  }

  /** Sends a message without waiting for anything, and gives its xid. */
  send(message: MessageDraft): number {
    const whole = this.complete(message)
    this.outbox.send(encode(whole))
    return whole.xid
  }

  /** Sends a request and resolves to its reply, put together from its parts. */
  async request<const D extends RequestDraft>(message: D, options: RequestOptions): Promise<ReplyTo<D['type']>> {
    const parts = this.ask(message as MessageDraft, options)
    const first = await parts.next()
    if (first.done) throw new ConnectionClosed('unknown', this.cause)
    const reply = first.value as Message & { more?: boolean; entries?: readonly unknown[] }
    if (!reply.more) return reply as ReplyTo<D['type']>
    const { more: _, ...rest } = reply
    const entries = [...(reply.entries ?? [])]
    for await (const part of parts) {
      for (const entry of (part as { entries?: readonly unknown[] }).entries ?? []) entries.push(entry)
    }
    return { ...rest, entries } as unknown as ReplyTo<D['type']>
  }

  /** Sends a multipart request and gives its reply part by part, as the parts come. */
  multipart<const D extends MessageDraft<MultipartType>>(
    message: D,
    options: RequestOptions,
  ): AsyncIterableIterator<ReplyTo<D['type']>> {
    return this.ask(message as MessageDraft, options) as unknown as AsyncIterableIterator<ReplyTo<D['type']>>
  }

  /** Sends messages that have no reply, then a barrier; one result for each message. */
  async transact(
    messages: readonly MessageDraft[],
    options: RequestOptions,
  ): Promise<readonly (OpenFlowError | undefined)[]> {
    const results: (OpenFlowError | undefined)[] = messages.map(() => undefined)
    const sent: number[] = []
    try {
      await this.outbox.sendAll(this.track(messages, results, sent))
      await this.request({ type: 'barrier_request' }, options)
    } finally {
      for (const xid of sent) this.pending.remove(xid)
    }
    return results
  }

  /** Carries out a bundle when those before it are over. */
  bundle(items: Iterable<BundleItem>, options: BundleOptions): Promise<void> {
    const run = this.bundles.then(() =>
      runBundle(
        {
          version: this.mustBeOpen(),
          pending: this.pending,
          outbox: this.outbox,
          timeout: this.settings.requestTimeout,
          request: (draft, timeout, slow) => this.single(draft, { timeout }, slow),
          onError: listener => {
            this.bundleErrors = listener
          },
        },
        items,
        options,
      ),
    )
    this.bundles = run.catch(() => {})
    return run
  }

  /** Gives an error to the request or the bundle that it is for; an error of neither is returned. */
  refuse(message: MessageFor<'error'>): OpenFlowError | undefined {
    const { xid } = message
    const waiter = this.pending.get(xid)
    if (!waiter && this.bundleErrors?.(message)) return undefined
    const error = new OpenFlowError(message, waiter?.sent)
    return this.pending.refuse(xid, error) ? undefined : error
  }

  private *track(
    messages: readonly MessageDraft[],
    results: (OpenFlowError | undefined)[],
    sent: number[],
  ): Generator<Uint8Array> {
    for (let i = 0; i < messages.length; i++) {
      const whole = this.complete(messages[i] as MessageDraft)
      const bytes = encode(whole)
      sent.push(whole.xid)
      const fail = (error: Error) => {
        if (error instanceof OpenFlowError) results[i] = error
      }
      this.pending.add(whole.xid, { what: whole.type, sent: whole, answer: () => false, fail }, 0)
      yield bytes
    }
  }

  private complete(message: MessageDraft): Message {
    const version = this.mustBeOpen()
    return { ...message, version, xid: message.xid ?? this.pending.nextXid() } as Message
  }

  private mustBeOpen(): Version {
    if (this.version === undefined) throw new ConnectionClosed('none', this.cause)
    return this.version
  }

  private ask(draft: MessageDraft, options: RequestOptions, slow = draft.type === 'barrier_request'): Parts {
    const message = this.complete(draft)
    const buffers = encodeParts(message)
    const { xid, type } = message
    const parts = new Parts(this.settings.maxUnread, () => this.pending.remove(xid))
    const answer = (data: Uint8Array) => {
      const isLast = !hasMore(data)
      parts.push(data, isLast)
      return isLast
    }
    const fail = (error: Error) => parts.fail(error)
    this.pending.add(
      xid,
      { what: type, sent: message, answer, fail, slow },
      options.timeout ?? this.settings.requestTimeout,
    )
    try {
      for (const bytes of buffers) this.outbox.send(bytes)
    } catch (error) {
      this.pending.remove(xid)
      throw error
    }
    return parts
  }

  private async single(draft: MessageDraft, options: RequestOptions, slow: boolean): Promise<Message> {
    const { value, done } = await this.ask(draft, options, slow).next()
    if (done) throw new ConnectionClosed('unknown', this.cause)
    return value
  }
}
