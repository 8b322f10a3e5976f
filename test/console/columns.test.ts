// The filter of the flow tables: the columns find what a plain look at every row finds, whatever came and went before.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TableView } from '#api'
import type { FeedFlow } from '#api/feed-messages'
import { FlowColumns, type Row } from '../../src/console/flows/columns.ts'
import { parseFilter, toggleTerm } from '../../src/console/flows/filter.ts'

const NOW = 1_000_000_000
const names = ['classify', 'l2_lookup', 'output']
const tables: readonly TableView[] = names.map((name, i) => ({
  ...{ bridge: i === 2 ? 'br-tun' : 'br-int', number: i * 10, name, file: '', description: '', next: [] },
}))
const resources = [
  ['port', '11111111-aaaa', 'web1'],
  ['port', '22222222-bbbb', 'web10'],
  ['network', '33333333-cccc', 'blue'],
] as const

const flowOf = (n: number): FeedFlow => [
  ...([n, n % 3, (n * 13) % 50, `f10e${n.toString(16)}`] as const),
  `ip,network=0x${n % 4},nw_dst=10.0.${n % 7}.${n % 250}`,
  n % 5 === 0 ? 'drop' : `set_field:0x${n}->Destination_port,goto_table:output`,
  [resources[n % 3]!],
  n % 10 === 0 ? 'spoofed_mac' : '',
]

/** Every row, looked at one by one. */
const plain = (rows: readonly Row[], words: readonly string[]): readonly Row[] =>
  rows.filter(row =>
    words.every(word => {
      const isNegated = word.startsWith('-')
      const rest = isNegated ? word.slice(1) : word
      const text = `${row.match} ${row.actions}`.toLowerCase()
      const answers: Record<string, boolean> = {
        'table:l2_lookup': row.table === 1,
        'table:0,output': row.table !== 1,
        'bridge:br-tun': row.table === 2,
        'port:web1': row.resources[0]?.[2] === 'web1',
        'port:web': row.resources[0]?.[0] === 'port',
        'resource:33333333': row.resources[0]?.[0] === 'network',
        drop: row.reason !== '',
        'priority>=20': row.priority >= 20,
        'packets>2': row.packets > 2,
        'rate>0': (row.rate ?? 0) > 0,
        'hit:never': row.hitAt === 0,
        'hit<60s': row.hitAt > 0 && NOW - row.hitAt < 60_000,
        'cookie:0xf10e1': row.cookie.startsWith('f10e1'),
      }
      return (answers[rest] ?? text.includes(rest.toLowerCase())) !== isNegated
    }),
  )
const words = [
  ...['table:l2_lookup', 'table:0,output', 'bridge:br-tun', 'port:web1', 'port:web', 'resource:33333333', 'drop'],
  ...['priority>=20', 'packets>2', 'rate>0', 'hit:never', 'hit<60s', 'cookie:0xf10e1', '10.0.3.', 'destination_PORT'],
  ...['network=0x2', 'nothing-like-it'],
].flatMap(word => [word, `-${word}`])

describe('the columns of flows', () => {
  it('let through what every term lets through, in packet order', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 9000 }) }),
      fc.record({ removeEvery: fc.integer({ min: 2, max: 9 }) }),
      fc.record({ count: fc.constantFrom([0], [1, 2], [0, 1, 2]), elapsed: fc.constantFrom(0, 2) }),
    )
    const filter = fc.array(fc.constantFrom(...words), { maxLength: 3 })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.array(filter, { maxLength: 6 }),
        (steps, filters) => {
          const columns = new FlowColumns()
          const there = new Set<number>()
          let next = 1
          for (const s of steps) {
            if ('add' in s) {
              const added = Array.from({ length: s.add }, () => next++)
              for (const n of added) there.add(n)
              columns.add(added.map(flowOf))
            } else if ('removeEvery' in s) {
              const gone = [...there].filter(n => n % s.removeEvery !== 0)
              for (const n of gone) there.delete(n)
              columns.remove(gone)
            } else {
              const rows = [...there].filter(n => n % 4 === 0).flatMap(n => [n, n % 6, 100, n % 100])
              columns.count(s.count, NOW, s.elapsed, rows)
            }
          }
          const all = [...there].map(n => columns.find(n)!)
          expect(columns.size).toBe(there.size)
          for (const some of [[], ...filters]) {
            const found = Array.from(columns.select(parseFilter(some.join(' ')), 'table', tables, NOW), i =>
              columns.row(i),
            )
            const order = (row: Row) => row.table * 1e9 - row.priority * 1e6
            expect(found.map(order)).toEqual(found.map(order).toSorted((a, b) => a - b))
            expect(found.map(row => row.n).toSorted((a, b) => a - b)).toEqual(
              plain(all, some)
                .map(row => row.n)
                .toSorted((a, b) => a - b),
            )
          }
        },
      ),
      { numRuns: 15 },
    )
  })

  it('keep their rates until they are read again, and put the busiest first', () => {
    const columns = new FlowColumns()
    columns.add([1, 2, 3, 4].map(flowOf))
    columns.count([0, 1, 2], NOW, 0, [1, 100, 0, 5, 2, 50, 0, 0])
    expect(columns.find(1)).toMatchObject({ packets: 100, rate: undefined, hitAt: NOW - 5000, isCounted: true })
    columns.count([0, 1, 2], NOW + 2000, 2, [1, 110, 0, 0, 2, 90, 0, 0])
    expect([1, 2, 3].map(n => columns.find(n)?.rate)).toEqual([5, 20, 0])
    const busiest = columns.select(parseFilter(''), 'rate', tables, NOW)
    expect(Array.from(busiest, i => columns.row(i).n).slice(0, 2)).toEqual([2, 1])
    columns.count([2], NOW + 4000, 2, [])
    expect([1, 2, 3].map(n => columns.find(n)?.rate)).toEqual([5, 0, 0])
  })

  it('count a flow that was written again from zero', () => {
    const columns = new FlowColumns()
    columns.add([1].map(flowOf))
    columns.count([1], NOW, 0, [1, 100, 0, 0])
    columns.count([1], NOW, 2, [1, 10, 0, 0])
    expect(columns.find(1)?.rate).toBe(5)
  })
})

describe('the filter language', () => {
  it('takes what is no term as text, colons and all', () => {
    expect(parseFilter('dl_dst=fa:16:3e nw_dst=10.0.0.1').terms.map(term => term.type)).toEqual(['text', 'text'])
    expect(parseFilter('port:"web 1" -drop rate>1k').terms).toEqual([
      { isNegated: false, type: 'resource', kind: 'port', name: 'web 1' },
      { isNegated: true, type: 'drop' },
      { isNegated: false, type: 'number', column: 'rate', compare: '>', value: 1000 },
    ])
  })

  it('knows when it must look at counters', () => {
    expect(
      ['table:output', 'priority>5', 'rate>0', 'hit:never', 'hit<5m'].map(t => parseFilter(t).needsCounters),
    ).toEqual([...[false, false, true, true, true]])
  })

  it('puts terms in and takes them out', () => {
    expect(toggleTerm('port:web1', 'drop')).toBe('port:web1 drop')
    expect(toggleTerm('port:web1 drop', 'drop')).toBe('port:web1')
  })
})
