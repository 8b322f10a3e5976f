// The two ways a codec can refuse: bytes that are not what they claim to be, and values that fit no bytes.
// Both carry a code for programs and a sentence for people.

/** What is wrong with bytes. `too-deep` is a nesting beyond what this library follows. */
export type DecodeCode =
  | 'truncated'
  | 'bad-length'
  | 'bad-type'
  | 'bad-version'
  | 'bad-value'
  | 'bad-mask'
  | 'bad-prerequisite'
  | 'duplicate'
  | 'too-deep'

/** Bytes that cannot be decoded. `offset` counts bytes from the start of the message (or of the given bytes). */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: DecodeCode
  readonly offset: number

  constructor(code: DecodeCode, offset: number, message: string) {
    super(`${message} (offset ${offset})`)
    this.code = code
    this.offset = offset
  }
}

/** What is wrong with a value that was to be encoded or with a text that was to be parsed. */
export type EncodeCode =
  | 'bad-value'
  | 'bad-mask'
  | 'bad-type'
  | 'bad-version'
  | 'bad-prerequisite'
  | 'missing'
  | 'read-only'
  | 'syntax'
  | 'too-deep'
  | 'too-long'

/** A value that has no encoding. `path` leads to it: `actions[2].port`; it is '' when the value itself is meant. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly code: EncodeCode
  readonly path: string
  /** The sentence without the path. */
  readonly reason: string

  constructor(code: EncodeCode, path: string, reason: string) {
    super(path ? `${path}: ${reason}` : reason)
    this.code = code
    this.path = path
    this.reason = reason
  }
}

/** The same error seen from one level further out: `port` inside `actions[2]` becomes `actions[2].port`. Others pass unchanged. */
export function within(path: string, error: unknown): unknown {
  if (!(error instanceof EncodeError)) return error
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.'
  return new EncodeError(error.code, path + joint + error.path, error.reason)
}
