// Ids of records that come into being with others: made of names, so that rules need no randomness.
import { createHash } from 'node:crypto'

/** A UUID (version 8 of RFC 9562) made of texts: the same for the same. */
export function derivedId(...names: readonly string[]): string {
  const digest = createHash('sha256').update(names.join('\0')).digest()
  digest[6] = (digest[6]! & 0x0f) | 0x80
  digest[8] = (digest[8]! & 0x3f) | 0x80
  const hex = digest.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
