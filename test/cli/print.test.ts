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

test('fields leave out what is empty and indent further lines', () => {
  expect(
    fields([
      ['state', 'away'],
      ['VTEP', ''],
      ['ports', 'a\nb'],
    ]),
  ).toBe('state  away\nports  a\n       b\n')
})
