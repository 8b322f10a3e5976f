// Texts that others wrote, as strings and back without a loss: UTF-8, and what is none. A byte that is not UTF-8 stands
// as U+DC80 to U+DCFF, a code point that no text has, as in Python's "surrogateescape" (PEP 383).

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8 = new TextEncoder()
/** Half of a surrogate pair, without its other half. */
const half = /\p{Surrogate}/u

/** How many bytes the UTF-8 sequence at `i` has (RFC 3629, section 4); 0 where none begins. */
function lengthAt(bytes: Uint8Array, i: number): number {
  const first = bytes[i] as number
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  for (let k = 1; k < length; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0
  const second = bytes[i + 1] as number
  const isTooLong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90)
  const isNoCharacter = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f)
  return isTooLong || isNoCharacter ? 0 : length
}

/** The string for these bytes. */
export function decodeText(bytes: Uint8Array): string {
  let text = ''
  let start = 0
  for (let i = 0; i < bytes.length; ) {
    const length = lengthAt(bytes, i)
    if (length === 0) {
      if (start < i) text += strict.decode(bytes.subarray(start, i))
      text += String.fromCharCode(0xdc00 | (bytes[i] as number))
      start = i + 1
    }
    i += length || 1
  }
  return text + strict.decode(bytes.subarray(start))
}

/** The bytes for this string. */
export function encodeText(text: string): Uint8Array {
  if (!half.test(text)) return utf8.encode(text)
  const bytes: number[] = []
  for (const char of text) {
    const code = char.codePointAt(0) as number
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code & 0xff)
    else bytes.push(...utf8.encode(char))
  }
  return Uint8Array.from(bytes)
}
