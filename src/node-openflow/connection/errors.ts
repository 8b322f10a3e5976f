// What can go wrong on a connection, one class for each thing that a caller can react to.

import { decode, type ErrorName, type ErrorNumbers, type Message, typeName } from '../message/index.ts'

/** The channel could not be set up: no common version, not OpenFlow, or no answer in time. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError'
  readonly code: 'version' | 'not-openflow' | 'timeout' | 'refused' | 'closed'

  constructor(code: HandshakeError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The peer broke the protocol in a way that makes the rest of the stream meaningless; the connection is closed. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: 'bad-length' | 'bad-version' | 'bad-type'

  constructor(code: ProtocolError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The connection is closed. `outcome` says what became of the request that is told this. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed'
  /** `none`: nothing was carried out; `unknown`: it may have been, since the answer cannot come any more. */
  readonly outcome: 'none' | 'unknown'

  constructor(outcome: ConnectionClosed['outcome'], cause?: Error) {
    const known = outcome === 'none' ? 'nothing was carried out' : 'whether it was carried out is unknown'
    super(`the connection is closed${cause ? `: ${cause.message}` : ''}; ${known}`, cause && { cause })
    this.outcome = outcome
  }
}

/** No answer came in time. What was asked may still be carried out. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout'
  readonly xid: number

  constructor(what: string, xid: number, timeoutMs: number) {
    super(`no answer to ${what} (xid ${xid}) within ${timeoutMs} ms`)
    this.xid = xid
  }
}

/** More would wait to be sent, or to be read, than the connection's bound allows. */
export class BufferFull extends Error {
  override readonly name = 'BufferFull'

  constructor(what: string, limit: number) {
    super(`${what}: more than ${limit} bytes would wait`)
  }
}

/** The switch answered with OFPT_ERROR. */
export class OpenFlowError extends Error {
  override readonly name = 'OpenFlowError'
  readonly xid: number
  /** The error's name as ovs-ofctl prints it, or its numbers where it has none. */
  readonly error: ErrorName | ErrorNumbers
  /** What came with the error: the beginning of the failed message, or a text where it is about HELLO. */
  readonly data: Uint8Array
  /** The message that failed, if it is known whole: as it was sent, or from `data`. */
  readonly failed: Message | undefined

  constructor(message: { xid: number; error: ErrorName | ErrorNumbers; data: Uint8Array }, sent?: Message) {
    const { xid, error, data } = message
    const failed = sent ?? whole(data)
    const what = failed?.type ?? (data.length >= 8 ? typeName(data) : undefined)
    super(
      `${errorText(error)}${what ? ` for ${what}` : ''} (xid ${xid >= 0x8000_0000 ? `0x${xid.toString(16)}` : xid})`,
    )
    this.xid = xid
    this.error = error
    this.data = data
    this.failed = failed
  }
}

function errorText(error: ErrorName | ErrorNumbers): string {
  if (typeof error === 'string') return error
  const { experimenter, type, code } = error
  return experimenter === undefined
    ? `error ${type}/${code}`
    : `error ${code} of experimenter 0x${experimenter.toString(16)}`
}

function whole(data: Uint8Array): Message | undefined {
  try {
    return decode(data)
  } catch {
    return undefined
  }
}

/** A bundle was not committed; the switch holds none of it. */
export class BundleError extends Error {
  override readonly name = 'BundleError'
  /** What the switch refused, by xid; the refusal of the commit itself only where it is the only one. */
  readonly errors: readonly OpenFlowError[]

  constructor(errors: readonly OpenFlowError[]) {
    const rest = errors.length > 1 ? ` and ${errors.length - 1} more` : ''
    super(`the bundle was not committed: ${errors[0]?.message ?? 'refused'}${rest}`)
    this.errors = errors
  }
}
