/** Monitors and replicas: differences, conditions, fallbacks, resuming (behaviours 8 to 17). */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import {
  type Client,
  deleteFrom,
  everyRow,
  insert,
  mutate,
  named,
  type OvsdbError,
  RpcError,
  type Sync,
  select,
  set,
  string,
  type Uuid,
  update,
  uuid,
  where,
  whereUuid,
} from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { cluster } from './cluster.ts'
import { missing, standalone, startServer, until } from './daemons.ts'
import { startProxy } from './proxy.ts'
import { addBridge, names, open, openVswitch, root, vswitch } from './tables.ts'

/** How often a client lost its connection. */
function countDisconnects(client: Client): { count: number } {
  const counter = { count: 0 }
  client.on('disconnected', () => counter.count++)
  return counter
}

/** Rewrites requests so that the server knows them under no name; the length stays the same. */
const unknow =
  (...methods: string[]) =>
  (bytes: Buffer) => {
    let text = bytes.toString('latin1')
    for (const method of methods) text = text.replaceAll(`"${method}"`, `"${method.replace('m', 'x')}"`)
    return Buffer.from(text, 'latin1')
  }

/** Every way to monitor: the proxy hides what the older servers lack. */
const ways: [string, string[]][] = [
  ['monitor_cond_since', []],
  ['monitor_cond', ['monitor_cond_since']],
  ['monitor', ['monitor_cond_since', 'monitor_cond']],
]

describe.skipIf(missing)(`monitors${missing ? ` (${missing})` : ''}`, () => {
  test.each(ways)(
    'by %s, a replica follows random changes of sets, maps and optional columns',
    async (_way, hidden) => {
      const server = await standalone()
      const proxy = await startProxy(server.remote, { rewrite: unknow(...hidden) })
      const db = await openVswitch(open(proxy.remote))
      await db.transact([root, ...addBridge('br0')])
      const replica = await db.monitor({ Port: ['tag', 'trunks'], Interface: ['ofport', 'options', 'external_ids'] })
      const vlan = fc.integer({ min: 0, max: 9 })
      const pairs = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'))
      const change = fc.oneof(
        fc.option(vlan, { nil: undefined }).map(tag => update('Port', everyRow, { tag })),
        fc.uniqueArray(vlan).map(trunks => update('Port', everyRow, { trunks })),
        fc.uniqueArray(vlan).map(trunks => mutate('Port', everyRow, [['trunks', 'insert', trunks]])),
        fc.uniqueArray(vlan).map(trunks => mutate('Port', everyRow, [['trunks', 'delete', trunks]])),
        fc.option(vlan, { nil: undefined }).map(ofport => update('Interface', everyRow, { ofport })),
        pairs.map(options => update('Interface', everyRow, { options })),
        pairs.map(options => mutate('Interface', everyRow, [['options', 'insert', options]])),
        pairs.map(options => mutate('Interface', everyRow, [['options', 'delete', options]])),
        fc
          .uniqueArray(fc.constantFrom('a', 'b', 'c'))
          .map(keys => mutate('Interface', everyRow, [['options', 'delete', keys]])),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 4 }), async changes => {
          await db.transact(changes)
          const [ports, interfaces] = await db.transact([
            select('Port', [], ['tag', 'trunks']),
            select('Interface', [], ['ofport', 'options', 'external_ids']),
          ])
          const [port] = replica.table('Port').values()
          expect({ ...port, trunks: port?.trunks.toSorted() }).toMatchObject(ports.rows[0]!)
          expect([...replica.table('Interface').values()]).toMatchObject([interfaces.rows[0]!])
        }),
        { numRuns: 40 },
      )
    },
  )

  test.each(ways)('by %s, rows enter and leave a condition as inserts and deletes', async (_way, hidden) => {
    const server = await standalone()
    const proxy = await startProxy(server.remote, { rewrite: unknow(...hidden) })
    const db = await openVswitch(open(proxy.remote))
    await db.transact([root, ...addBridge('br0')])
    await db.transact(addBridge('br1'))
    // The condition is on a column that is not monitored.
    const replica = await db.monitor({ Port: { columns: ['name'], where: where('tag', '==', 5) } })
    expect(replica.table('Port').size).toBe(0)
    const steps: string[] = []
    replica.on('change', ({ changes }) => {
      steps.push(changes.map(({ op, before, after }) => `${op} ${(after ?? before)?.name}`).join())
    })
    await db.transact([update('Port', where('name', '==', 'br0'), { tag: 5 })])
    await db.transact([update('Port', where('name', '==', 'br1'), { tag: 6 })])
    await db.transact([update('Port', where('name', '==', 'br0'), { tag: 6 })])
    expect(steps).toEqual(['insert br0', 'delete br0'])
    expect(replica.table('Port').size).toBe(0)

    await replica.setConditions('Port', [...where('name', '==', 'br0'), ...where('tag', '==', 6)])
    expect(names(replica.table('Port'))).toEqual(['br0', 'br1'])
    await replica.setConditions('Port', where('name', '!=', 'br0'))
    expect(names(replica.table('Port'))).toEqual(['br1'])
    await replica.setConditions('Port', everyRow)
    expect(names(replica.table('Port'))).toEqual(['br0', 'br1'])
  })

  test.each(ways)(
    'by %s, a replica survives a restart of the server with only true changes told',
    async (_way, hidden) => {
      const server = await standalone()
      const proxy = await startProxy(server.remote, { rewrite: unknow(...hidden) })
      const db = await openVswitch(open(proxy.remote))
      const other = await openVswitch(open(server.remote))
      await db.transact([root, ...addBridge('br0')])
      await db.transact(addBridge('br1'))
      const replica = await db.monitor({ Bridge: ['name', 'external_ids'], Port: ['name', 'tag'] })
      const kept = [...replica.table('Bridge').values()].find(row => row.name === 'br0')
      const syncs: Sync[] = []
      const steps: string[] = []
      replica.on('synced', sync => syncs.push(sync))
      replica.on('change', ({ changes, cause }) => {
        const shown = changes.map(({ op, table, before, after }) => `${op} ${table} ${(after ?? before)?.name}`)
        steps.push(`${cause}: ${shown.sort().join()}`)
      })
      proxy.refuse(true)
      await until('it is stale', () => !replica.isCurrent)
      await other.transact([update('Port', where('name', '==', 'br0'), { tag: 9 })])
      await other.transact(addBridge('br2'))
      const [{ rows }] = await other.transact([select('Bridge', where('name', '==', 'br1'), ['_uuid'])])
      await other.transact([mutate('Open_vSwitch', everyRow, [['bridges', 'delete', [rows[0]!._uuid]]])])
      proxy.refuse(false)
      await until('it is current', () => replica.isCurrent)
      expect(syncs).toEqual(['compared'])
      expect(steps).toEqual([
        'resync: delete Bridge br1,delete Port br1,insert Bridge br2,insert Port br2,modify Port br0',
      ])
      expect([...replica.table('Bridge').values()]).toContain(kept)
      await db.transact([update('Port', where('name', '==', 'br0'), { tag: 10 })])
      expect(steps[1]).toBe('update: modify Port br0')
    },
  )

  test('conditions that the server does not know are met here as it would meet them', async () => {
    const server = await standalone()
    const proxy = await startProxy(server.remote, { rewrite: unknow('monitor_cond_since', 'monitor_cond') })
    const db = await openVswitch(open(proxy.remote))
    const settings = [{}, { a: '1' }, { a: '2' }, { a: '1', b: '2' }, { b: '2', c: '3' }]
    const interfaces = settings.map((options, i) =>
      insert('Interface', { name: `i${i}`, options, ofport: i % 3 || undefined }, `i${i}`),
    )
    const ports = settings.map((_, i) =>
      insert('Port', { name: `i${i}`, interfaces: named(`i${i}`), trunks: [1, 2, 3].slice(i % 4) }, `p${i}`),
    )
    const bridge = insert('Bridge', { name: 'br0', ports: settings.map((_, i) => named(`p${i}`)) }, 'b')
    await db.transact([insert('Open_vSwitch', { bridges: named('b') }), bridge, ...ports, ...interfaces])
    const replica = await db.monitor({ Interface: ['name'], Port: ['name'] })
    const membership = fc.constantFrom('==', '!=', 'includes', 'excludes')
    const order = fc.constantFrom('<', '<=', '>', '>=')
    const number = fc.integer({ min: 0, max: 3 })
    const condition = fc.oneof(
      fc.tuple(fc.constant('options'), membership, fc.constantFrom(...settings)),
      fc.tuple(fc.constant('ofport'), membership, fc.option(number, { nil: undefined })),
      fc.tuple(fc.constant('ofport'), order, number),
      fc.tuple(fc.constant('name'), membership, fc.constantFrom('i0', 'i3')),
      fc.tuple(fc.constant('trunks'), membership, fc.uniqueArray(number)),
    )
    await fc.assert(
      fc.asyncProperty(condition, async clause => {
        const table = clause[0] === 'trunks' ? 'Port' : 'Interface'
        await replica.setConditions(table, [clause])
        const [{ rows }] = await db.transact([select(table, [clause], ['name'])])
        expect(names(replica.table(table))).toEqual(rows.map(row => row.name).sort())
      }),
      { numRuns: 100 },
    )
  })

  test('a server that gives up conditional monitors is monitored without them', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Bridge: { columns: ['name'], where: where('name', '!=', 'br1') } })
    const dropped = once(client, 'disconnected')
    await server.appctl('ovsdb-server/disable-monitor-cond')
    await dropped
    await until('it has reconnected', () => replica.isCurrent && client.isConnected)
    await db.transact(addBridge('br1'))
    await db.transact(addBridge('br2'))
    expect(names(replica.table('Bridge'))).toEqual(['br0', 'br2'])
  })

  test('a replica of a cluster resumes after the last transaction that it has seen', async () => {
    const [server] = await cluster(1)
    const proxy = await startProxy(server!.remote)
    const db = await openVswitch(open(proxy.remote))
    const other = await openVswitch(open(server!.remote))
    await db.transact([root, ...addBridge('br0')])
    const many = Array.from({ length: 200 }, (_, i) => insert('Interface', { name: `i${i}` }, `i${i}`))
    const port = insert('Port', { name: 'bond', interfaces: many.map((_, i) => named(`i${i}`)) }, 'p')
    await db.transact([...many, port, mutate('Bridge', everyRow, [['ports', 'insert', named('p')]])])
    // The server remembers no more changes than it has data: the last one seen must be small.
    await db.transact([update('Port', where('name', '==', 'br0'), { tag: 8 })])
    const replica = await db.monitor({ Bridge: ['name'], Port: ['name', 'tag'], Interface: ['name'] })
    const syncs: Sync[] = []
    const steps: string[] = []
    replica.on('synced', sync => syncs.push(sync))
    replica.on('change', ({ changes, cause, txnId }) => {
      steps.push(`${cause} ${txnId?.length}: ${changes.map(({ op, table }) => `${op} ${table}`).join()}`)
    })
    proxy.refuse(true)
    await until('it is stale', () => !replica.isCurrent)
    await other.transact([update('Port', where('name', '==', 'br0'), { tag: 9 })])
    proxy.refuse(false)
    await until('it is current', () => replica.isCurrent)
    expect(syncs).toEqual(['resumed'])
    expect(steps).toEqual(['resync 36: modify Port'])
    expect(replica.table('Interface').size).toBe(201)
    await db.transact([update('Port', where('name', '==', 'br0'), { tag: 10 })])
    expect(steps[1]).toBe('update 36: modify Port')
  })

  test('a condition whose change was in flight when the connection dropped is met after the reconnect', async () => {
    const [server] = await cluster(1)
    const proxy = await startProxy(server!.remote)
    const db = await openVswitch(open(proxy.remote))
    await db.transact([root, ...addBridge('br0')])
    await db.transact(addBridge('br1'))
    const replica = await db.monitor({ Bridge: { columns: ['name'], where: where('name', '==', 'br0') } })
    const syncs: Sync[] = []
    replica.on('synced', sync => syncs.push(sync))
    proxy.hold(true)
    const changed = replica.setConditions('Bridge', where('name', '==', 'br1'))
    // The server carries it out, the answer is lost.
    await sleep(50)
    proxy.hold(false)
    proxy.drop()
    await changed
    await until('it is current', () => replica.isCurrent)
    expect(names(replica.table('Bridge'))).toEqual(['br1'])
    expect(syncs).toEqual(['compared'])
  })

  test('an update right behind the first copy is not lost', async () => {
    const server = await standalone()
    const proxy = await startProxy(server.remote)
    const db = await openVswitch(open(proxy.remote))
    const other = await openVswitch(open(server.remote))
    await other.transact([root, ...addBridge('br0')])
    proxy.hold(true)
    const monitoring = db.monitor({ Bridge: ['name'] })
    await sleep(50)
    await other.transact(addBridge('br1'))
    // The copy and the update come in one piece.
    proxy.hold(false)
    const replica = await monitoring
    await until('the update is there', () => replica.table('Bridge').size === 2)
  })

  test('a condition that the server refuses is forgotten', async () => {
    const server = await standalone()
    const proxy = await startProxy(server.remote)
    const client = open(proxy.remote)
    const db = await openVswitch(client)
    await db.transact([root, ...addBridge('br0')])
    await db.transact(addBridge('br1'))
    const replica = await db.monitor({ Bridge: { columns: ['name'], where: where('name', '==', 'br0') } })
    await expect(replica.setConditions('Bridge', where('name', '<', 'x'))).rejects.toThrow(RpcError)
    await expect(replica.setConditions('Bridge', where('name', '==', 7))).rejects.toThrow('is not a string')
    const connected = new Promise(resolve => client.once('connected', resolve))
    proxy.drop()
    await connected
    expect(names(replica.table('Bridge'))).toEqual(['br0'])
    await replica.setConditions('Bridge', where('name', '==', 'br1'))
    expect(names(replica.table('Bridge'))).toEqual(['br1'])
  })

  test('news of the server while a database is being opened do not open it twice', async () => {
    const [server] = await cluster(1)
    let row: string | undefined
    let sent = ''
    const proxy = await startProxy(server!.remote, {
      onClient: text => {
        sent += text
      },
      onServer: bytes => {
        const text = bytes.toString()
        row ??= /"([0-9a-f-]{36})":\{"initial":\{[^}]*"name":"Open_vSwitch"/.exec(text)?.[1]
        const answer = text.indexOf('"result":{"cksum"')
        if (answer < 0 || !row || !sent.includes('"get_schema","params":["Open_vSwitch"]')) return bytes
        const news = {
          id: null,
          method: 'update3',
          params: ['monitor-1', row, { Database: { [row]: { modify: { index: 999 } } } }],
        }
        return Buffer.from(JSON.stringify(news) + text)
      },
    })
    const client = open(proxy.remote)
    await openVswitch(client)
    expect(client.status('Open_vSwitch')?.index).toBe(999)
    await client.databases()
    expect(sent.match(/"get_schema","params":\["Open_vSwitch"\]/g)).toHaveLength(1)
  })

  test('changes of conditions are joined, one in flight', async () => {
    const server = await standalone()
    let sent = ''
    const proxy = await startProxy(server.remote, {
      onClient: text => {
        sent += text
      },
    })
    const db = await openVswitch(open(proxy.remote))
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Bridge: ['name'], Port: ['name'] })
    const changes = ['br1', 'br2', 'br3', 'br0'].map(name => replica.setConditions('Bridge', where('name', '==', name)))
    changes.push(replica.setConditions('Port', where('name', '==', 'none')))
    await Promise.all(changes)
    expect(names(replica.table('Bridge'))).toEqual(['br0'])
    expect(names(replica.table('Port'))).toEqual([])
    expect(sent.match(/monitor_cond_change/g)).toHaveLength(2)
  })

  test('weak references vanish and unreferenced rows are deleted, as the server tells', async () => {
    const server = await standalone()
    const tables = { ...vswitch, Mirror: { name: string, select_src_port: set(uuid) } }
    const db = await open(server.remote).database('Open_vSwitch', { tables })
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Port: ['name'], Interface: ['name'], Mirror: '*' })
    await db.transact([
      insert('Interface', { name: 'eth1' }, 'i'),
      insert('Port', { name: 'eth1', interfaces: named('i') }, 'p'),
      insert('Mirror', { name: 'm', select_src_port: named('p') }, 'm'),
      // Inserted and unreferenced: gone within the same transaction.
      insert('Interface', { name: 'orphan' }),
      mutate('Bridge', everyRow, [
        ['ports', 'insert', named('p')],
        ['mirrors', 'insert', named('m')],
      ]),
    ])
    expect(names(replica.table('Interface'))).toEqual(['br0', 'eth1'])
    const port = [...replica.table('Port').values()].find(row => row.name === 'eth1')!
    expect([...replica.table('Mirror').values()]).toMatchObject([{ select_src_port: [port._uuid] }])
    await db.transact([mutate('Bridge', everyRow, [['ports', 'delete', [port._uuid]]])])
    expect(names(replica.table('Interface'))).toEqual(['br0'])
    expect([...replica.table('Mirror').values()]).toMatchObject([{ select_src_port: [] }])
  })

  test('a step is told when all of it is in the tables, and its own commit is there when transact resolves', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    await db.transact([root])
    const replica = await db.monitor({ Bridge: ['name', 'ports'], Port: ['interfaces'], Interface: ['name'] })
    const found: boolean[] = []
    replica.on('change', () => {
      for (const bridge of replica.table('Bridge').values()) {
        for (const port of bridge.ports) {
          const interfaces = replica.table('Port').get(port)?.interfaces ?? []
          found.push(interfaces.length === 1 && interfaces.every(uuid => replica.table('Interface').has(uuid)))
        }
      }
    })
    const created: Uuid[] = []
    for (let i = 0; i < 20; i++) {
      const [, , bridge] = await db.transact(addBridge(`br${i}`))
      expect(replica.table('Bridge').has(bridge.uuid)).toBe(true)
      created.push(bridge.uuid)
    }
    await db.transact([mutate('Open_vSwitch', everyRow, [['bridges', 'delete', created]])])
    expect(replica.table('Interface').size).toBe(0)
    expect(found).toHaveLength((20 * 21) / 2)
    expect(found).not.toContain(false)
  })

  test('monitor ids are never used twice, and errors about them are typed', async () => {
    const server = await standalone()
    const client = open(server.remote)
    await openVswitch(client)
    await client.request('monitor', ['Open_vSwitch', 'mine', { Bridge: [{ columns: ['name'] }] }])
    const twice = client.request('monitor', ['Open_vSwitch', 'mine', { Bridge: [{ columns: ['name'] }] }])
    await expect(twice).rejects.toThrow(RpcError)
    await expect(twice).rejects.toThrow('duplicate monitor ID')
    await expect(client.request('monitor_cancel', ['other'])).rejects.toThrow('unknown monitor')
  })

  test('two replicas of one database live side by side, and end one by one', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    await db.transact([root, ...addBridge('br0')])
    const [all, some] = await Promise.all([
      db.monitor({ Bridge: ['name'] }),
      db.monitor({ Bridge: { columns: ['name', 'external_ids'], where: where('name', '==', 'br1') } }),
    ])
    await server.appctl('ovsdb-server/reconnect')
    await until('both are back', () => all.isCurrent && some.isCurrent && client.isConnected)
    await db.transact(addBridge('br1'))
    expect([names(all.table('Bridge')), names(some.table('Bridge'))]).toEqual([['br0', 'br1'], ['br1']])
    all.close()
    await db.transact(addBridge('br2'))
    await some.setConditions('Bridge', everyRow)
    expect(names(all.table('Bridge'))).toEqual(['br0', 'br1'])
    expect(names(some.table('Bridge'))).toEqual(['br0', 'br1', 'br2'])
    expect(all.isCurrent).toBe(false)
  })

  test('a monitor that the server has lost without a word is found by a failing transaction and fetched anew', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Bridge: ['name', 'external_ids'] })
    await client.request('monitor_cancel', ['monitor-2'])
    const other = await openVswitch(open(server.remote))
    await other.transact([update('Bridge', everyRow, { external_ids: { n: '7' } })])
    const [bridge] = replica.table('Bridge').values()
    expect(bridge?.external_ids.get('n')).toBeUndefined()
    await replica.resync()
    const [fresh] = replica.table('Bridge').values()
    expect(fresh?.external_ids.get('n')).toBe('7')
  })

  test('a listener that throws harms neither replica nor connection', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const disconnects = countDisconnects(client)
    const db = await openVswitch(client)
    await db.transact([root])
    const replica = await db.monitor({ Bridge: ['name'] })
    const caught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', error => caught.push(error))
    try {
      replica.on('change', () => {
        throw new Error('from the application')
      })
      await db.transact(addBridge('br0'))
      await until('the error is out', () => caught.length)
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of others) process.on('uncaughtException', listener)
    }
    expect(names(replica.table('Bridge'))).toEqual(['br0'])
    expect(disconnects.count).toBe(0)
  })

  test('a monitor of what the server lacks is refused, and the database stays open', async () => {
    const server = await standalone()
    const db = await open(server.remote).database('Open_vSwitch')
    await expect(db.monitor({ Nothing: ['name'] })).rejects.toThrow('no table Nothing')
    await expect(db.monitor({ Bridge: ['colour'] })).rejects.toThrow('table Bridge has no column colour')
    const badCondition = db.monitor({ Bridge: { where: where('name', '==', 5) } })
    await expect(badCondition).rejects.toThrow('Bridge.name: number "5" is not a string')
    const badFunction = db.monitor({ Bridge: { where: where('name', '<', 'x') } })
    await expect(badFunction).rejects.toMatchObject({ code: 'syntax error' } satisfies Partial<OvsdbError>)
    expect(db.isOpen).toBe(true)
  })

  test('a replica goes on over a new client of the same server, as one that dials us needs', async () => {
    const server = await standalone()
    const first = open(server.remote)
    const db = await openVswitch(first)
    await db.transact([root, ...addBridge('br0')])
    const selection = { Bridge: ['name', 'external_ids'] } as const
    const replica = await db.monitor(selection)
    const [row] = replica.table('Bridge').values()
    first.close()
    expect(replica.isCurrent).toBe(false)
    const again = await openVswitch(open(server.remote))
    await again.transact(addBridge('br1'))
    const steps: unknown[] = []
    replica.on('change', ({ changes }) => steps.push(changes.map(({ op, after }) => `${op} ${after?.name}`)))
    expect(await again.monitor(selection, { resume: replica })).toBe(replica)
    expect(steps).toEqual([['insert br1']])
    expect(replica.table('Bridge').get(row!._uuid)).toBe(row)
    await again.transact([
      deleteFrom('Bridge', whereUuid(row!._uuid)),
      mutate('Open_vSwitch', everyRow, [['bridges', 'delete', [row!._uuid]]]),
    ])
    expect(names(replica.table('Bridge'))).toEqual(['br1'])
  })

  test('a replica follows its server through a restart', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Bridge: ['name'] })
    await server.kill('SIGKILL')
    await until('it is stale', () => !replica.isCurrent)
    await startServer(server.dir, [`${server.dir}/conf.db`])
    await until('it is current', () => replica.isCurrent && client.isConnected)
    await db.transact(addBridge('br1'))
    expect(names(replica.table('Bridge'))).toEqual(['br0', 'br1'])
  })
})
