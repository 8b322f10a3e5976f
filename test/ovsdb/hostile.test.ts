/** A server that talks nonsense: whatever it sends, the process lives, nothing hangs, and rows never go half-changed. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { OvsdbError, update, where } from 'ovsdb-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missing, standalone, until } from './daemons.ts'
import { startProxy } from './proxy.ts'
import { addBridge, names, open, openVswitch, root } from './tables.ts'

type Damage = (text: string, at: number) => string

/** Puts something in the place of what a pattern finds. */
const swap =
  (pattern: RegExp, ...replacements: string[]): Damage =>
  (text, at) => {
    const found = [...text.matchAll(pattern)]
    const one = found[Math.floor(at * found.length)]
    if (!one) return text
    const replacement = replacements[Math.floor(at * 1000) % replacements.length]!
    return text.slice(0, one.index) + replacement + text.slice(one.index + one[0].length)
  }

const damages: Damage[] = [
  (text, at) => text.slice(0, at * text.length) + text.slice(at * text.length + 1),
  (text, at) => `${text.slice(0, at * text.length)}\u0007${text.slice(at * text.length + 1)}`,
  (text, at) => text.slice(0, at * text.length) + text.slice(at * text.length * 0.9),
  swap(/"initial"|"insert"|"modify"/g, '"initial"', '"modify"', '"delete"', '"rename"'),
  swap(/"(set|map|uuid)"/g, '"set"', '"map"', '"uuid"', '"__proto__"', '5'),
  swap(/\[[^[\]]*\]/g, '[]', '{}', 'null', '"x"', '[[]]', '99999999999999999999'),
  swap(/"[a-z_]+":/g, '"__proto__":', '"constructor":', '"name":', '"":'),
  swap(/"[^"]*"/g, '7', 'null', '[]', '"ports"', 'true', '-1e999'),
  swap(/true|false|null|\d+/g, '0', 'null', '{}', '"x"', '-9223372036854775808'),
  swap(/"update3"/g, '"update"', '"update2"', '"locked"', '"monitor_canceled"', '"echo"'),
]

describe.skipIf(missing)(`a hostile server${missing ? ` (${missing})` : ''}`, () => {
  test('random damage to what a server says is survived, and forgotten when it ends', { timeout: 60_000 }, async () => {
    const server = await standalone()
    const direct = await openVswitch(open(server.remote))
    await direct.transact([root, ...addBridge('br0')])
    await direct.transact(addBridge('br1'))

    let damage: (text: string) => string = text => text
    const proxy = await startProxy(server.remote, { onServer: bytes => Buffer.from(damage(bytes.toString())) })
    const client = open(proxy.remote, { backoff: { min: 1, max: 2 } })
    const db = await openVswitch(client)
    const replica = await db.monitor({ Bridge: ['name', 'ports', 'external_ids'], Port: ['name', 'tag', 'trunks'] })
    const reasons = new Set<string>()
    client.on('disconnected', reason => reasons.add((reason as OvsdbError).code))
    const accidents: unknown[] = []
    const note = (error: unknown) => accidents.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))

    let n = 0
    const attack = fc.array(fc.tuple(fc.constantFrom(...damages), fc.double({ min: 0, max: 0.999, noNaN: true })), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(attack, async blows => {
        damage = text => blows.reduce((damaged, [blow, at]) => blow(damaged, at), text)
        const tag = ++n % 4000
        const change = [update('Port', where('name', '==', 'br0'), { tag, trunks: [tag, 1] })]
        const settled = Promise.allSettled([
          db.transact(change, { timeout: 50 }),
          replica.resync(),
          direct.transact(change),
        ])
        // Damage can leave a request without an answer for ever: only the end of the connection settles it.
        await Promise.race([settled, sleep(100)])
        damage = text => text
        proxy.drop()
        const outcomes = await settled
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(OvsdbError)
        }
        for (const row of replica.table('Port').values()) expect(Object.keys(row)).toHaveLength(4)
        await until('it is back', () => replica.isCurrent && client.isConnected)
      }),
      { numRuns: 150 },
    )
    expect(accidents).toEqual([])
    expect(reasons.size).toBeGreaterThan(1)
    expect(names(replica.table('Bridge'))).toEqual(['br0', 'br1'])
    const [port] = [...replica.table('Port').values()].filter(row => row.name === 'br0')
    expect(port?.tag).toBe(n % 4000)
  })
})
