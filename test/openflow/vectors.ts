// The samples of Open vSwitch's and os-ken's own tests (see vectors/README.md), as this library's tests need them.

import { readFileSync } from 'node:fs'

/** A message with what is known of it. */
export interface Sample {
  readonly id: string
  readonly version: 4 | 5 | 6
  readonly hex: string
  readonly bytes: Uint8Array
  /** What ovs-ofctl prints, if it was asked. */
  readonly text: string
  /** Open vSwitch refuses it. */
  readonly isRefused: boolean
  /** os-ken's JSON form. */
  readonly json?: unknown
}

const read = (name: string) => readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8')
const lines = (name: string) =>
  read(name)
    .split('\n')
    .filter(Boolean)
    .map(line => parse(line) as Record<string, unknown>)

/** JSON whose integers beyond 2^53 stay exact. */
const parse = (text: string): unknown =>
  JSON.parse(text, ((_key: string, value: unknown, context?: { source: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context ? BigInt(context.source) : value) as never)

const isOurs = (hex: string) => /^0[456]/.test(hex)

/** Open vSwitch's messages of OpenFlow 1.3 to 1.5. */
export const ovsSamples: readonly Sample[] = lines('openflow-ovs.jsonl')
  .filter(row => row.kind === 'message')
  .map(row => ({ ...row, hex: String(row.hex).replace(/\s/g, '') }) as Record<string, unknown> & { hex: string })
  .filter(row => isOurs(row.hex) && row.hex.length >= 16)
  .map(row => ({
    id: String(row.id),
    version: Number(row.hex.slice(0, 2)) as 4,
    hex: row.hex,
    bytes: Uint8Array.from(Buffer.from(row.hex, 'hex')),
    text: String(row.expected_text ?? ''),
    isRefused: row.expects_error === true,
  }))

/** os-ken's messages of OpenFlow 1.3 to 1.5. */
export const oskenSamples: readonly Sample[] = lines('openflow-osken.jsonl')
  .filter(row => isOurs(String(row.hex)) && row.truncated !== true)
  .map(row => ({
    id: String(row.id),
    version: Number(String(row.hex).slice(0, 2)) as 4,
    hex: String(row.hex),
    bytes: Uint8Array.from(Buffer.from(String(row.hex), 'hex')),
    text: String(row.ovs31_text ?? ''),
    isRefused: row.ovs31_ok !== true,
    json: row.json,
  }))

/** What Open vSwitch 3.1 knows, by name. */
export const coverage = JSON.parse(read('coverage-ovs31.json')) as {
  readonly message_raws: readonly { readonly raw: string; readonly code: string }[]
  readonly message_types: readonly string[]
  readonly errors: readonly string[]
}
