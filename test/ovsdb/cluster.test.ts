/** Clusters, relays, databases that come and go, permissions (behaviours 24 to 27). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Client,
  comment,
  everyRow,
  insert,
  NotAllowed,
  NotConnected,
  named,
  PermissionDenied,
  select,
  string,
  toUuid,
  update,
} from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { type DatabaseStatus, objection } from '../../src/ovsdb-client/server-info.ts'
import { authority } from './certificates.ts'
import { cluster, type Member } from './cluster.ts'
import { missing, portOf, sh, standalone, startServer, tempDir, until } from './daemons.ts'
import { startProxy } from './proxy.ts'
import { addBridge, names, open, openVswitch, root } from './tables.ts'

const DB = 'Open_vSwitch'

/** Why connections were left. */
function reasons(client: Client): string[] {
  const messages: string[] = []
  client.on('disconnected', reason => messages.push(reason.message))
  return messages
}

const text = { type: 'string' }
const texts = { type: { key: 'string', min: 0, max: 'unlimited' } }
const textMap = { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } }
const flag = { type: 'boolean' }
const rows = (refTable: string) => ({ type: 'uuid', refTable })
const table = (columns: object) => ({ isRoot: true, columns })

/** What ovsdb-server needs to find for remotes with roles (ovsdb(7), RBAC). */
const rbacSchema = {
  name: 'Rbac',
  version: '1.0.0',
  tables: {
    Open: table({ name: text }),
    Closed: table({ name: text }),
    Global: table({ connections: { type: { key: rows('Connection'), min: 0, max: 'unlimited' } } }),
    Connection: table({ target: text, read_only: flag, role: text, status: textMap, is_connected: flag }),
    RBAC_Role: table({
      name: text,
      permissions: { type: { key: 'string', value: rows('RBAC_Permission'), min: 0, max: 'unlimited' } },
    }),
    RBAC_Permission: table({ table: text, authorization: texts, insert_delete: flag, update: texts }),
  },
}

const leaderOf = async (members: Member[]): Promise<Member> => {
  let leader: Member | undefined
  await until('there is a leader', async () => {
    for (const member of members) if (await member.isLeader()) leader = member
    return leader
  })
  return leader!
}

describe.skipIf(missing)(`clusters and roles${missing ? ` (${missing})` : ''}`, () => {
  test('a leader-only client finds the leader, follows a change of leader, and keeps its replica', async () => {
    const members = await cluster(3)
    const client = open(members.map(({ remote }) => remote).reverse(), { leaderOnly: true, random: () => 0.999 })
    const why = reasons(client)
    const db = await openVswitch(client)
    expect(client.peer?.name).toBe(members[0]!.remote)
    expect(client.status(DB)).toMatchObject({ model: 'clustered', leader: true, connected: true })
    expect(why).toEqual(Array(2).fill('Open_vSwitch: the server is not the leader'))
    await db.transact([root, ...addBridge('br0')])
    const replica = await db.monitor({ Bridge: ['name'] })

    await members[0]!.kill('SIGKILL')
    const rest = members.slice(1)
    const leader = await leaderOf(rest)
    await until('it has the new leader', () => client.peer?.name === leader.remote && replica.isCurrent)
    await db.transact(addBridge('br1'))
    expect(names(replica.table('Bridge'))).toEqual(['br0', 'br1'])
  })

  test('a leader-only client leaves a server that steps down at once', async () => {
    const members = await cluster(3)
    const client = open(
      members.map(({ remote }) => remote),
      { leaderOnly: true },
    )
    const db = await openVswitch(client)
    await db.transact([root])
    const replica = await db.monitor({ Open_vSwitch: ['next_cfg'] })
    const why = reasons(client)
    await members[0]!.appctl('cluster/failure-test', 'transfer-leadership')
    await until('another leads', async () => !(await members[0]!.isLeader()))
    await until('the client has followed', () => client.isConnected && client.peer?.name !== members[0]!.remote)
    expect(why[0]).toBe('Open_vSwitch: the server is not the leader')
    expect(client.status(DB)?.leader).toBe(true)
    await until('the replica has too', () => replica.isCurrent)
  })

  test('a follower serves a client that does not insist, and resumes where another left off', async () => {
    const members = await cluster(3)
    const leader = await openVswitch(open(members[0]!.remote))
    await leader.transact([root, ...addBridge('br0')])
    const client = open([members[1]!.remote, members[2]!.remote])
    const db = await openVswitch(client)
    const replica = await db.monitor({ Bridge: ['name'] })
    await db.transact(addBridge('br1'))
    expect(names(replica.table('Bridge'))).toEqual(['br0', 'br1'])
    const before = client.peer?.name
    await members.find(({ remote }) => remote === before)!.kill()
    await until('the other has taken over', () => replica.isCurrent && client.peer?.name !== before)
    await leader.transact(addBridge('br2'))
    await until('the change is there', () => replica.table('Bridge').size === 3)
  })

  test('a server that is cut off from its cluster is left', async () => {
    const members = await cluster(3)
    const client = open(members[1]!.remote)
    await openVswitch(client)
    const why = reasons(client)
    await Promise.all([members[0]!.kill('SIGKILL'), members[2]!.kill('SIGKILL')])
    await until('it is left', () => why.includes('Open_vSwitch: the server is cut off from its cluster'), 20_000)
    expect(client.isConnected).toBe(false)
  })

  test('a replica of a busy cluster is right after each reconnect', async () => {
    const [server] = await cluster(1)
    const writer = await openVswitch(open(server!.remote))
    await writer.transact([root, ...addBridge('br0')])
    let sent = ''
    const proxy = await startProxy(server!.remote, {
      onClient: text => {
        sent += text
      },
    })
    let isOver = false
    const writing = (async () => {
      for (let tag = 0; !isOver; tag = (tag + 1) % 4095) await writer.transact([update('Port', everyRow, { tag })])
    })()
    const client = open(proxy.remote)
    const db = await openVswitch(client)
    const replica = await db.monitor({ Port: ['tag'] })
    for (let i = 1; i <= 10; i++) {
      sent = ''
      const connected = new Promise(resolve => client.once('connected', resolve))
      proxy.drop()
      await connected
      expect(replica.isCurrent).toBe(true)
      expect(sent.match(/"monitor_cond_since","params":\["Open_vSwitch"/g)).toHaveLength(1)
      await Promise.all([replica.resync(), replica.resync()])
    }
    isOver = true
    await writing
    const [{ rows }] = await db.transact([select('Port', everyRow, ['tag'])])
    expect([...replica.table('Port').values()]).toMatchObject(rows)
  })

  test('a server of another cluster is refused', async () => {
    const [one] = await cluster(1)
    const [other] = await cluster(1)
    const client = open(one!.remote)
    await client.database(DB)
    const cid = client.status(DB)!.cid!
    const refused = open(other!.remote, { clusterId: cid })
    const opening = refused.database(DB, { timeout: 300 })
    await expect(opening).rejects.toThrow(NotConnected)
    await expect(opening).rejects.toThrow(`not ${cid}`)
    await open(one!.remote, { clusterId: cid }).database(DB)
  })

  test('a server that knows less than was seen before is out of date', () => {
    const status: DatabaseStatus = {
      _uuid: toUuid('6a3c0f7e-0000-4000-8000-000000000001'),
      name: DB,
      model: 'clustered',
      connected: true,
      leader: false,
      schema: '{}',
      cid: toUuid('6a3c0f7e-0000-4000-8000-000000000002'),
      sid: undefined,
      index: 41,
    }
    const demands = { leaderOnly: false, clusterId: undefined, minIndex: 42n }
    expect(objection(status, demands)).toBe('Open_vSwitch: the server is out of date (index 41, seen 42)')
    expect(objection({ ...status, index: 42 }, demands)).toBeUndefined()
    expect(objection({ ...status, schema: undefined }, demands)).toContain('not yet joined')
    expect(objection({ ...status, model: 'standalone' }, demands)).toBeUndefined()
    expect(objection(undefined, demands)).toBeUndefined()
  })

  test('a relay is good for reading and forwards transactions', async () => {
    const source = await standalone()
    const direct = await openVswitch(open(source.remote))
    await direct.transact([root, ...addBridge('br0')])
    const relay = await startServer(tempDir(), [`relay:${DB}:${source.remote}`])
    const client = open(relay.remote)
    const db = await openVswitch(client)
    expect(client.status(DB)).toMatchObject({ model: 'relay', connected: true })
    const replica = await db.monitor({ Bridge: ['name'] })
    expect(names(replica.table('Bridge'))).toEqual(['br0'])
    const [, , { uuid }] = await db.transact(addBridge('br1'))
    await until('the commit is in the replica', () => replica.table('Bridge').has(uuid))
    const insisting = open(relay.remote, { leaderOnly: true }).database(DB, { timeout: 200 })
    await expect(insisting).rejects.toThrow('is not the leader')
  })

  test('a database that is removed is missed, and taken up again when it returns', async () => {
    const dir = tempDir()
    const schema = join(dir, 'two.ovsschema')
    writeFileSync(
      schema,
      JSON.stringify({
        name: 'Two',
        version: '1.0.0',
        tables: { T: { isRoot: true, columns: { name: { type: 'string' } } } },
      }),
    )
    await sh('ovsdb-tool', 'create', join(dir, 'two.db'), schema)
    const server = await standalone()
    await server.appctl('ovsdb-server/add-db', join(dir, 'two.db'))
    const client = open(server.remote)
    const why = reasons(client)
    const two = await client.database('Two', { tables: { T: { name: string } } })
    await two.transact([insert('T', { name: 'x' })])
    const replica = await two.monitor({ T: ['name'] })
    const removed: string[] = []
    client.on('removed', name => removed.push(name))
    await server.appctl('ovsdb-server/remove-db', 'Two')
    await until('it is missed', () => removed.length && !replica.isCurrent)
    await expect(two.transact([insert('T', {})])).rejects.toThrow(NotConnected)
    expect(client.isConnected).toBe(true)
    await client.database(DB)

    await server.appctl('ovsdb-server/add-db', join(dir, 'two.db'))
    await until('it is back', () => replica.isCurrent)
    await two.transact([insert('T', { name: 'y' })])
    expect(names(replica.table('T'))).toEqual(['x', 'y'])
    expect(removed).toEqual(['Two'])
    expect(why).toEqual([])
  })

  test('a database that is gone after a reconnect is waited for without spinning', async () => {
    const server = await standalone()
    const client = open(server.remote, { backoff: { min: 40, max: 80 } })
    const db = await openVswitch(client)
    const why = reasons(client)
    await server.kill()
    await sh('ovsdb-tool', 'create', join(server.dir, 'other.db'), '/usr/share/openvswitch/local-config.ovsschema')
    const bare = await startServer(server.dir, [join(server.dir, 'other.db')])
    await new Promise(resolve => setTimeout(resolve, 600))
    expect(why.at(-1)).toContain('unknown database')
    expect(why.length).toBeLessThan(30)
    await bare.appctl('ovsdb-server/add-db', join(server.dir, 'conf.db'))
    await until('it is open again', () => db.isOpen)
  })

  test('a read-only server and one that forbids by role answer with typed errors', async () => {
    const dir = tempDir()
    const schema = join(dir, 'rbac.ovsschema')
    writeFileSync(schema, JSON.stringify(rbacSchema))
    const issue = await authority(dir)
    const { ca, cert, key } = (await issue('server')).files
    const args = [`--private-key=${key}`, `--certificate=${cert}`, `--ca-cert=${ca}`]
    const server = await standalone(schema, ['--remote=db:Rbac,Global,connections', ...args], dir)
    const admin = await open(server.remote).database('Rbac')
    await admin.transact([
      insert('RBAC_Permission', { table: 'Open', authorization: [''], insert_delete: true, update: ['name'] }, 'p'),
      insert('RBAC_Role', { name: 'guest', permissions: new Map([['Open', named('p')]]) }),
      insert('Connection', { target: 'pssl:0:127.0.0.1', role: 'guest' }, 'ssl'),
      insert('Connection', { target: 'ptcp:0:127.0.0.2', read_only: true }, 'tcp'),
      insert('Global', { connections: [named('ssl'), named('tcp')] }),
    ])
    const ports = () => [portOf(server, 'ptcp:0:127.0.0.2'), portOf(server, 'pssl:0:127.0.0.1')]
    await until('both listen', () => ports().every(port => port > 0))
    const [tcp, ssl] = ports()

    const reader = await open(`tcp:127.0.0.2:${tcp}`).database('Rbac')
    expect((await reader.transact([select('Open', [])]))[0].rows).toEqual([])
    await expect(reader.transact([insert('Open', { name: 'x' })])).rejects.toThrow(NotAllowed)

    const guest = await open(`ssl:127.0.0.1:${ssl}`, { tls: (await issue('guest')).tls }).database('Rbac')
    await guest.transact([insert('Open', { name: 'x' })])
    const forbidden = guest.transact([comment('try'), insert('Closed', { name: 'x' })])
    await expect(forbidden).rejects.toThrow(PermissionDenied)
    await expect(forbidden).rejects.toMatchObject({ index: 1, operation: { op: 'insert', table: 'Closed' } })
  })
})
