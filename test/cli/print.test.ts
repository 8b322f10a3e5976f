// How the commands' tables and fields look.
import { expect, test } from 'vitest'
import { fields, table } from '#cli/print'

test('a table lines up words to the left and figures to the right', () => {
  const rows = [
    ['host1', '7', 'connected'],
    ['a-longer-name', '12', ''],
  ]
  expect(table(['CHASSIS', 'PORTS', 'STATE'], rows)).toBe(
    ['CHASSIS        PORTS  STATE', 'host1              7  connected', 'a-longer-name     12', ''].join('\n'),
  )
})

test('addresses are no figures', () => {
  expect(
    table(
      ['VTEP', 'MBIT/S'],
      [
        ['10.0.0.1', '1,000.5'],
        ['-', '2'],
        ['10.0.0.100', ''],
      ],
    ),
  ).toBe(['VTEP         MBIT/S', '10.0.0.1    1,000.5', '-                 2', '10.0.0.100', ''].join('\n'))
  expect(table(['VTEP', 'OVS'], [['10.0.0.1', '3.1.0']])).toBe('VTEP      OVS\n10.0.0.1  3.1.0\n')
})

test('fields leave out what is empty and indent further lines', () => {
  expect(
    fields([
      ['state', 'away'],
      ['VTEP', ''],
      ['ports', 'a\nb'],
    ]),
  ).toBe('state  away\nports  a\n       b\n')
})
