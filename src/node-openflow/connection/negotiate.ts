// Which version two ends speak (OpenFlow 1.5.1, 6.3.1).

import type { Version } from '../flow/index.ts'
import type { MessageFor } from '../message/index.ts'

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
