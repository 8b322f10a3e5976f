// Every sample of matches, actions and instructions in Open vSwitch's own tests, against the codec; and each code of
// each field, by itself.

import { readFileSync } from 'node:fs'
import {
  type Action,
  checkMatch,
  type Dialect,
  type FieldName,
  type FieldRow,
  fields,
  type Match,
  printMatch,
  Reader,
  readActions,
  readInstructions,
  readMatch,
  readOxms,
  type Version,
  Writer,
  writeActions,
  writeInstructions,
  writeMatch,
  writeOxms,
} from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/node-openflow/wire/index.ts'
import { expectCoverage } from './coverage-row.ts'
import { allActions } from './flow-samples.ts'

interface Row {
  readonly id: string
  readonly kind: string
  readonly of_version: string
  readonly hex: string
  readonly input_text?: string
  readonly expected_text: string
  readonly canonical_hex?: string
  readonly strict?: boolean
  readonly expects_error?: boolean
  readonly reencode_byte_changes?: readonly string[]
}

const rows: readonly Row[] = readFileSync(new URL('vectors/openflow-ovs.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line) as Row)
  .filter(row => !row.id.startsWith('newer:') && /^([0-9a-f]{2})*$/.test(row.hex ?? 'none'))

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const versions: { readonly [name: string]: Version } = { '1.1': 4, '1.2': 4, '1.3': 4, '1.4': 5, '1.5': 6 }

/** What OpenFlow 1.1 alone has: its actions that are set_field since 1.2, Nicira's for them. */
const before12 = new Set([
  'set_mpls_label',
  'set_mpls_tc',
  'mod_dl_src',
  'mod_dl_dst',
  'mod_nw_src',
  'mod_nw_dst',
  'mod_nw_tos',
  'mod_nw_ecn',
  'set_tunnel',
  'set_vlan_vid',
  'set_vlan_pcp',
])

const samplesOf = (kind: string) => rows.filter(row => row.kind === kind && row.of_version in versions)

/** What ovs-vswitchd writes for a sample; bytes marked `(none)` are gone. */
function reencoded(row: Row): string {
  const bytes: (number | undefined)[] = [...fromHex(row.hex)]
  for (const change of row.reencode_byte_changes ?? []) {
    const [, at, to] = /^(\d+): \S+ -> (\S+)$/.exec(change) as RegExpExecArray
    bytes[Number(at)] = to === '(none)' ? undefined : Number.parseInt(to as string, 16)
  }
  return hex(Uint8Array.from(bytes.filter(byte => byte !== undefined)))
}

function expectList(row: Row, read: () => Action[], write: (w: Writer, actions: Action[]) => void): void {
  if (row.expects_error) {
    let actions: Action[]
    try {
      actions = read()
    } catch (error) {
      expect((error as Error).name).toBe('DecodeError')
      return
    }
    const isKept = actions.some(action => action.type === 'raw' || action.type === 'raw_instruction')
    expect(isKept || row.expected_text in refusedBySwitch, row.expected_text).toBe(true)
    return
  }
  const actions = read()
  const w = new Writer()
  write(w, actions)
  if (row.of_version === '1.1' && actions.some(action => before12.has(action.type))) {
    const again = readActions(new Reader(w.take()), 4)
    expect(again[0]?.type).toBe('set_field')
    return
  }
  // An instruction without actions is kept, with zeros for the sender's padding.
  const sent = actions[0]?.type === 'write_actions' && actions[0].actions.length === 0 ? '0003000800000000' : row.hex
  expect([sent, reencoded(row)]).toContain(hex(w.take()))
}

// What is well-formed and only a switch refuses; checkFlow does too.
const refusedBySwitch: { readonly [text: string]: true } = {
  'bad OpenFlow11 actions: OFPBAC_BAD_OUT_PORT': true,
  'bad OpenFlow11 actions: OFPBIC_UNSUP_INST': true,
  'bad OpenFlow12 actions: OFPBAC_BAD_SET_MASK': true,
  'bad OpenFlow11 instructions: OFPBIC_DUP_INST': true,
}

describe('actions', () => {
  test.each(samplesOf('actions').map(row => [row.id, row] as const))('%s', (_, row) => {
    const version = versions[row.of_version] as Version
    expectList(
      row,
      () => readActions(new Reader(fromHex(row.hex)), version),
      (w, actions) => writeActions(w, actions, version),
    )
  })
})

describe('instructions', () => {
  test.each(samplesOf('instructions').map(row => [row.id, row] as const))('%s', (_, row) => {
    const version = versions[row.of_version] as Version
    expectList(
      row,
      () => readInstructions(new Reader(fromHex(row.hex)), version),
      (w, actions) => writeInstructions(w, actions, version),
    )
  })
})

const dialects: { readonly [name: string]: Dialect } = { nxm: 0, ...versions }

/** A match whose every field came over the wire once more, in Open vSwitch's order. */
function canonicalHex(row: Row, match: Match): string {
  const dialect = dialects[row.of_version] as Dialect
  const w = new Writer()
  // A copy does not remember the order in which the fields came.
  const { raw: _, ...known } = match
  if (row.kind === 'oxm-match') writeMatch(w, known, dialect as Version)
  else {
    writeOxms(w, known, dialect)
    w.align8(0)
  }
  return hex(w.take())
}

// What Open vSwitch writes otherwise: these fields with the value as the mask, a type of packets for a match on nothing
// but any VLAN, and a priority without a VLAN, which only NXM can say.
const bent = /ERSPAN_(VER|DIR|HWID)\(|VLAN_VID_W\(0000\/0000|VLAN_TCI_W\(0000\/e000/

describe.each(['nx-match', 'oxm-match'])('%s', kind => {
  const samples = rows.filter(row => row.kind === kind)
  test.each(samples.filter(row => !row.expects_error).map(row => [row.id, row] as const))('%s', (_, row) => {
    const match = readOxms(new Reader(fromHex(row.hex)))
    if (row.strict) expect(match.raw).toBeUndefined()
    // Fields in the order in which they came; some samples come in other codes or with masks that say nothing.
    const w = new Writer()
    writeOxms(w, match, dialects[row.of_version] as Dialect)
    expect(readOxms(new Reader(w.take()))).toEqual(match)
    if (bent.test(row.input_text ?? '')) return
    expect(canonicalHex(row, match), `${row.input_text}`).toBe(row.canonical_hex)
  })

  test.each(samples.filter(row => row.expects_error).map(row => [row.id, row] as const))('%s', (_, row) => {
    const read = () => {
      const match = readOxms(new Reader(fromHex(row.hex)))
      if (match.raw) throw new Error('a field that is not known')
      checkMatch(match, 6)
    }
    expect(read, `${row.input_text}: ${row.expected_text}`).toThrow()
  })
})

describe('ofp11-match', () => {
  const samples = rows.filter(row => row.kind === 'ofp11-match')
  test.each(samples.filter(row => !row.expects_error).map(row => [row.id, row] as const))('%s', (_, row) => {
    const match = readMatch(new Reader(fromHex(row.hex)), 4)
    // OXM can only say that there is no tag, not that all its bits are 0.
    expect(printMatch(match)).toBe(row.expected_text.replace(/^vlan_tci=0x0000$/, 'vlan_tci=0x0000/0x1fff'))
    const w = new Writer()
    writeMatch(w, match, 4)
    expect(readMatch(new Reader(w.take()), 4)).toEqual(match)
  })

  test.each(samples.filter(row => row.expects_error).map(row => [row.id, row] as const))('%s', (_, row) => {
    expect(() => checkMatch(readMatch(new Reader(fromHex(row.hex)), 4), 4), row.expected_text).toThrow()
  })
})

describe('each code', () => {
  const values: { readonly [kind: string]: string } = { mac: '0a1b2c3d4e5f', bytes: '01020304' }
  const bytesOf = (row: FieldRow) =>
    row.bytes ?? (row.bits <= 8 ? 1 : row.bits <= 16 ? 2 : row.bits <= 32 ? 4 : row.bits / 8)

  function entry(name: FieldName, code: FieldRow['codes'][number]): string {
    const row: FieldRow = fields[name]
    const value =
      values[row.value] ??
      (name === 'vlan_vid' || name === 'vlan_tci'
        ? '1005'
        : name === 'nw_tos'
          ? '04'
          : '01'.padStart(2 * bytesOf(row), '0'))
    const isMasked = name === 'ct_state' || name === 'tun_flags'
    const body = isMasked ? value + (name === 'ct_state' ? '000000ff' : '0001') : value
    const head = new Writer()
    head.u16(code.cls)
    head.u8((code.num << 1) | (isMasked ? 1 : 0))
    head.u8(body.length / 2 + (code.cls === 0xffff ? 4 : 0))
    if (code.cls === 0xffff) head.u32(code.exp)
    return hex(head.take()) + body
  }

  test('of each field is read, and written in some version', () => {
    let covered = 0
    for (const [name, row] of Object.entries(fields) as [FieldName, FieldRow][]) {
      for (const code of row.codes) {
        const bytes = entry(name, code)
        const match = readOxms(new Reader(fromHex(bytes)))
        expect(match.raw, code.name).toBeUndefined()
        const again = ([0, 4, 5, 6] as const).map(dialect => {
          const w = new Writer()
          writeOxms(w, match, dialect)
          return hex(w.take())
        })
        // Fields that others stand for: vlan_tci for vlan_vid, xxregs for registers; and dp_hash, which has two codes
        // of which Open vSwitch writes one.
        const isReplaced = /XXREG|ET_DP_HASH/.test(code.name)
        if (isReplaced) expect(again[1]?.length).toBeGreaterThan(0)
        else expect(again, code.name).toContain(bytes)
        if (!row.isForeign) covered++
      }
    }
    expectCoverage('match fields (codes on the wire)', covered, 209)
  })

  test('of each action is read, and written in some version', () => {
    const seen = new Set<string>()
    const note = (bytes: Uint8Array, version: Version) => {
      const w = new Writer()
      const actions = readActions(new Reader(bytes), version)
      writeActions(w, actions, version)
      const isReplaced = actions.some(action => before12.has(action.type))
      if (isReplaced || hex(w.take()) === hex(bytes)) for (const code of codesIn(bytes)) seen.add(code)
    }
    for (const version of [4, 5, 6] as const) {
      for (const { actions } of allActions(version)) {
        const isApplied = (action: Action) => !instructionTypes.has(action.type)
        const w = new Writer()
        writeActions(w, actions.filter(isApplied), version)
        note(w.take(), version)
      }
    }
    for (const row of samplesOf('actions')) {
      if (!row.expects_error) note(fromHex(row.hex), versions[row.of_version] as Version)
    }
    for (const [version, bytes] of extras) note(fromHex(bytes), version)
    note(fromHex('001d000800000007'), 6)
    const wanted = coverage.raw_actions.filter(({ raw }) => !/RAW10_|DEBUG/.test(raw))
    const missing = wanted.filter(({ codes }) => !codes.some(code => formsOf(code).some(form => seen.has(form))))
    expect(missing).toEqual([])
    expectCoverage('actions', wanted.length - missing.length, 67)
  })

  test('of each instruction is read, and written in some version', () => {
    const samples: readonly (readonly [Version, string])[] = [
      [4, '0006000800000007'],
      [6, '0004001800000000000000100000000200000000000000000005000800000000'],
      [6, '000300180000000000000010000000010000000000000000'],
      [6, '00020018000000000000000000000005ffffffffffffffff'],
      [6, '0001000809000000'],
    ]
    const seen = new Set<number>()
    for (const [version, bytes] of samples) {
      const actions = readInstructions(new Reader(fromHex(bytes)), version)
      const w = new Writer()
      writeInstructions(w, actions, version)
      expect(hex(w.take())).toBe(bytes)
      for (let at = 0; at < bytes.length; at += 2 * Number.parseInt(bytes.slice(at + 4, at + 8), 16)) {
        seen.add(Number.parseInt(bytes.slice(at, at + 4), 16))
      }
    }
    expectCoverage('instructions', seen.size, coverage.instructions.length)
  })
})

const coverage = JSON.parse(readFileSync(new URL('vectors/coverage-ovs31.json', import.meta.url), 'utf8')) as {
  readonly raw_actions: readonly {
    readonly raw: string
    readonly codes: readonly (readonly [string, string, string])[]
  }[]
  readonly instructions: readonly string[]
}

const instructionTypes = new Set(['meter', 'goto_table', 'write_metadata', 'write_actions', 'clear_actions'])

/** `NX1.0+ 35` is Nicira's action 35, `OF1.2+ 25` OpenFlow's. Codes that ended before OpenFlow 1.3 have no form. */
function formsOf([versions, num]: readonly [string, string, string]): string[] {
  if (/^(OF|NX)1\.[012]$/.test(versions)) return []
  return [`${versions.startsWith('NX') ? 'nicira' : versions.startsWith('ONF') ? 'onf' : 'standard'} ${num}`]
}

/** The numbers of all actions, also of those in ct and clone. */
function codesIn(bytes: Uint8Array): string[] {
  const codes: string[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 2)) {
    const length = view.getUint16(at + 2)
    if (view.getUint16(at) !== 0xffff) codes.push(`standard ${view.getUint16(at)}`)
    else {
      const num = view.getUint16(at + 8)
      codes.push(`${view.getUint32(at + 4) === 0x2320 ? 'nicira' : 'onf'} ${num}`)
      const inner = num === 35 ? 24 : num === 42 ? 16 : length
      codes.push(...codesIn(bytes.slice(at + inner, at + length)))
    }
  }
  return codes
}

/** Actions in the forms that only others send. */
const extras: readonly (readonly [Version, string])[] = [
  [4, '0009000804d20000'],
  [4, '000a000804d20000'],
  [4, '000d0008000003e8'],
  [4, '000e000803000000'],
  [4, 'ffff0018000023200020001fffff00010004000000000000'],
  [4, 'ffff0020000023200016000000000000fedcba9876543210ffff0000ffff0000'],
  [4, 'ffff00180000232000210001d70800000005000000050000'],
]
