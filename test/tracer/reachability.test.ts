// The tracer through the compiled tables against a plain oracle of reachability: for random models and pairs of ports,
// a packet is delivered exactly when networks, places and security groups say so, and so is the reply to it.
import { expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { dropReasons } from '#flows/drop-reasons'
import { pipeline } from '#flows/pipeline'
import { registers } from '#flows/registers'
import { bindings, modelKinds, networks, type Port, ports, type Reader } from '#model'
import { openMemoryStore } from '#store'
import { commitOf } from '#test/support/model'
import { Connections, trace } from '#tracer'
import { packetBetween, replyTo } from '#tracer/between'
import { explain } from '#tracer/explain'
import { intendedTables } from '#tracer/intended'
import { modelWorld } from '#tracer/model-world'
import { allows, isStateless, type Packet, packetOf, protocols } from './oracle.ts'
import { dice, randomModel } from './random.ts'

const MODELS = 12
const PAIRS = 60

/** Whether the first packet from one port gets to another: on one network, both plugged in and up, allowed at both ends. */
const reaches = (model: Reader, from: Port, to: Port, packet: Packet, [src, dst]: readonly [string, string]) =>
  from.networkId === to.networkId &&
  model.get(networks, from.networkId)?.adminStateUp === true &&
  [from, to].every(port => port.adminStateUp && model.holder(bindings, `active ${port.id}`) !== undefined) &&
  allows(model, from, 'egress', packet, dst) &&
  allows(model, to, 'ingress', packet, src)

test('what reaches a port, and what is answered, is what the model says', { timeout: 120_000 }, async () => {
  const told = new Map<boolean, number>()
  for (let seed = 100; seed < 100 + MODELS; seed++) {
    const roll = dice(seed)
    const random = randomModel(roll)
    const { changes } = commitOf(random.records)
    const model = openMemoryStore({ kinds: modelKinds })
    const compiler = new Compiler(pipeline)
    model.follow(commit => compiler.apply(commit), { fromStart: true })
    await model.transact({ source: 'test' }, tx => {
      for (const { kind, after } of [...changes, ...random.groups]) if (after) tx.insert(kind, after)
    })
    const world = modelWorld({ model, pipeline, tables: intendedTables(compiler) })
    for (let i = 0; i < PAIRS; i++) {
      const from = roll.one(random.records.port)
      const near = random.records.port.filter(p => p.networkId === from.networkId && p !== from)
      const to = roll.one(near)
      if (to === undefined || model.holder(bindings, `active ${from.id}`) === undefined) continue
      const [a, b] = [from, to].map(port => model.get(ports, port.id) as Port) as [Port, Port]
      const v6 = roll.chance(0.3) && [a, b].every(port => port.fixedIps.length > 1)
      const protocol = roll.one(protocols)
      const address = (port: Port) => port.fixedIps[v6 ? 1 : 0]?.ipAddress as string
      const connections = new Connections()
      const there = trace(world, packetBetween(model, a, b, protocol, v6 ? 6 : 4), connections)
      const isThere = there.outcomes.some(o => o.type === 'delivered' && o.id === b.id)
      const packet = packetOf(protocol, v6)
      const tell = () =>
        `seed ${seed}: ${a.id} to ${b.id}, ${JSON.stringify(protocol)}: ${
          explain(there, { model, pipeline, reasons: dropReasons, registers, to: b }).sentence
        }`
      const expected = reaches(model, a, b, packet, [address(a), address(b)])
      expect(isThere, tell()).toBe(expected)
      told.set(isThere, (told.get(isThere) ?? 0) + 1)
      if (!isThere) continue
      // A stateless end judges the reply by itself; between stateful ends, or ends without groups, it passes.
      if ([a, b].some(port => isStateless(model, port))) continue
      const back = trace(world, replyTo(model, there, b), connections)
      expect(
        back.outcomes.some(o => o.type === 'delivered' && o.id === a.id),
        `${tell()} (the reply)`,
      ).toBe(true)
    }
  }
  console.log(`${told.get(true)} packets delivered, ${told.get(false)} not`)
  expect(told.get(true)).toBeGreaterThan(50)
  expect(told.get(false)).toBeGreaterThan(50)
})
