// The parts of messages that are data of their own, as codecs: matches, actions and instructions.

import type { Dialect } from '../flow/field.ts'
import {
  type Action,
  type Match,
  readActions,
  readInstructions,
  readMatch,
  readOxms,
  type Version,
  writeActions,
  writeInstructions,
  writeMatch,
  writeOxms,
} from '../flow/index.ts'
import type { Codec, Reader, Writer } from '../wire/index.ts'

/** A match with its header and padding (struct ofp_match). */
export const match = (v: Version): Codec<Match> => ({
  size: 0,
  read: r => readMatch(r, v),
  write: (w, value) => writeMatch(w, value, v),
})

/** The fields of a match up to the end of the window, without header and padding. */
export const bareMatch = (v: Version): Codec<Match> => ({
  size: 0,
  read: r => readOxms(r, v),
  write: (w, value) => writeOxms(w, value, v),
})

const NXM: Dialect = 0

/** Actions up to the end of the window. */
export const actions = (v: Version): Codec<readonly Action[]> => ({
  size: 0,
  read: r => readActions(r, v),
  write: (w, value) => writeActions(w, value, v),
})

/** Instructions up to the end of the window, as one list of actions. */
export const instructions = (v: Version): Codec<readonly Action[]> => ({
  size: 0,
  read: r => readInstructions(r, v),
  write: (w, value) => writeInstructions(w, value, v),
})

/** Reads a match of Nicira's older messages: `length` bytes of fields by the numbers of NXM, and padding to 8 bytes. */
export function readNxMatch(r: Reader, length: number): Match {
  const fields = readOxms(r.sub(length), NXM)
  r.skip((8 - (length & 7)) & 7)
  return fields
}

/** Writes such a match, its length at `lengthAt`. */
export function writeNxMatch(w: Writer, lengthAt: number, fields: Match): void {
  const start = w.length
  writeOxms(w, fields, NXM)
  w.patchU16(lengthAt, w.length - start)
  w.align8(start)
}
