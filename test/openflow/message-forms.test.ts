// Every form of message and every error that Open vSwitch 3.1 has in OpenFlow 1.3 to 1.5, with Open vSwitch as the judge.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { decode, encode, errorNames, errorNumbers, type Message } from 'node-openflow'
import { describe, expect, test } from 'vitest'
import { expectCoverage } from './coverage-row.ts'
import { codeOf, forms } from './message-forms.ts'
import { coverage, oskenSamples, ovsSamples } from './vectors.ts'

const hasOfctl = existsSync('/usr/bin/ovs-ofctl')
const ofpPrint = (hex: string) =>
  execFileSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const trimmed = (text: string) =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
    .join('\n')

/** The bytes of messages.txt, with what ovs-ofctl prints. */
const golden = readFileSync(new URL('messages.txt', import.meta.url), 'utf8')
  .replace(/^#.*\n/gm, '')
  .trim()
  .split(/\n(?=0[456])/)
  .map(block => {
    const [bytes = '', ...text] = block.trim().split('\n')
    return { hex: bytes, text: text.join('\n') }
  })

describe('messages that no sample has', () => {
  test.each(golden.map(g => [g.text.split('\n')[0]?.trim(), g] as const))('%s', (_, { hex: bytes }) => {
    expect(hex(encode(decode(Buffer.from(bytes, 'hex'))))).toBe(bytes)
  })

  test.skipIf(!hasOfctl)(hasOfctl ? 'print as written' : 'print as written (skipped: no ovs-ofctl)', () => {
    for (const { hex: bytes, text } of golden) expect(trimmed(ofpPrint(bytes))).toBe(trimmed(text))
  })
})

/** Codes, with the version, whose messages decode to a row of ours and encode to the same bytes. */
const covered = new Set(
  [...ovsSamples, ...oskenSamples, ...golden.map(g => ({ bytes: Uint8Array.from(Buffer.from(g.hex, 'hex')) }))]
    .map(({ bytes }) => bytes.slice(0, bytes[2]! * 256 + bytes[3]!))
    .filter(isOurs)
    .map(bytes => `${codeOf(bytes)} v${bytes[0]}`),
)

function isOurs(bytes: Uint8Array): boolean {
  try {
    const message = decode(bytes)
    return !/^(unknown|experimenter)/.test(message.type) && hex(encode(message)) === hex(bytes)
  } catch {
    return false
  }
}

describe('coverage', () => {
  test('of message forms', () => {
    const missing = forms.filter(f => !f.versions.some(v => covered.has(`${f.code} v${v}`)))
    expect(missing.map(f => f.raw)).toEqual([])
    expectCoverage('messages (forms on the wire)', forms.length - missing.length, 114)
  })

  test('of errors: each has its name and its numbers in each version that has it', () => {
    const known = new Set<string>(errorNames)
    const missing = coverage.errors.map(name => name.replace('OFPERR_', '')).filter(name => !known.has(name))
    expect(missing).toEqual([])
    expectCoverage('errors', coverage.errors.length - missing.length, 197)
    let pairs = 0
    for (const error of errorNames) {
      for (const version of [4, 5, 6] as const) {
        if (!errorNumbers(error, version)) continue
        const message: Message = { version, type: 'error', xid: 1, error, data: new Uint8Array() }
        expect(decode(encode(message))).toEqual(message)
        pairs++
      }
    }
    expect(pairs).toBeGreaterThan(500)
  })

  test.skipIf(!hasOfctl)(
    hasOfctl ? 'of errors: ovs-ofctl agrees' : 'of errors: ovs-ofctl agrees (skipped: not there)',
    () => {
      for (const error of errorNames) {
        const version = ([6, 5, 4] as const).find(v => errorNumbers(error, v))
        if (version === undefined) continue
        const bytes = encode({ version, type: 'error', xid: 1, error, data: new Uint8Array() })
        expect(ofpPrint(hex(bytes))).toContain(`OFPT_ERROR (OF1.${version - 1}) (xid=0x1): ${error}\n`)
      }
    },
  )

  test('an error without a name keeps its numbers', () => {
    for (const error of [
      { type: 77, code: 5 },
      { type: 0xffff, code: 9, experimenter: 0xabcdef },
    ]) {
      const message: Message = { version: 6, type: 'error', xid: 1, error, data: Uint8Array.of(1, 2) }
      expect(decode(encode(message))).toEqual(message)
    }
  })
})
