// The index against looking through all flows one by one, over the flows of random models and packets.
import { parseMatch } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import { bridges, Compiler, type FlowEntry } from '#compiler'
import { pipeline } from '#flows/pipeline'
import { commitOf } from '#test/support/model'
import { FlowIndex, type TraceFlow } from '#tracer'
import { type Pattern, packetOf, patternOf } from '#tracer/packet'
import { wirePattern } from '#tracer/wire-pattern'
import { dice, randomFrame, randomModel } from './random.ts'

const entriesOf = (seed: number): readonly FlowEntry[] => {
  const model = randomModel(dice(seed))
  const compiler = new Compiler(pipeline)
  const commit = commitOf(model.records)
  compiler.apply({ ...commit, changes: [...commit.changes, ...model.groups] })
  return model.records.chassis.flatMap(({ id }) =>
    [...compiler.subscriptions(id)].flatMap(set => [...(compiler.flowSet(set)?.entries.values() ?? [])]),
  )
}

test('the bytes of a match compare what the match compares', () => {
  for (const entry of entriesOf(1)) expect(wirePattern(entry.match)).toEqual(patternOf(entry.flow.match))
})

const matches = ({ words, masks, values }: Pattern, packet: Uint32Array) =>
  words.every((word, i) => (packet[word]! & masks[i]!) >>> 0 === values[i])

test('the flow found has the highest priority of those that match', () => {
  for (const seed of [1, 2, 3]) {
    const roll = dice(seed)
    const model = randomModel(dice(seed))
    for (const bridge of bridges) {
      const flows = entriesOf(seed)
        .filter(entry => entry.bridge === bridge)
        .map(entry => ({ ...entry.flow, pattern: patternOf(entry.flow.match) }))
      const index = new FlowIndex(flows)
      const tables = [...new Set(flows.map(flow => flow.table))]
      for (let i = 0; i < 50; i++) {
        const packet = packetOf(randomFrame(roll, model, roll.one(model.records.port)))
        // A packet like one in the middle of the pipeline: some of its words are what a flow asks for.
        const asked = roll.one(flows).pattern
        for (const [n, word] of asked.words.entries()) packet.words[word] = asked.values[n] as number
        for (const table of tables) {
          const all = flows.filter(flow => flow.table === table && matches(flow.pattern, packet.words))
          const best = all.length === 0 ? undefined : Math.max(...all.map(flow => flow.priority))
          const found = index.find(table, packet, -1)
          expect(found?.priority).toBe(best)
          if (found !== undefined) expect(matches(patternOf(found.match), packet.words)).toBe(true)
          expect(index.find(table, packet, best ?? -1)).toBeUndefined()
        }
      }
    }
  }
})

test('flows that match on what the tracer does not follow are put aside', () => {
  const flow = (match: string): TraceFlow => ({
    ...{ table: 0, priority: 1, cookie: 0n, actions: [] },
    match: parseMatch(match),
  })
  const index = new FlowIndex([flow('mpls,mpls_label=5'), flow('in_port=7')])
  expect(index.find(0, packetOf({ in_port: 7 }), -1)?.match).toEqual({ in_port: 7 })
  expect(index.ignored).toHaveLength(1)
})
