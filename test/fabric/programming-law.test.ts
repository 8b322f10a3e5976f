import fc from 'fast-check'
import { output } from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import type { Bridge, CompileDelta, FlowEntry } from '#compiler'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { entryOf, HandCompiled } from '#test/support/hand-compiled'
import { until } from '#test/support/ovs'
import { SimulatedSwitch } from '#test/support/simulated-chassis'

const HOST = 'host1'
const STAMP = 253

/** The flow of a network's member: the slot follows from network and member, the content from the version. */
const flow = (network: number, member: number, version: number): FlowEntry =>
  entryOf({
    bridge: member % 2 ? 'br-tun' : 'br-int',
    table: 10,
    priority: 1,
    match: { metadata: BigInt(network), reg0: member },
    actions: [output(version + 1)],
  })

const network = fc.integer({ min: 1, max: 3 })
const members = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 })), { maxLength: 6 })
const place = fc.constantFrom<Bridge>('br-int', 'br-tun')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('set' as const), network, members }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('subscribe' as const), network }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('unsubscribe' as const), network }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('drop' as const), place }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('drop at commit' as const),
      place,
      when: fc.constantFrom<'before' | 'after'>('before', 'after'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('refuse' as const), place, port: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'restart' as const }) },
  { weight: 3, arbitrary: fc.constant({ what: 'pause' as const }) },
)

describe('the law of programming', () => {
  test('whatever changes, is lost or is refused, a switch ends with what it should hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async steps => {
        const compiled = new HandCompiled()
        let port = 0
        const start = async () => {
          const programming = new Programming({ compiled, auditDelay: 0, maxWaiting: 20 })
          const server = await listenForSwitches({ address: { port }, programming, chassisWithKey: () => HOST })
          port = server.address!.port
          return { programming, server }
        }
        let { programming, server } = await start()
        const switches = {
          'br-int': new SimulatedSwitch(1, 'br-int', port, 5),
          'br-tun': new SimulatedSwitch(1, 'br-tun', port, 5),
        }
        const all = Object.values(switches)
        const apply = (delta: CompileDelta) => programming.apply(delta)
        const inSync = async () => {
          // A pause lets what was lost be noticed.
          await new Promise(resolve => setTimeout(resolve, 10))
          await until('in sync', () => {
            const status = programming.status(HOST)
            return (
              status?.acknowledged === compiled.revision &&
              Object.values(status.bridges).every(b => b.state === 'in_sync')
            )
          })
        }
        try {
          for (const s of steps) {
            if (s.what === 'set') {
              const unique = new Map(s.members.map(([member, version]) => [member, flow(s.network, member, version)]))
              apply(compiled.set(`network/${s.network}`, [...unique.values()]))
            } else if (s.what === 'subscribe' || s.what === 'unsubscribe') {
              const id = `network/${s.network}`
              if (compiled.subscriptions(HOST).has(id) !== (s.what === 'subscribe')) apply(compiled[s.what](HOST, id))
            } else if (s.what === 'drop') switches[s.place].drop()
            else if (s.what === 'drop at commit') switches[s.place].behaviour.dropAtCommit = s.when
            else if (s.what === 'refuse')
              switches[s.place].behaviour.refuses = f => f.table === 10 && f.instructions.at(-9) === s.port
            else if (s.what === 'restart') {
              programming.close()
              await server.close()
              ;({ programming, server } = await start())
            } else await new Promise(resolve => setTimeout(resolve, 2))
          }
          for (const sw of all) {
            sw.behaviour.refuses = () => false
            sw.behaviour.dropAtCommit = undefined
          }
          await inSync()
          // What is quarantined may stand there all the same, if it was written before it was refused.
          const quarantined = new Set(programming.quarantined(HOST).map(q => q.entry.slot))
          for (const bridge of ['br-int', 'br-tun'] as const) {
            const wanted = [...compiled.subscriptions(HOST)]
              .flatMap(id => [...(compiled.flowSet(id)?.entries.values() ?? [])])
              .filter(entry => entry.bridge === bridge && !quarantined.has(entry.slot))
            const held = [...switches[bridge].flows].filter(([slot, f]) => f.table !== STAMP && !quarantined.has(slot))
            expect(new Map(held.map(([slot, f]) => [slot, f.instructions.toString('hex')]))).toEqual(
              new Map(wanted.map(entry => [entry.slot, Buffer.from(entry.instructions).toString('hex')])),
            )
          }
          // Only a refusal that was on its way when the connection was lost looks like drift to the audit.
          if (!steps.some(s => s.what === 'refuse')) expect(programming.drift(HOST)).toEqual([])

          // The stamp tells the truth: without quarantined entries, another controller finds nothing to do.
          if (quarantined.size > 0) return
          programming.close()
          await server.close()
          ;({ programming, server } = await start())
          await inSync()
          expect(programming.counters.bundles).toBe(0)
        } finally {
          for (const sw of all) sw.stop()
          programming.close()
          await server.close()
        }
      }),
      { numRuns: 40 },
    )
  })
})
