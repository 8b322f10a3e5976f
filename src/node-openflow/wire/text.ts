// Texts that others wrote, as strings and back without a loss: UTF-8, and what is none. A byte that is not UTF-8 stands
// as U+DC80 to U+DCFF, a code point that no text has, as in Python's "surrogateescape" (PEP 383).

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8 = new TextEncoder()
/** Half of a surrogate pair, without its other half. */
const half = /\p{Surrogate}/u

/** How many bytes the UTF-8 sequence that begins with this byte has; 0 for a byte that begins none. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** The string for these bytes. */
export function decodeText(bytes: Uint8Array): string {
  const whole = decodeStrictly(bytes)
  if (whole !== undefined) return whole
  let text = ''
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] as number
    const length = lengthOf(first)
    const one = length > 0 ? decodeStrictly(bytes.subarray(i, i + length)) : undefined
    text += one ?? String.fromCharCode(0xdc00 | first)
    i += one === undefined ? 1 : length
  }
  return text
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
