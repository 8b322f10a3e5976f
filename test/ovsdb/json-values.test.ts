/** Values and types as JSON by RFC 7047 sections 3.2 and 5.1: what a server may say of them, and what none may. */
import { ProtocolError } from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { type Json, parseMessage } from '../../src/ovsdb-client/json.ts'
import { parseSchema } from '../../src/ovsdb-client/schema.ts'
import { decoder } from '../../src/ovsdb-client/value.ts'

/** A JSON text, as it comes in a message. */
const json = (text: string): Json => (parseMessage({ text: `[${text}]`, hasLongNumber: true }) as readonly Json[])[0]

const typeOf = (type: string) => {
  const schema = parseSchema({ name: 'S', tables: { T: { columns: { c: { type: json(type) } } } } })
  return schema.tables.get('T')!.columns.get('c')!.type
}
const read = (type: string, value: string) => decoder(typeOf(type), 'T.c')(json(value))

const a = '550e8400-e29b-41d4-a716-446655440000'
const many = (key: string, value?: string) =>
  `{"key":"${key}",${value ? `"value":"${value}",` : ''}"min":0,"max":"unlimited"}`

describe('a value', () => {
  test.each([
    ['"integer"', '-9223372036854775808', -(2n ** 63n)],
    ['"integer"', '9223372036854775807', 2n ** 63n - 1n],
    ['"integer"', '1e3', 1000],
    ['"integer"', '1e17', 10n ** 17n],
    ['"real"', '9223372036854775807', 2 ** 63],
    ['"real"', '1e37', 1e37],
    ['"string"', '"\\ud834\\udd1e\\/"', '\u{1d11e}/'],
    ['"uuid"', `["uuid","${a.toUpperCase()}"]`, a],
    [many('integer'), '5', [5]],
    [many('integer'), '["set",[]]', []],
    [many('real'), '["set",[0.3,0.3]]', [0.3, 0.3]],
    ['{"key":"integer","min":0}', '["set",[7]]', 7],
    [
      many('string', 'integer'),
      '["map",[["x",1],["y",1]]]',
      new Map([
        ['x', 1],
        ['y', 1],
      ]),
    ],
  ])('of type %s may be %s', (type, value, expected) => {
    expect(read(type, value)).toEqual(expected)
  })

  test.each([
    ['"integer"', '0.5'],
    ['"integer"', '9223372036854775808'],
    ['"integer"', '1e19'],
    ['"boolean"', '"true"'],
    ['"string"', '1'],
    ['"uuid"', `"${a}"`],
    ['"uuid"', '["uuid","1234-5678"]'],
    ['"uuid"', '["named-uuid","x"]'],
    ['{"key":"integer","min":0}', '["set",[1,2]]'],
    [many('integer'), '["set",[1,2,3,1]]'],
    [many('string'), '["set",["asdf","ASDF","asdf"]]'],
    [many('uuid'), `["set",[["uuid","${a}"],["uuid","${a.toUpperCase()}"]]]`],
    [many('integer', 'boolean'), '["map",[[1,true],[2,false],[1,false]]]'],
    [many('integer', 'boolean'), '["map",[[1,true,2]]]'],
    [many('integer', 'boolean'), '["set",[]]'],
  ])('of type %s is not %s', (type, value) => {
    expect(() => read(type, value)).toThrow(ProtocolError)
  })
})

test.each([
  '"void"',
  '{"key":"real","min":5,"max":3}',
  '{"key":"real","max":-1}',
  '{"key":"real","max":0,"min":0}',
  '{"key":"real","min":-1}',
  '{"key":"real","min":10,"max":"unlimited"}',
  '{"key":"integer","value":"void"}',
])('no column has the type %s', type => {
  expect(() => typeOf(type)).toThrow(ProtocolError)
})
