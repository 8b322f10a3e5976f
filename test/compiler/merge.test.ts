// How rows that want one flow merge, in tables made for the purpose: the real ones are tried in limits.test.ts.
import { drop, setField } from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import { Compiler, each, type FlowEntry, type Rule, table } from '#compiler'
import { networks, type Port, ports } from '#model'
import { aNetwork, aPort, commitOf } from '#test/support/model'

/** A row of a port, which loads a value: as heavy as the value, unless said otherwise. */
interface Load {
  readonly value: number
  readonly order: number
  readonly weight?: number
}

const flowOf = (value: number) => ({ priority: 10, match: {}, actions: [setField('reg1', value)] })

/** A rule whose rows all want one match. */
const loads = (rows: (port: Port) => readonly Load[], limit?: number): Rule =>
  each<Port, Load & { readonly in: string }>(ports, {
    scope: 'set',
    merge: 'union',
    ...(limit !== undefined && { limit }),
    weight: row => row.weight ?? row.value,
    order: row => row.order,
    rows: port => rows(port).map(row => ({ in: '', ...row })),
    example: { in: '', order: 0, value: 1 },
    flow: row => flowOf(row.value),
  })

const compilerOf = (...rules: readonly Rule[]): Compiler =>
  new Compiler({
    tables: [table('merged', { bridge: 'br-int', number: 5, match: [], miss: drop(), rules })],
    subscriptions: [],
  })

const portsOf = (...keys: readonly number[]) => keys.map(key => aPort(`p${key}`, key, 'net'))

const changed = (before: Port | undefined, after: Port | undefined) => ({
  ...commitOf({}, 2),
  changes: commitOf({ port: [after ?? before] as Port[] }).changes.map(change => ({ ...change, before, after })),
})

const merged = (compiler: Compiler): FlowEntry => {
  const [entry] = compiler.flowSet('set')?.entries.values() ?? []
  if (entry === undefined) throw new Error('no flow')
  return entry
}

const valuesOf = (compiler: Compiler) =>
  merged(compiler).flow.actions.map(action => (action.type === 'set_field' ? action.value : action.type))

const sourcesOf = (compiler: Compiler) => merged(compiler).sources.map(source => source.id)

const refusedBy = (compiler: Compiler) =>
  compiler.conflicts.map(({ reason, refused }) => [reason, ...refused.map(source => source.id)])

describe('a union', () => {
  test('has the actions of all rows in order, equal ones once, and all that asked for them as sources', () => {
    const compiler = compilerOf(
      loads(({ policy, key }) => [
        { order: policy * 10, value: 100 + policy },
        { order: policy * 10 + key, value: key },
      ]),
    )
    compiler.apply(commitOf({ port: [4, 3, 2, 1].map(key => aPort(`p${key}`, key, 'net', { policy: key % 2 })) }))
    expect(valuesOf(compiler)).toEqual([100, 2, 4, 101, 1, 3])
    expect(sourcesOf(compiler)).toEqual(['p2', 'p4', 'p1', 'p3'])
    expect(compiler.conflicts).toEqual([])
  })

  test('keeps what a row asked for as long as an equal one is left', () => {
    const compiler = compilerOf(loads(() => [{ order: 0, value: 7 }]))
    const [a, b] = portsOf(1, 2)
    compiler.apply(commitOf({ port: portsOf(1, 2) }))
    const entry = merged(compiler)
    expect(compiler.apply(changed(a, undefined)).flowSets).toEqual([])
    expect(merged(compiler)).toBe(entry)
    expect(sourcesOf(compiler)).toEqual(['p2'])
    compiler.apply(changed(b, undefined))
    expect(compiler.flowSet('set')).toBeUndefined()
  })

  test('orders equal rows of one record the same way, whichever came first', () => {
    const compiler = compilerOf(loads(port => port.fixedIps.map(ip => ({ order: 0, value: Number(ip.ipAddress) }))))
    const portWith = (...values: readonly number[]) =>
      aPort('p', 1, 'net', { fixedIps: values.map(value => ({ subnetId: 's', ipAddress: String(value) })) })
    compiler.apply(changed(undefined, portWith(2, 3)))
    expect(valuesOf(compiler)).toEqual([2, 3])
    compiler.apply(changed(portWith(2, 3), portWith(3, 1)))
    expect(valuesOf(compiler)).toEqual([1, 3])
  })
})

describe('the limit of a union', () => {
  test('asks what a record wants twice, as heavily and lightly, the same whichever it names first', () => {
    const light = { order: 0, value: 1, weight: 1 }
    const heavy = { order: 0, value: 1, weight: 5 }
    for (const rows of [
      [light, heavy],
      [heavy, light],
    ]) {
      const compiler = compilerOf(loads(() => rows, 3))
      compiler.apply(commitOf({ port: portsOf(1) }))
      expect([valuesOf(compiler), refusedBy(compiler)]).toEqual([[1], []])
    }
  })

  test('weighs the rows of all rules that declare it, and those that add nothing not at all', () => {
    const header = loads(() => [{ order: 0, value: 50, weight: 3 }], 6)
    const copy = loads(({ key }) => [{ order: key, value: key }], 6)
    const compiler = compilerOf(header, copy)
    compiler.apply(commitOf({ port: portsOf(1, 2) }))
    expect(valuesOf(compiler)).toEqual([50, 1, 2])
    expect(compiler.conflicts).toEqual([])
  })

  test('refuses the row that passes it and all later ones, lighter ones too, but none without a limit', () => {
    const limited = loads(({ key }) => [{ order: -key, value: key }], 9)
    const free = each(networks, {
      scope: 'set',
      merge: 'union',
      order: () => 100,
      rows: () => [{ in: '' }],
      example: { in: '' },
      flow: () => flowOf(99),
    })
    const compiler = compilerOf(limited, free)
    compiler.apply(commitOf({ network: [aNetwork('net', 1)], port: portsOf(1, 3, 4, 5) }))
    expect(valuesOf(compiler)).toEqual([5, 4, 99])
    expect(refusedBy(compiler)).toEqual([['limit', 'p3', 'p1']])
    compiler.apply(changed(portsOf(4)[0], undefined))
    expect(valuesOf(compiler)).toEqual([5, 3, 1, 99])
    expect(compiler.conflicts).toEqual([])
  })

  test('refuses a row that is too heavy alone: the flow drops', () => {
    const compiler = compilerOf(loads(({ key }) => [{ order: 0, value: key }], 6))
    compiler.apply(commitOf({ port: portsOf(7) }))
    expect(valuesOf(compiler)).toEqual([])
    expect(refusedBy(compiler)).toEqual([['limit', 'p7']])
    compiler.apply(changed(portsOf(7)[0], undefined))
    expect(compiler.conflicts).toEqual([])
  })
})

test('one record that gives two rows to a flow is one of its sources', () => {
  const compiler = compilerOf(
    loads(() => [
      { order: 0, value: 1 },
      { order: 1, value: 2 },
    ]),
  )
  compiler.apply(commitOf({ port: portsOf(1) }))
  expect(sourcesOf(compiler)).toEqual(['p1'])
})
