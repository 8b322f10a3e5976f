/** The client against a real standalone ovsdb-server: open, transact, monitor. */
import { connect as dial } from 'node:net'
import {
  type Client,
  connect,
  insert,
  listen,
  map,
  mutate,
  named,
  optional,
  select,
  set,
  smallInteger,
  string,
  update,
  uuid,
  where,
  whereUuid,
} from 'ovsdb-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missing, standalone, tempDir, until } from './daemons.ts'

const openVSwitch = {
  Open_vSwitch: { bridges: set(uuid), external_ids: map(string, string), next_cfg: smallInteger },
  Bridge: { name: string, ports: set(uuid), external_ids: map(string, string), datapath_id: optional(string) },
  Port: { name: string, interfaces: set(uuid), tag: optional(smallInteger) },
  Interface: {
    name: string,
    type: string,
    ofport: optional(smallInteger),
    external_ids: map(string, string),
    options: map(string, string),
  },
}

const open = (remote: string): Client => {
  const client = connect({ remotes: remote })
  onTestFinished(() => client.close())
  return client
}

const addBridge = (name: string) => [
  insert('Interface', { name, type: 'internal', external_ids: { 'iface-id': name } }, 'i'),
  insert('Port', { name, interfaces: [named('i')], tag: 7 }, 'p'),
  insert('Bridge', { name, ports: named('p'), external_ids: new Map([['owner', 'flowright']]) }, 'b'),
  mutate('Open_vSwitch', [], [['bridges', 'insert', named('b')]]),
]

describe.skipIf(missing)(`a standalone server${missing ? ` (${missing})` : ''}`, () => {
  test('a bridge is created in one transaction and seen in a replica in one step', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await client.database('Open_vSwitch', { tables: openVSwitch })
    await db.transact([insert('Open_vSwitch', {})])
    const replica = await db.monitor({
      Bridge: '*',
      Port: ['name', 'tag'],
      Interface: ['name', 'ofport', 'external_ids'],
    })
    const steps: string[][] = []
    replica.on('change', step => steps.push(step.changes.map(({ table, op }) => `${op} ${table}`).sort()))

    const [iface, port, bridge, root] = await db.transact([
      insert('Interface', { name: 'br0', type: 'internal', external_ids: { 'iface-id': 'x' } }, 'i'),
      insert('Port', { name: 'br0', interfaces: [named('i')], tag: 7 }, 'p'),
      insert('Bridge', { name: 'br0', ports: named('p'), external_ids: new Map([['owner', 'me']]) }, 'b'),
      mutate('Open_vSwitch', [], [['bridges', 'insert', named('b')]]),
    ])

    expect(root.count).toBe(1)
    expect(steps).toEqual([['insert Bridge', 'insert Interface', 'insert Port']])
    expect(replica.table('Port').get(port.uuid)).toEqual({ _uuid: port.uuid, name: 'br0', tag: 7 })
    expect(replica.table('Bridge').get(bridge.uuid)?.ports).toEqual([port.uuid])
    expect(replica.table('Interface').get(iface.uuid)).toEqual({
      _uuid: iface.uuid,
      name: 'br0',
      ofport: undefined,
      external_ids: new Map([['iface-id', 'x']]),
    })
  })

  test('an untyped database reads and writes any column', async () => {
    const client = open((await standalone()).remote)
    const db = await client.database('Open_vSwitch')
    await db.transact([insert('Open_vSwitch', {}), ...addBridge('br1')])
    const [{ rows }] = await db.transact([
      select('Bridge', where('name', '==', 'br1'), ['name', 'external_ids', 'protocols']),
    ])
    expect(rows).toEqual([{ name: 'br1', external_ids: new Map([['owner', 'flowright']]), protocols: [] }])
  })

  test('a change is told with the row before and after', async () => {
    const client = open((await standalone()).remote)
    const db = await client.database('Open_vSwitch', { tables: openVSwitch })
    await db.transact([insert('Open_vSwitch', {}), ...addBridge('br1')])
    const replica = await db.monitor({ Interface: ['external_ids'] })
    const [row] = replica.table('Interface').values()
    const changes: unknown[] = []
    replica.on('change', step => changes.push(...step.changes))
    await db.transact([
      mutate('Interface', whereUuid(row!._uuid), [
        ['external_ids', 'delete', ['iface-id']],
        ['external_ids', 'insert', { vm: 'one' }],
      ]),
    ])
    await db.transact([update('Interface', whereUuid(row!._uuid), { options: { x: '1' } })])
    expect(changes).toEqual([
      {
        table: 'Interface',
        uuid: row!._uuid,
        op: 'modify',
        before: row,
        after: { _uuid: row!._uuid, external_ids: new Map([['vm', 'one']]) },
      },
    ])
  })

  test('a server that dials us is a client with the same abilities', async () => {
    const listener = await listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => listener.close())
    const arrived = new Promise<Client>(resolve => listener.once('client', resolve))
    await standalone(undefined, [`--remote=tcp:127.0.0.1:${listener.port}`])
    const client = await arrived
    const db = await client.database('Open_vSwitch', { tables: openVSwitch })
    expect(client.peer).toMatchObject({ address: '127.0.0.1', certificate: undefined })
    await db.transact([insert('Open_vSwitch', {}), ...addBridge('br2')])
    const replica = await db.monitor({ Bridge: ['name'] })
    expect([...replica.table('Bridge').values()].map(row => row.name)).toEqual(['br2'])
  })

  test('a peer that talks nonsense is refused, and others are served', async () => {
    const listener = await listen({ path: `${tempDir()}/passive.sock` })
    onTestFinished(() => listener.close())
    const ends: Error[] = []
    listener.on('client', client => client.on('disconnected', reason => ends.push(reason)))
    dial({ path: listener.path! }).end('GET / HTTP/1.1\r\n\r\n')
    await until('the connection is refused', () => ends.length)
    expect(ends[0]?.message).toContain("expected a JSON object, found 'G'")
  })
})
