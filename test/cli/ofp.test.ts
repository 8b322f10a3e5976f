// `flowright ofp`: messages to JSON and back without a loss, texts to messages, errors in their lines.

import { decode, encode, toHex } from 'node-openflow'
import { describe, expect, test } from 'vitest'
import { decodeLine, encodeLine, encodeText } from '#cli/ofp'
import { oskenSamples, ovsSamples } from '../openflow/vectors.ts'

/** What the library itself makes of a message; undefined if it refuses it. */
function direct(bytes: Uint8Array): string | undefined {
  try {
    return toHex(encode(decode(bytes)))
  } catch {
    return undefined
  }
}

describe('ofp decode and encode', () => {
  test.each([
    ['Open vSwitch', ovsSamples],
    ['os-ken', oskenSamples],
  ])('lose nothing of the messages of %s', (_, samples) => {
    expect(samples.length).toBeGreaterThan(100)
    for (const { id, hex, bytes } of samples) {
      const expected = direct(bytes)
      const line = decodeLine(hex)
      if (expected === undefined) continue
      expect(line.isError, id).toBe(false)
      expect(encodeLine(line.text).text, id).toBe(expected)
    }
  })

  test('keep the order of the fields of a match, and of unknown ones between them', () => {
    const oxms = ['80000a020800', '8000fe0400000003', '8000140106', '8000000400000004'].join('')
    const hex = `040e0050${'00000000'.repeat(11)}0001001f${oxms}00`
    const { text } = decodeLine(hex)
    expect(JSON.parse(text).match.order).toEqual(['eth_type', 'raw', 'nw_proto', 'in_port'])
    expect(encodeLine(text).text).toBe(hex)
    // Who changes the match changes what is written, with what is left in its place.
    const { order, nw_proto, ...match } = JSON.parse(text).match
    const shorter = encodeLine(
      JSON.stringify({ ...JSON.parse(text), match: { ...match, nw_ttl: 9, order: ['toString', ...order] } }),
    )
    expect(shorter.text).toContain('80000a020800' + '8000fe0400000003' + '8000000400000004')
  })

  test('show flows in the words of ovs-ofctl', () => {
    const hex = encodeText('flow-mod', 'table=3,priority=5,arp,arp_tpa=10.0.0.5,actions=goto_table:7', 6, 9).text
    expect(JSON.parse(decodeLine(hex).text)).toMatchObject({
      version: 6,
      type: 'flow_mod',
      xid: 9,
      command: 'add',
      table: 3,
      match: { eth_type: 0x0806, arp_tpa: '10.0.0.5' },
      text: 'table=3, priority=5,arp,arp_tpa=10.0.0.5 actions=goto_table:7',
    })
  })

  test('keep commands that are not known, and names that are not UTF-8', () => {
    const flow = encodeText('flow-mod', 'actions=drop', 6).text
    const odd = `${flow.slice(0, 50)}ff${flow.slice(52)}`
    expect(JSON.parse(decodeLine(odd).text)).toMatchObject({ command: 255, text: 'actions=drop' })
    expect(encodeLine(decodeLine(odd).text).text).toBe(odd)

    const name = 'efbbbfc3a5c4e282acff' // a byte order mark, å, half a letter, €, no letter
    const port = `00000001${'00'.repeat(4)}0102030405060000${name.padEnd(32, '0')}${'00'.repeat(32)}`
    const status = `040c0050000000010000000000000000${port}`
    const line = decodeLine(status)
    expect(JSON.parse(line.text).port.name).toBe('\ufeffå\udcc4€\udcff')
    expect(encodeLine(line.text).text).toBe(status)
  })

  test('keep integers of 64 bits exact', () => {
    const hex = encodeText('flow-mod', 'cookie=0xfedcba9876543211,actions=drop', 6).text
    expect(decodeLine(hex).text).toContain('"cookie":18364758544493064721')
    expect(encodeLine(decodeLine(hex).text).text).toBe(hex)
  })

  test.each([
    ['flow-mod', 'delete_strict cookie=0x5/0xff,table=3,priority=7,tcp,out_port=5'],
    ['flow-mod', 'modify table=1,ip actions=output:1'],
    ['group-mod', 'group_id=1,type=select,bucket=weight:5,actions=output:1,bucket=actions=output:2'],
    ['group-mod', 'insert_bucket group_id=1,command_bucket_id=last,bucket=bucket_id:7,actions=output:1'],
    ['meter-mod', 'meter=1 kbps burst bands=type=drop rate=5 burst_size=6'],
  ])('take a %s as text: %s', (what, text) => {
    const line = encodeText(what, text, 6)
    expect(line).toMatchObject({ isError: false })
    const shown = JSON.parse(decodeLine(line.text).text) as { text: string }
    expect(encodeText(what, shown.text, 6).text).toBe(line.text)
  })

  test.each([
    ['0605', { code: 'truncated', offset: 0 }],
    ['06050008zz000000', { code: 'bad-value', offset: 4 }],
    ['060500080000000', { code: 'truncated', offset: 7 }],
    ['0605000800000001ffff', { code: 'bad-length', offset: 8 }],
  ])('tell what is wrong with %s', (hex, error) => {
    const line = decodeLine(hex)
    expect(line.isError).toBe(true)
    expect(JSON.parse(line.text)).toMatchObject({ error })
  })

  test.each([
    '{',
    '[]',
    '{"type":"flow_mod"}',
    '{"version":6,"type":"flow_mod","xid":1,"match":{"nonsense":1},"actions":[]}',
  ])('tell what is wrong with %s', json => {
    const line = encodeLine(json)
    expect(line.isError).toBe(true)
    expect(JSON.parse(line.text)).toHaveProperty('error.code')
  })
})
