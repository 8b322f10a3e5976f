// The event feed, on a whole controller with real chassis.

import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LiveView, Unauthorized } from '#api'
import { chassis } from '#model'
import { ipOf, type PortResource, startWorld, type World } from '#test/dataplane/world'
import { testApi } from '#test/support/api'
import type { Host, Vm } from '#test/support/cloud'
import { followFeed } from '#test/support/feed-client'
import { aChassis } from '#test/support/model'
import { describeDataplane, until } from '#test/support/ovs'

interface Revised {
  readonly revision: number
  readonly changes: readonly { readonly name?: string }[]
}

const noLive: LiveView = {
  ...{ tables: [], registers: [], dropReasons: {} },
  flows: () => ({ size: 0, flows: [] }),
  cookies: async () => new Set(),
  onFlows: () => () => {},
  counters: async function* () {},
  onCost: () => () => {},
  onDrift: () => () => {},
}

it('follows with a token of an administrator alone, in a header or as a protocol', async () => {
  const api = testApi({
    live: noLive,
    authenticate: async ({ 'x-auth-token': token }) => {
      if (token === undefined) throw new Unauthorized('Keystone')
      return { projectId: '', userId: '', roles: [], isAdmin: token === 'chief' }
    },
  })
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.app.server.address() as AddressInfo
  const follow = (headers: Record<string, string>, protocols: string[] = []) =>
    followFeed(`127.0.0.1:${port}`, headers, protocols)
  const encoded = (token: string) => ['flowright', `token.${Buffer.from(token).toString('base64url')}`]
  await expect(follow({})).rejects.toThrow('401')
  await expect(follow({ 'x-auth-token': 'guest' })).rejects.toThrow('403')
  await expect(follow({}, encoded('guest'))).rejects.toThrow('403')
  for (const client of [await follow({ 'x-auth-token': 'chief' }), await follow({}, encoded('chief'))]) {
    client.send({ type: 'resume', revision: 0 })
    await client.find('hello', m => m.type === 'hello')
    await client.close()
  }
  await api.app.close()
})

it('sends a client that answers no more flows ahead than it asked for', async () => {
  const text = { match: '', actions: 'drop' }
  const flows = Array.from({ length: 5000 }, (_, i) => ({
    ...{ cookie: BigInt(i), bridge: 'br-int' as const, table: 0, priority: 0, sources: [], text: () => text },
  }))
  const api = testApi({ live: { ...noLive, flows: () => ({ size: flows.length, flows }) } })
  await api.store.transact({ source: 'test' }, tx => tx.insert(chassis, aChassis('host1', 1)))
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const client = await followFeed(`127.0.0.1:${(api.app.server.address() as AddressInfo).port}`)
  client.send({ type: 'resume', revision: 0 })
  client.send({ type: 'flows', watch: 1, chassis: 'host1', ahead: 2 })
  const parts = () => client.messages.filter(m => m.type === 'flows' && m.added.length > 0)
  await until('two messages', () => parts().length === 2)
  await setTimeout(100)
  expect(parts()).toHaveLength(2)
  let answered = 0
  await until('all flows', () => {
    for (; answered < parts().length; answered++) client.send({ type: 'taken', watch: 1 })
    return parts().reduce((sum, { added }) => sum + added.length, 0) === flows.length
  })
  await client.close()
  await api.app.close()
})

describeDataplane('the event feed', () => {
  let world: World
  let host: Host
  let web: [Vm, PortResource]
  let db: [Vm, PortResource]

  beforeAll(async () => {
    world = await startWorld()
    host = await world.addHost('host1', 1)
    const network = await world.createNetwork({ name: 'blue' }, ['10.0.0.0/24'])
    web = await world.vmOn(host, network, { name: 'web1' })
    db = await world.vmOn(host, network, { name: 'db1' })
  })
  afterAll(() => world.stop())
  const connect = () => followFeed(world.controller().api)

  it('tells a client that was away exactly what it missed', async () => {
    const first = await connect()
    first.send({ type: 'resume', revision: 0 })
    const hello = await first.find('hello', m => m.type === 'hello')
    expect(hello.tables.map((t: { name: string }) => t.name)).toContain('l2_lookup')
    await first.close()

    const made = await world.create('network', { name: 'meanwhile' })
    await world.call('PUT', `/v2.0/networks/${made.id}`, { network: { name: 'renamed' } })
    const second = await connect()
    second.send({ type: 'resume', revision: hello.revision, epoch: hello.epoch })
    const { commits } = await second.find('commits', m => m.type === 'commits')
    expect((await second.find('hello', m => m.type === 'hello')).complete).toBe(true)
    expect(commits.map((c: { revision: number }) => c.revision)).toEqual([hello.revision + 1, hello.revision + 2])
    expect(commits[0].request).toMatch(/^req-/)
    const ofNetwork = commits.map((c: { changes: { kind: string }[] }) => c.changes.find(d => d.kind === 'network'))
    expect(ofNetwork).toEqual([
      { kind: 'network', id: made.id, op: 'create', name: 'meanwhile' },
      expect.objectContaining({ op: 'update', name: 'renamed', fields: expect.arrayContaining(['name']) }),
    ])

    await world.call('DELETE', `/v2.0/networks/${made.id}`)
    await second.find(
      'the deletion',
      m => m.type === 'commits' && m.commits[0]?.changes.some((d: { op: string }) => d.op === 'delete'),
    )
    await second.close()
  })

  it('goes on without a gap after a restart', async () => {
    const client = await connect()
    client.send({ type: 'resume', revision: 0 })
    const hello = await client.find('hello', m => m.type === 'hello')
    expect(hello.complete).toBe(true)
    await world.stopController()
    // Who was there to the end has missed nothing.
    const seen = client.messages.flatMap(m => (m.type === 'commits' ? m.commits.map((c: Revised) => c.revision) : []))
    await world.startController()
    const there = await connect()
    there.send({ type: 'resume', revision: Math.max(hello.revision, ...seen), epoch: hello.epoch })
    const resumed = await there.find('hello', m => m.type === 'hello')
    expect(resumed).toMatchObject({ complete: true, epoch: expect.not.stringMatching(hello.epoch) })
    await world.create('network', { name: 'after' })
    await there.find('the commit after', m => m.commits?.some((c: Revised) => c.changes.some(d => d.name === 'after')))
    const revisions = there.messages.flatMap(m =>
      m.type === 'commits' ? m.commits.map((c: Revised) => c.revision) : [],
    )
    expect(revisions).toEqual(revisions.map((_, i) => Math.max(hello.revision, ...seen) + 1 + i))
    await there.close()
    // Who comes anew is told what was before.
    const after = await connect()
    after.send({ type: 'resume', revision: 1 })
    expect((await after.find('hello', m => m.type === 'hello')).complete).toBe(true)
    const { commits } = await after.find('commits', m => m.type === 'commits')
    expect(commits[0].revision).toBe(2)
    expect(commits.some((c: Revised) => c.changes.some(d => d.name === 'renamed'))).toBe(true)
    await after.close()
    await until('the host to be back', async () => {
      const { chassis } = await world.call<{ chassis: { openflow: { connected: boolean } | null }[] }>(
        'GET',
        '/flowright/v1/chassis',
      )
      return chassis[0]?.openflow?.connected
    })
  })

  it('sends the flows of a chassis with names, then those that come and go', async () => {
    const client = await connect()
    client.send({ type: 'resume', revision: 0 })
    const { tables } = await client.find('hello', m => m.type === 'hello')
    client.send({ type: 'flows', watch: 7, chassis: 'host1' })
    const first = await client.find('flows', m => m.type === 'flows' && m.watch === 7)
    const rows = () => client.messages.filter(m => m.type === 'flows').flatMap(m => m.added)
    await until('all rows', () => rows().length === first.total)
    const lookup = tables.findIndex((t: { name: string }) => t.name === 'l2_lookup')
    const isLookup = (row: unknown[]) => row[1] === lookup && String(row[4]).includes(web[1].mac_address)
    expect(rows().find(isLookup)).toMatchObject([
      expect.any(Number),
      lookup,
      20,
      expect.stringMatching(/^f10e/),
      expect.stringMatching(/^network=0x\d+,dl_dst=/),
      expect.stringMatching(/destination_port,goto_table/),
      [['port', web[1].id, 'web1']],
      '',
    ])
    expect((await client.find('keys', m => m.type === 'keys')).keys).toContainEqual([
      'port',
      expect.any(Number),
      web[1].id,
      'web1',
    ])

    const extra = await world.createPort({ id: web[1].network_id }, { name: 'extra' })
    const ofExtra = (row: unknown[]) => String(row[4]).includes(extra.mac_address)
    await until('its flow', () => rows().some(ofExtra))
    const n = rows().find(ofExtra)[0]
    await world.call('DELETE', `/v2.0/ports/${extra.id}`)
    await client.find('its removal', m => m.type === 'flows' && m.removed.includes(n))
    await client.close()
  })

  it('counts packets only for what a client looks at, and sums them up along the edges between tables', async () => {
    const client = await connect()
    client.send({ type: 'resume', revision: 0 })
    const { tables } = await client.find('hello', m => m.type === 'hello')
    client.send({ type: 'flows', watch: 1, chassis: 'host1' })
    await client.find('flows', m => m.type === 'flows')
    expect(await web[0].ping(ipOf(db[1]), { count: 3 })).toBe(true)
    expect(client.messages.some(m => m.type === 'counters')).toBe(false)

    const lookup = tables.findIndex((t: { name: string }) => t.name === 'l2_lookup')
    client.send({ type: 'count', watch: 1, tables: [lookup] })
    const counters = await client.find('counters', m => m.type === 'counters' && m.rows.length > 0)
    expect(counters.tables).toEqual([lookup])
    const row = client.messages
      .filter(m => m.type === 'flows')
      .flatMap(m => m.added)
      .find((r: unknown[]) => r[1] === lookup && String(r[4]).includes(`dl_dst=${db[1].mac_address}`))
    const at = () => {
      const last = client.messages.filter(m => m.type === 'counters' && m.rows.includes(row[0])).at(-1)
      return last?.rows[last.rows.indexOf(row[0]) + 1]
    }
    await until('three pings to be counted', () => at() >= 3)

    client.send({ type: 'edges', watch: 2, chassis: 'host1' })
    await client.find('edges', m =>
      m.edges?.some((e: { from: string; to: string; packets: number }) => e.from === 'l2_lookup' && e.packets >= 3),
    )
    await client.close()
  })

  it('tells of drift and of drops as they happen', async () => {
    const client = await connect()
    client.send({ type: 'resume', revision: 0 })
    client.send({ type: 'drops', watch: 3, chassis: 'host1' })
    await host.ovs.ofctl('del-flows', 'br-int', 'table=60,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00')
    const { events } = await client.find('drift', m => m.type === 'drift' && m.events.length > 0)
    expect(events[0]).toMatchObject({ chassis: 'host1', bridge: 'br-int', kind: 'removed', n: 1 })

    await web[0].exec('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:99')
    await web[0].ping(ipOf(db[1]), { wait: 1 })
    const { drops } = await client.find('the drop', m =>
      m.drops?.some((d: { table: string; packets: number }) => d.table === 'port_security' && d.packets > 0),
    )
    expect(drops[0]).toMatchObject({ chassis: 'host1', match: expect.any(String) })
    await web[0].exec('ip', 'link', 'set', 'eth0', 'address', web[1].mac_address)
    await client.close()
  })

  it('tells what a change cost and who acknowledged it last', async () => {
    const client = await connect()
    client.send({ type: 'resume', revision: 0 })
    await client.find('hello', m => m.type === 'hello')
    const extra = await world.createPort({ id: web[1].network_id })
    const { costs } = await client.find('its cost', m => m.type === 'costs' && m.costs[0]?.acknowledged !== undefined)
    expect(costs[0]).toMatchObject({ chassis: 1, slowest: 'host1', waiting: 0 })
    expect(costs[0].added).toBeGreaterThan(0)
    expect(costs[0].bytes).toBeGreaterThan(100)
    await world.call('DELETE', `/v2.0/ports/${extra.id}`)
    await client.close()
  })

  it('answers a message that makes no sense, and goes on', async () => {
    const client = await connect()
    for (const nonsense of ['{', '1', '{"type":"fly"}', '{"type":"resume"}', '{"type":"flows","watch":1}'])
      client.send(nonsense as unknown as object)
    client.send({ type: 'flows', watch: 1, chassis: 'nowhere' })
    await client.find('trouble', m => m.type === 'trouble')
    const errors = client.messages.filter(m => m.type === 'error').map(m => m.message)
    expect(errors).toEqual([
      'a message must be JSON',
      'a message must be a JSON object',
      'type must be resume, flows, taken, count, edges, drops or stop, not "fly"',
      'resume: revision must be a number from 0',
      'flows: chassis must be its id',
    ])
    expect(client.messages.at(-1).message).toBe('there is no chassis nowhere')
    await client.close()
  })

  it('refuses pages of other sites', async () => {
    await expect(followFeed(world.controller().api, { origin: 'http://elsewhere.example' })).rejects.toThrow('403')
  })
})
