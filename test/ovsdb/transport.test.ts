/** Connections: every kind of socket, cut streams, echo and silence, back-off, lost answers (behaviours 1 to 5). */
import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Client,
  ConnectionLost,
  connect,
  listen,
  MessageTooLarge,
  NotConnected,
  type OvsdbError,
  RequestTimeout,
  select,
  update,
} from 'ovsdb-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { authority } from './certificates.ts'
import { missing, portOf, standalone, startServer, tempDir, until } from './daemons.ts'
import { startProxy } from './proxy.ts'
import { addBridge, names, open, openVswitch, root } from './tables.ts'

/** A peer made of bare bytes; gives the first socket that dials it. */
async function barePeer(): Promise<{ remote: string; arrived: Promise<Socket> }> {
  const arrived = Promise.withResolvers<Socket>()
  const server = createServer(socket => arrived.resolve(socket.on('error', () => {})))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.close()
    ;(await Promise.race([arrived.promise, undefined]))?.destroy()
  })
  return { remote: `tcp:127.0.0.1:${(server.address() as { port: number }).port}`, arrived: arrived.promise }
}

/** Collects why a client lost its connections. */
function disconnects(client: Client): OvsdbError[] {
  const reasons: OvsdbError[] = []
  client.on('disconnected', reason => reasons.push(reason as OvsdbError))
  return reasons
}

describe.skipIf(missing)(`transport${missing ? ` (${missing})` : ''}`, () => {
  test('reaches a server by unix socket, IPv4 and IPv6', async () => {
    const server = await standalone(undefined, ['--remote=ptcp:0:127.0.0.1', '--remote=ptcp:0:[::1]'])
    const [ipv4, ipv6] = [portOf(server, 'ptcp:0:127.0.0.1'), portOf(server, 'ptcp:0:[::1]')]
    for (const remote of [server.remote, `tcp:127.0.0.1:${ipv4}`, `tcp:[::1]:${ipv6}`]) {
      const client = open(remote)
      await client.database('Open_vSwitch')
      expect(client.peer?.name).toBe(remote)
      expect(await client.databases()).toContain('Open_vSwitch')
    }
  })

  test('checks certificates both ways over TLS, dialling', async () => {
    const dir = tempDir()
    const issue = await authority(dir)
    const [ours, theirs] = [await issue('controller'), await issue('host1')]
    const { ca, cert, key } = theirs.files
    const server = await standalone(undefined, [
      '--remote=pssl:0:127.0.0.1',
      `--private-key=${key}`,
      `--certificate=${cert}`,
      `--ca-cert=${ca}`,
    ])
    const remote = `ssl:127.0.0.1:${portOf(server, 'pssl:0:127.0.0.1')}`

    const client = open(remote, { tls: ours.tls })
    await client.database('Open_vSwitch')
    expect(client.peer?.isAuthorized).toBe(true)
    expect(client.peer?.certificate?.subject.CN).toBe('host1')

    const stranger = await (await authority(dir, 'stranger'))('controller')
    const refused = open(remote, { tls: { ...stranger.tls, ca: ours.tls.ca } })
    await expect(refused.database('Open_vSwitch', { timeout: 300 })).rejects.toThrow(NotConnected)
    const suspicious = open(remote, { tls: { ...ours.tls, ca: stranger.tls.ca } })
    await expect(suspicious.database('Open_vSwitch', { timeout: 300 })).rejects.toThrow(/certificate/)
  })

  test('takes servers that dial in over TLS, each with its certificate, and refuses strangers', async () => {
    const dir = tempDir()
    const issue = await authority(dir)
    const ours = await issue('controller')
    const listener = await listen({ host: '127.0.0.1', port: 0, tls: ours.tls })
    onTestFinished(() => listener.close())
    const arrived: string[] = []
    const refused: Error[] = []
    listener.on('client', async client => {
      await client.database('Open_vSwitch')
      arrived.push(client.peer?.certificate?.subject.CN ?? '')
    })
    listener.on('refused', error => refused.push(error))
    const stranger = await (await authority(dir, 'stranger'))('host3')
    for (const { files } of [await issue('host1'), await issue('host2'), stranger]) {
      await standalone(undefined, [
        `--remote=ssl:127.0.0.1:${listener.port}`,
        `--private-key=${files.key}`,
        `--certificate=${files.cert}`,
        `--ca-cert=${ours.files.ca}`,
      ])
    }
    await until('two arrived and one was refused', () => arrived.length === 2 && refused.length > 0)
    expect(arrived.sort()).toEqual(['host1', 'host2'])
    expect(listener.clients).toHaveLength(2)
  })

  test.each([1, 3, 7])('reads a stream that arrives in pieces of %i bytes', async pieces => {
    const server = await standalone()
    const proxy = await startProxy(server.remote, { pieces })
    const db = await openVswitch(open(proxy.remote))
    const text = 'Zürich "東京" {[\\"}] 😀 \u0001'
    await db.transact([root, update('Open_vSwitch', [], { external_ids: { text } })])
    const [{ rows }] = await db.transact([select('Open_vSwitch', [], ['external_ids'])])
    expect(rows[0]?.external_ids.get('text')).toBe(text)
  })

  test('refuses a message beyond the limit with the limit in the error', async () => {
    const server = await standalone()
    const client = open(server.remote, { maxMessageSize: 10_000 })
    const reasons = disconnects(client)
    await expect(client.database('Open_vSwitch', { timeout: 500 })).rejects.toThrow('larger than 10000 bytes')
    expect(reasons[0]).toBeInstanceOf(MessageTooLarge)
    // Failing again and again, it must not spin.
    expect(reasons.length).toBeLessThan(15)
  })

  test.each([
    ['text', 'hello'],
    ['an array', '[1,2]'],
    ['garbage behind a message', '{"method":"x","params":[],"id":null}]'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['a bad escape', '{"a":"\\x"}'],
    ['mismatched brackets', '{"a":[}]'],
    ['deep nesting', '{"a":'.repeat(1001)],
    ['neither request nor answer', '{"id":null}'],
  ])('closes the connection on %s', async (_name, bytes) => {
    const { remote, arrived } = await barePeer()
    const reasons = disconnects(open(remote, { backoff: { min: 5000, max: 5000 } }))
    const socket = await arrived
    socket.write(bytes)
    await until('it is closed', () => reasons.length)
    expect(reasons[0]?.code).toBe('protocol error')
  })

  test('answers an echo with its id and params, and other requests with an error', async () => {
    const { remote, arrived } = await barePeer()
    open(remote)
    const socket = await arrived
    let text = ''
    socket.on('data', bytes => {
      text += bytes
    })
    socket.write('{"method":"echo","id":["any",1],"params":[{"a":1}]}{"method":"reboot","id":2,"params":[]}')
    await until('both are answered', () => text.includes('unknown'))
    expect(text).toContain('{"id":["any",1],"result":[{"a":1}],"error":null}')
    expect(text).toContain('{"id":2,"result":null,"error":"unknown method"}')
  })

  test('gives up a peer that is silent for two intervals, keeps one that answers echoes', async () => {
    const server = await standalone()
    const client = open(server.remote, { probeInterval: 300 })
    const reasons = disconnects(client)
    await openVswitch(client)
    // Four intervals, in which nothing is to happen: only time shows that.
    await sleep(1200)
    expect(reasons).toEqual([])
    server.pause()
    await until('the silence is noticed', () => reasons.length)
    expect(reasons[0]?.code).toBe('inactivity')
  })

  test('does not take a slow first copy for silence', async () => {
    const server = await standalone()
    const client = open(server.remote, { probeInterval: 300, syncInterval: 10_000 })
    const reasons = disconnects(client)
    const db = await openVswitch(client)
    server.pause()
    const replica = db.monitor({ Bridge: '*' })
    // Again four intervals in which nothing is to happen.
    await sleep(1200)
    expect(reasons).toEqual([])
    server.resume()
    expect((await replica).isCurrent).toBe(true)
  })

  test('does not take its own busy time for silence of the peer', async () => {
    const server = await standalone()
    const client = open(server.remote, { probeInterval: 300 })
    const reasons = disconnects(client)
    await openVswitch(client)
    for (let i = 0; i < 3; i++) {
      const end = performance.now() + 700
      while (performance.now() < end);
      await sleep(0)
    }
    await sleep(700)
    expect(reasons).toEqual([])
  })

  test('goes through its remotes until one works, and backs off without spinning', async () => {
    const server = await standalone()
    const dead = ['tcp:127.0.0.1:1', `unix:${server.dir}/nobody.sock`]
    const client = open([...dead, server.remote])
    await client.database('Open_vSwitch')
    expect(client.peer?.name).toBe(server.remote)

    const hopeless = open(dead, { backoff: { min: 50, max: 100 } })
    const reasons = disconnects(hopeless)
    const opening = hopeless.database('Open_vSwitch', { timeout: 600 })
    await expect(opening).rejects.toThrow(/could not be opened within 600 ms; last: connect (ECONNREFUSED|ENOENT)/)
    expect(reasons.length).toBeGreaterThan(4)
    expect(reasons.length).toBeLessThan(20)
  })

  test('leaves nothing of a half-open connection', async () => {
    const { remote, arrived } = await barePeer()
    const client = open(remote.replace('tcp', 'ssl'), { connectTimeout: 100, backoff: { min: 5000, max: 5000 } })
    const reasons = disconnects(client)
    const socket = await arrived
    const closed = new Promise(resolve => socket.on('close', resolve))
    socket.resume()
    await closed
    await until('it is reported', () => reasons.length)
    expect(reasons[0]?.code).toBe('connect timeout')
  })

  test('rejects what was open when the server died as of unknown outcome, and never resends it', async () => {
    const server = await standalone()
    const client = open(server.remote)
    const db = await openVswitch(client)
    server.pause()
    const pending = db.transact([root])
    const late = expect(pending).rejects.toThrow(ConnectionLost)
    await sleep(20)
    server.process.kill('SIGKILL')
    await server.kill()
    await late
    await expect(pending).rejects.toMatchObject({ outcome: 'unknown' })
    await expect(db.transact([root])).rejects.toThrow(NotConnected)

    await startServer(server.dir, [`${server.dir}/conf.db`])
    await until('it is connected again', () => db.isOpen)
    const [{ rows }] = await db.transact([select('Open_vSwitch', [], ['_uuid'])])
    expect(rows).toEqual([])
  })

  test('ignores the answer to a request that was given up', async () => {
    const server = await standalone()
    const db = await openVswitch(open(server.remote))
    await db.transact([root])
    server.pause()
    await expect(db.transact([select('Bridge', [])], { timeout: 30 })).rejects.toThrow(RequestTimeout)
    const controller = new AbortController()
    const aborted = db.transact([select('Bridge', [])], { signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'canceled' })
    server.resume()
    await db.transact(addBridge('br0'))
    expect(names((await db.monitor({ Bridge: ['name'] })).table('Bridge'))).toEqual(['br0'])
  })

  test('cuts off a peer that sends requests but reads no answers', async () => {
    const listener = await listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => listener.close())
    const reasons: OvsdbError[] = []
    listener.on('client', client => client.on('disconnected', reason => reasons.push(reason as OvsdbError)))
    const socket = dial({ host: '127.0.0.1', port: listener.port! }).on('error', () => {})
    onTestFinished(() => void socket.destroy())
    socket.pause()
    const echo = JSON.stringify({ method: 'echo', id: 1, params: ['x'.repeat(1_000_000)] })
    const flood = () => {
      while (!socket.destroyed && socket.write(echo));
    }
    socket.on('drain', flood)
    flood()
    await until('it is cut off', () => reasons.length)
    expect(reasons[0]?.code).toBe('peer does not read')
  })

  test('refuses remotes that it cannot understand', () => {
    for (const remote of ['localhost', 'tcp:', 'tcp:::1:6640', 'ptcp:6640', 'tcp:h:99999', 'unix:']) {
      expect(() => connect({ remotes: remote })).toThrow('is not a remote; give tcp:HOST:PORT')
    }
  })
})
