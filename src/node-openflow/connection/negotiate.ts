// Which version two ends speak (OpenFlow 1.5.1, 6.3.1).

import type { Version } from '../flow/index.ts'
import { decode, encode, type Message, type MessageFor } from '../message/index.ts'
import { HandshakeError } from './errors.ts'

/**
 * The version to speak after both HELLOs: the highest in both bitmaps; without a bitmap on the peer's side, the lower
 * of the two headers' versions, if it is one of ours. Undefined where there is none.
 */
export function commonVersion(ours: readonly Version[], peer: MessageFor<'hello'>): Version | undefined {
  const highest = Math.max(...ours)
  if (peer.versions) return best(ours.filter(version => peer.versions?.includes(version)))
  const agreed = Math.min(highest, peer.version)
  return ours.find(version => version === agreed)
}

function best(versions: readonly Version[]): Version | undefined {
  return versions.length > 0 ? (Math.max(...versions) as Version) : undefined
}

/** Why bytes that begin so cannot be an OpenFlow peer's HELLO, or undefined if they may be. */
export function notOpenFlow(beginning: Uint8Array): string | undefined {
  const [version, type] = beginning
  if (version === 0x16 && type === 3) return 'the peer speaks TLS on a plain connection'
  if (version === 0x15 && type === 3) return 'the peer refuses TLS'
  if (type !== undefined && type !== 0 && type !== 1) return 'the peer does not begin with an OpenFlow HELLO'
  if (version === 0) return 'the peer does not speak OpenFlow'
  return undefined
}

/** What follows from the peer's first message: a version, or an end, perhaps with a last word to the peer. */
export type HelloOutcome =
  | { readonly version: Version; readonly answer?: undefined }
  | { readonly version?: undefined; readonly error: HandshakeError; readonly answer?: Uint8Array }

/** Judges the peer's first message. */
export function judgeHello(data: Uint8Array, ours: readonly Version[], xid: number): HelloOutcome {
  const refuse = (reason: string) => ({ error: new HandshakeError('not-openflow', reason) })
  let message: Message
  try {
    message = decode(data)
  } catch (error) {
    return refuse(`the peer's first message: ${(error as Error).message}`)
  }
  if (message.type === 'error') return { error: new HandshakeError('refused', refusal(message)) }
  if (message.type !== 'hello') return refuse(`the peer began with a message of type ${data[1]}`)
  const version = commonVersion(ours, message)
  if (version !== undefined) return { version }
  const theirs = message.versions ?? [message.version]
  const text = `we speak OpenFlow wire versions ${ours.join(', ')}, you ${theirs.join(', ') || 'none'}`
  return {
    error: new HandshakeError('version', `no common version: ${text}`),
    answer: encode({
      version: Math.min(Math.max(message.version, 1), Math.max(...ours)),
      type: 'error',
      xid,
      error: { type: 0, code: 0 },
      data: new TextEncoder().encode(text),
    }),
  }
}

function refusal(message: MessageFor<'error'>): string {
  const name = typeof message.error === 'string' ? message.error : `error ${message.error.type}/${message.error.code}`
  const text = new TextDecoder()
    .decode(message.data)
    .replace(/[^ -~]+/g, ' ')
    .trim()
  return `the peer refused the connection: ${name}${text ? ` (${text})` : ''}`
}
