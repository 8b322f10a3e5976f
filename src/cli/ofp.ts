// `flowright ofp`: OpenFlow messages between hexadecimal and JSON, one a line, for people with a packet capture and for
// programs in any language.

import { createInterface } from 'node:readline'
import { Command, InvalidArgumentError, Option } from 'commander'
import {
  DecodeError,
  decode,
  EncodeError,
  encode,
  fromHex,
  inOrder,
  type Match,
  type Message,
  type MessageDraft,
  orderOf,
  parseFlowMod,
  parseGroupMod,
  parseMeterMod,
  printActions,
  printFlow,
  printFlowMod,
  printGroup,
  printGroupMod,
  printMatch,
  printMeter,
  toHex,
  type Version,
} from 'node-openflow'

type Loose = { readonly [key: string]: unknown }

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

// Any shape may stand here: the printers are given what the decoder made.
type Any = never

/** What a thing that is like a flow, a group or a meter is in the words of ovs-ofctl. */
function textOf(thing: Loose, bucketIds: boolean): string | undefined {
  // A command that this library does not know is a number, and has no words.
  if (thing.type === 'flow_mod' && typeof thing.command === 'string') return printFlowMod(thing as Any)
  if (thing.type === 'group_mod' && typeof thing.command === 'string') return printGroupMod(thing as Any, { bucketIds })
  if (thing.buckets !== undefined && thing.groupType !== undefined) return printGroup(thing as Any, { bucketIds })
  if (thing.bands !== undefined && thing.flags !== undefined) return printMeter(thing as Any, ' ').replace('= ', '=')
  if (thing.match !== undefined && Array.isArray(thing.actions)) return printFlow(thing as Any)
  if (thing.match !== undefined) return printMatch(thing.match as Any)
  return Array.isArray(thing.actions) ? `actions=${printActions(thing.actions as Any)}` : undefined
}

/** The same thing with its text, and what is in it with theirs. */
function withText(thing: Loose, version: unknown = thing.version): Loose {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(thing)) {
    if (key === 'entries' || key === 'updates') out[key] = listWithText(value, version)
    else if (isObject(value) && typeof value.type === 'string' && value.version !== undefined)
      out[key] = withText(value)
    else out[key] = value
  }
  const text = textIfAny(thing, version === 6)
  if (text !== undefined) out.text = text
  return out
}

/** A message may hold what has no text, such as a value that no field of that kind can have; it is shown all the same. */
function textIfAny(thing: Loose, bucketIds: boolean): string | undefined {
  try {
    return textOf(thing, bucketIds)
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}

const listWithText = (value: unknown, version: unknown) =>
  Array.isArray(value) ? value.map(item => (isObject(item) ? withText(item, version) : item)) : value

// JSON.rawJSON and the source given to revivers are in the language but not yet in the compiler's library.
const exact = JSON as unknown as { rawJSON(text: string): unknown }

/**
 * JSON in which wide integers are exact numbers and bytes are `{"hex":"…"}`. A match whose fields came in another order
 * than Open vSwitch's says so, so that it becomes the same bytes again.
 */
function toJson(value: unknown): string {
  return JSON.stringify(value, (key, v: unknown) => {
    if (typeof v === 'bigint') return exact.rawJSON(String(v))
    if (v instanceof Uint8Array) return { hex: toHex(v) }
    const order = key === 'match' && isObject(v) ? orderOf(v as Match) : undefined
    return order ? { ...(v as Loose), order } : v
  })
}

function revive(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')) {
    return BigInt(context?.source as string)
  }
  if (isObject(value) && typeof value.hex === 'string' && Object.keys(value).length === 1) return fromHex(value.hex)
  if (key === 'match' && isObject(value) && Array.isArray(value.order)) {
    const { order, ...match } = value
    return inOrder(match as Match, order.map(String))
  }
  return value
}

const fromJson = (text: string): unknown => JSON.parse(text, revive as never)

/** A line of output, and whether it tells of an error. */
export interface Line {
  readonly text: string
  readonly isError: boolean
}

function errorLine(error: unknown): Line {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof DecodeError) {
    return { text: toJson({ error: { code: error.code, message, offset: error.offset } }), isError: true }
  }
  if (error instanceof EncodeError) {
    return { text: toJson({ error: { code: error.code, message, path: error.path } }), isError: true }
  }
  const code = error instanceof SyntaxError ? 'syntax' : 'internal'
  return { text: toJson({ error: { code, message } }), isError: true }
}

function bytesOf(hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, '').replace(/^0x/i, '')
  const wrong = digits.search(/[^0-9a-f]/i)
  if (wrong >= 0) throw new DecodeError('bad-value', wrong >> 1, 'not a hexadecimal digit')
  if (digits.length % 2 === 1) throw new DecodeError('truncated', digits.length >> 1, 'an odd number of digits')
  return fromHex(digits)
}

/** One message in hexadecimal as a JSON object: version, type, xid, its fields, and text for what is like a flow. */
export function decodeLine(hex: string): Line {
  try {
    return { text: toJson(withText(decode(bytesOf(hex)) as unknown as Loose)), isError: false }
  } catch (error) {
    return errorLine(error)
  }
}

/** One message as such a JSON object in hexadecimal; `text` is passed over. */
export function encodeLine(json: string): Line {
  try {
    const message = fromJson(json)
    if (!isObject(message)) throw new EncodeError('bad-value', '', 'a message is a JSON object')
    return { text: toHex(encode(message as unknown as Message)), isError: false }
  } catch (error) {
    return errorLine(error)
  }
}

const changes: { readonly [what: string]: (text: string) => object } = {
  'flow-mod': text => ({ type: 'flow_mod', ...parseFlowMod(text) }),
  'group-mod': text => ({ type: 'group_mod', ...parseGroupMod(text) }),
  'meter-mod': text => ({ type: 'meter_mod', ...parseMeterMod(text) }),
}

/** A message made from the text of ovs-ofctl, in hexadecimal. `what` is flow-mod, group-mod or meter-mod. */
export function encodeText(what: string, text: string, version: Version, xid = 0): Line {
  try {
    const make = changes[what]
    if (!make) {
      throw new EncodeError('bad-type', '', `${JSON.stringify(what)} is none of ${Object.keys(changes).join(', ')}`)
    }
    const message = { ...make(text), version, xid } as MessageDraft & { version: Version; xid: number }
    return { text: toHex(encode(message as Message)), isError: false }
  } catch (error) {
    return errorLine(error)
  }
}

/** Turns lines into lines; gives whether all went well. Empty lines are passed over. */
async function convert(
  lines: Iterable<string> | AsyncIterable<string>,
  line: (text: string) => Line,
  write: (text: string) => void,
): Promise<boolean> {
  let isGood = true
  for await (const text of lines) {
    if (text.trim() === '') continue
    const result = line(text)
    if (result.isError) isGood = false
    write(`${result.text}\n`)
  }
  return isGood
}

const input = () => createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
const print = (text: string) => void process.stdout.write(text)

function readVersion(text: string): Version {
  const version = { '1.3': 4, '1.4': 5, '1.5': 6, 4: 4, 5: 5, 6: 6 }[text]
  if (version === undefined) throw new InvalidArgumentError('1.3, 1.4 and 1.5 are spoken.')
  return version as Version
}

function readXid(text: string): number {
  const xid = Number(text)
  if (!Number.isInteger(xid) || xid < 0 || xid > 0xffffffff)
    throw new InvalidArgumentError('It is a number of 32 bits.')
  return xid
}

/** `flowright ofp decode` and `flowright ofp encode`. The exit status is 1 if a line could not be converted. */
export function ofpCommand(): Command {
  const ofp = new Command('ofp').description('OpenFlow messages between hexadecimal and JSON')
  ofp
    .command('decode [hex...]')
    .description('print messages, given in hexadecimal as arguments or one a line, as JSON, one a line')
    .action(async (hex: string[]) => {
      if (!(await convert(hex.length > 0 ? hex : input(), decodeLine, print))) process.exitCode = 1
    })
  ofp
    .command('encode [what] [text]')
    .description(
      'print such JSON objects, one a line, as hexadecimal; or a flow-mod, group-mod or meter-mod in the words of ovs-ofctl',
    )
    .addOption(
      new Option('--version <version>', 'OpenFlow version for a text: 1.3, 1.4 or 1.5')
        .argParser(readVersion)
        .default(6 as Version, '1.5'),
    )
    .option('--xid <number>', 'transaction id for a text', readXid, 0)
    .action(async (what: string | undefined, text: string | undefined, options: { version: Version; xid: number }) => {
      const one = (given: string) => encodeText(what as string, given, options.version, options.xid)
      const isText = what !== undefined && what in changes
      const given = what === undefined || (isText && text === undefined) ? input() : [isText ? (text as string) : what]
      if (!(await convert(given, isText ? one : encodeLine, print))) process.exitCode = 1
    })
  return ofp
}
