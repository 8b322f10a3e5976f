// What a connection does about peers that are slow, silent, out of step or not OpenFlow at all.

import { connect as dial } from 'node:net'
import {
  BufferFull,
  BundleError,
  type Connection,
  ConnectionClosed,
  connect,
  encode,
  HandshakeError,
  listen,
  type Message,
  OpenFlowError,
  PERMANENT_XID,
  ProtocolError,
  RequestTimeout,
  stayConnected,
} from 'node-openflow'
import { afterEach, describe, expect, test } from 'vitest'
import { type Peer, type PeerOptions, type PeerSocket, peerOn, sleep, startPeer, until } from './peer.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function pair(
  peerOptions: PeerOptions = {},
  options: Parameters<typeof connect>[1] = {},
): Promise<{ connection: Connection; peer: PeerSocket; server: Peer }> {
  const server = await startPeer(peerOptions)
  ending.push(() => server.close())
  const accepted = server.accept()
  const connection = await connect({ path: server.path }, options)
  ending.push(() => connection.close())
  return { connection, peer: await accepted, server }
}

const closed = (connection: Connection) => new Promise<Error | undefined>(resolve => connection.once('close', resolve))

const packetIn = (data: Uint8Array): Message => ({
  version: 6,
  type: 'packet_in',
  xid: 0,
  totalLen: data.length,
  reason: 'action',
  table: 0,
  cookie: 1n,
  match: { in_port: 1 },
  data,
})

describe('the handshake', () => {
  test('ends by its timeout with a peer that says nothing', async () => {
    const server = await startPeer({ mute: true })
    ending.push(() => server.close())
    const attempt = connect({ path: server.path }, { handshakeTimeout: 50 })
    await expect(attempt).rejects.toThrow(expect.objectContaining({ name: 'HandshakeError', code: 'timeout' }))
  })

  test.each([
    ['an HTTP client', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /OpenFlow HELLO/],
    ['a TLS client on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /TLS/],
    ['bytes that are nothing', '\x00\x00\x00\x00', /does not speak OpenFlow/],
    ['a header of no length', '\x06\x00\x00\x00\x00\x00\x00\x00', /out of step/],
  ])('refuses %s at once', async (_, bytes, reason) => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const refused = new Promise<Error>(resolve => server.once('refused', resolve))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(Buffer.from(bytes, 'latin1'))
    expect((await refused).message).toMatch(reason)
    await until(
      () => socket.readyState === 'closed' || socket.readableEnded || socket.destroyed,
      'the socket is closed',
    )
    socket.destroy()
  })

  test('without a common version answers HELLO_FAILED with a text, and closes', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const refused = new Promise<Error>(resolve => server.once('refused', resolve))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk))
    const ended = new Promise(resolve => socket.once('end', resolve))
    socket.write(encode({ version: 1, type: 'hello', xid: 9 }))
    expect(await refused).toMatchObject({ name: 'HandshakeError', code: 'version' })
    await ended
    socket.destroy()
    const bytes = Buffer.concat(chunks)
    const helloLength = bytes.readUInt16BE(2)
    const error = bytes.subarray(helloLength)
    expect([error[0], error[1], error.readUInt32BE(8)]).toEqual([1, 1, 0])
    expect(error.subarray(12).toString()).toMatch(/OpenFlow wire versions 6, 5, 4, you 1/)
  })

  test('with an empty bitmap is a failure', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const refused = new Promise<Error>(resolve => server.once('refused', resolve))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(encode({ version: 6, type: 'hello', xid: 9, versions: [] }))
    expect(await refused).toBeInstanceOf(HandshakeError)
    socket.destroy()
  })

  test('passes over hello elements that it does not know', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const connected = new Promise<Connection>(resolve => server.once('connection', resolve))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    const hello = { version: 6, type: 'hello', xid: 9, versions: [5], elements: [{ code: 77, data: Buffer.from('x') }] }
    socket.write(encode(hello as Message))
    const peer = peerOn(socket, { mute: true })
    socket.on('data', chunk => {
      if (chunk[chunk.length - 7] === 5 && chunk.length <= 8 + 16) {
        const features = { type: 'features_reply', datapathId: 3n, buffers: 0, tables: 1, capabilities: [] } as const
        peer.sendBytes(encode({ version: 5, xid: chunk.readUInt32BE(chunk.length - 4), ...features }))
      }
    })
    expect((await connected).version).toBe(5)
  })
})

describe('a peer that floods instead of shaking hands', () => {
  test('is refused', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const refused = new Promise<Error>(resolve => server.once('refused', resolve))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(encode({ version: 6, type: 'hello', xid: 1, versions: [6] }))
    const status = encode({ version: 6, type: 'barrier_reply', xid: 0 })
    socket.write(Buffer.concat(Array(2_000).fill(status)))
    expect((await refused).message).toMatch(/before the features/)
    socket.destroy()
  })
})

describe('a stream out of step', () => {
  test.each([
    ['a length below 8', Uint8Array.of(6, 20, 0, 7, 0, 0, 0, 0), 'bad-length'],
    ['another version than agreed', Uint8Array.of(4, 20, 0, 8, 0, 0, 0, 1), 'bad-version'],
    ['a type that no version has', Uint8Array.of(6, 99, 0, 8, 0, 0, 0, 1), 'bad-type'],
  ])('is closed: %s', async (_, bytes, code) => {
    const { connection, peer } = await pair()
    const end = closed(connection)
    peer.sendBytes(bytes)
    const error = await end
    expect(error).toBeInstanceOf(ProtocolError)
    expect(error).toMatchObject({ code })
  })

  test('after a packet-in whose 16-bit length has overflowed is closed, and dialled again', async () => {
    const server = await startPeer()
    ending.push(() => server.close())
    const dialer = stayConnected({ path: server.path }, { minDelay: 10, random: () => 0 })
    ending.push(() => dialer.close())
    const first = await new Promise<Connection>(resolve => dialer.once('connection', resolve))
    const peer = await server.accept()
    // As Open vSwitch does with a packet near 64 kB: the header counts in 16 bits, the body is longer.
    const packet = Buffer.concat([encode(packetIn(new Uint8Array(65_000))), new Uint8Array(1_000).fill(0xab)])
    packet.writeUInt16BE(packet.length - 65_536, 2)
    const end = closed(first)
    const again = new Promise<Connection>(resolve => dialer.once('connection', resolve))
    peer.sendBytes(packet)
    expect(await end).toBeInstanceOf(ProtocolError)
    const second = await again
    peer.socket.destroy()
    expect(second.isOpen).toBe(true)
  })
})

describe('messages', () => {
  test('that cannot be decoded are told, and the connection goes on', async () => {
    const { connection, peer } = await pair({
      answer: m => (m.type === 'barrier_request' ? { type: 'barrier_reply' } : undefined),
    })
    const told = new Promise<[Error, Uint8Array]>(resolve => connection.once('undecodable', (...args) => resolve(args)))
    const bad = Uint8Array.of(6, 12, 0, 9, 0, 0, 0, 0, 1)
    peer.sendBytes(bad)
    const [error, bytes] = await told
    expect(error).toMatchObject({ name: 'DecodeError', code: 'truncated' })
    expect([...bytes]).toEqual([...bad])
    await connection.barrier()
  })

  test('that nobody asked for are told in order', async () => {
    const { connection, peer } = await pair()
    const seen: string[] = []
    connection.on('message', m => seen.push(`${m.type} ${m.xid}`))
    peer.send({ type: 'barrier_reply', xid: 123 })
    peer.send({ type: 'experimenter', xid: 5, experimenter: 7, expType: 8, data: Buffer.from('x') })
    peer.send({ type: 'requestforward', request: { version: 6, type: 'barrier_request', xid: 3 } })
    await until(() => seen.length === 3, 'three messages')
    expect(seen).toEqual(['barrier_reply 123', 'experimenter 5', 'requestforward 0'])
  })

  test('that come with the handshake are not lost', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const seen: bigint[] = []
    server.once('connection', connection => connection.on('role_status', m => seen.push(m.generationId)))
    const socket = dial(server.address?.port as number, '127.0.0.1')
    const status = { type: 'role_status', role: 'primary', reason: 'config', properties: [] } as const
    socket.on('data', chunk => {
      if (chunk[chunk.length - 7] !== 5) return
      const features = { type: 'features_reply', datapathId: 3n, buffers: 0, tables: 1, capabilities: [] } as const
      const reply = encode({ version: 6, xid: chunk.readUInt32BE(chunk.length - 4), ...features })
      socket.write(Buffer.concat([reply, encode({ version: 6, xid: 0, ...status, generationId: 9n })]))
    })
    socket.write(encode({ version: 6, type: 'hello', xid: 1, versions: [6] }))
    await until(() => seen.length === 1, 'the role status')
    expect(seen).toEqual([9n])
    socket.destroy()
  })

  test('longer than 65,535 bytes are refused before any byte is sent', async () => {
    const { connection } = await pair()
    const before = connection.counters
    const data = new Uint8Array(65_530)
    expect(() => connection.send({ type: 'packet_out', inPort: 1, actions: [], data })).toThrow(
      expect.objectContaining({ name: 'EncodeError', code: 'too-long' }),
    )
    expect(connection.counters.bytesSent + connection.counters.unsent).toBe(before.bytesSent + before.unsent)
  })

  test('of a listener that throws do not harm the connection', async () => {
    const { connection, peer } = await pair({
      answer: m => (m.type === 'barrier_request' ? { type: 'barrier_reply' } : undefined),
    })
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const thrown = new Promise<Error>(resolve => process.once('uncaughtException', resolve))
    connection.on('message', () => {
      throw new Error('mine')
    })
    peer.send({ type: 'barrier_reply', xid: 77 })
    expect((await thrown).message).toBe('mine')
    for (const listener of listeners) process.on('uncaughtException', listener)
    await connection.barrier()
  })
})

describe('requests', () => {
  test('find their answers whatever the order', async () => {
    const { connection, peer } = await pair()
    const answers = [1, 2, 3].map(n => connection.request({ type: 'echo_request', data: Uint8Array.of(n) }))
    const requests = [await peer.next('echo_request'), await peer.next('echo_request'), await peer.next('echo_request')]
    for (const request of requests.reverse()) peer.send({ ...request, type: 'echo_reply' } as Message)
    expect((await Promise.all(answers)).map(a => a.data[0])).toEqual([1, 2, 3])
  })

  test('time out by themselves, and a late answer is told like any other', async () => {
    const { connection, peer } = await pair()
    const late = new Promise<Message>(resolve => connection.once('message', resolve))
    const request = connection.request({ type: 'barrier_request' }, { timeout: 30 })
    await expect(request).rejects.toThrow(RequestTimeout)
    const { xid } = await peer.next('barrier_request')
    peer.send({ type: 'barrier_reply', xid })
    expect(await late).toMatchObject({ type: 'barrier_reply', xid })
  })

  test('are told the error with the failed message, also if the switch sends none of it back', async () => {
    const { connection } = await pair({
      answer: m =>
        m.type === 'role_request' ? { type: 'error', error: 'OFPRRFC_STALE', data: new Uint8Array() } : undefined,
    })
    const attempt = connection.request({ type: 'role_request', role: 'primary', generationId: 1n })
    const error = await attempt.catch(e => e as OpenFlowError)
    expect(error).toBeInstanceOf(OpenFlowError)
    expect(error).toMatchObject({ error: 'OFPRRFC_STALE', failed: { type: 'role_request', generationId: 1n } })
    expect(String(error)).toMatch(/^OpenFlowError: OFPRRFC_STALE for role_request \(xid \d+\)$/)
  })

  test('end when the connection does, with their outcome unknown', async () => {
    const { connection, peer } = await pair()
    const request = connection.request({ type: 'barrier_request' })
    await peer.next('barrier_request')
    peer.socket.destroy()
    await expect(request).rejects.toThrow(expect.objectContaining({ name: 'ConnectionClosed', outcome: 'unknown' }))
    expect(() => connection.send({ type: 'barrier_request' })).toThrow(ConnectionClosed)
  })

  test('sent together get one result each', async () => {
    const { connection } = await pair({
      answer: m => {
        if (m.type === 'barrier_request') return { type: 'barrier_reply' }
        if (m.type === 'meter_mod' && m.meterId === 2) {
          return { type: 'error', error: 'OFPMMFC_METER_EXISTS', data: encode(m) }
        }
        return undefined
      },
    })
    const mods = [1, 2, 3].map(
      meterId => ({ type: 'meter_mod', command: 'add', flags: ['kbps'], meterId, bands: [] }) as const,
    )
    const results = await connection.transact(mods)
    expect(results.map(r => r?.error)).toEqual([undefined, 'OFPMMFC_METER_EXISTS', undefined])
    expect(connection.counters.requestsWaiting).toBe(0)
  })

  test('an error about nothing that waits is told', async () => {
    const { connection, peer } = await pair()
    const told = new Promise<OpenFlowError>(resolve => connection.once('openflowError', resolve))
    peer.send({ type: 'error', xid: PERMANENT_XID + 7, error: { type: 99, code: 5 }, data: new Uint8Array() })
    expect(await told).toMatchObject({ xid: PERMANENT_XID + 7, error: { type: 99, code: 5 } })
  })
})

describe('multipart replies', () => {
  const part = (more: boolean, tables: number[]) =>
    ({
      type: 'table_stats_reply',
      more,
      entries: tables.map(table => ({ table, activeCount: 0, lookupCount: 0n, matchedCount: 0n })),
    }) as const

  test('are put together from interleaved parts, empty ones too', async () => {
    const { connection, peer } = await pair()
    const a = connection.request({ type: 'table_stats_request' })
    const b = connection.request({ type: 'table_stats_request' })
    const first = (await peer.next('table_stats_request')).xid
    const second = (await peer.next('table_stats_request')).xid
    peer.send({ ...part(true, [1]), xid: first })
    peer.send({ ...part(true, []), xid: second })
    peer.send({ ...part(true, []), xid: first })
    peer.send({ type: 'barrier_reply', xid: 99 })
    peer.send({ ...part(false, [7]), xid: second })
    peer.send({ ...part(false, [2, 3]), xid: first })
    expect((await a).entries.map(e => e.table)).toEqual([1, 2, 3])
    expect((await b).entries.map(e => e.table)).toEqual([7])
  })

  test('are ended by an error in the middle', async () => {
    const { connection, peer } = await pair()
    const parts = connection.multipart({ type: 'table_stats_request' })
    const { xid } = await peer.next('table_stats_request')
    peer.send({ ...part(true, [1]), xid })
    peer.send({ type: 'error', xid, error: 'OFPBRC_MULTIPART_REPLY_TIMEOUT', data: new Uint8Array() })
    expect((await parts.next()).value?.entries).toHaveLength(1)
    await expect(parts.next()).rejects.toThrow(OpenFlowError)
  })

  test('with an entry that spans two parts are a typed error', async () => {
    const { connection, peer } = await pair()
    const parts = connection.multipart({ type: 'table_stats_request' })
    const { xid } = await peer.next('table_stats_request')
    const whole = encode({ version: 6, xid, ...part(true, [1, 2]) })
    const cut = whole.slice(0, whole.length - 10)
    new DataView(cut.buffer).setUint16(2, cut.length)
    peer.sendBytes(cut)
    await expect(parts.next()).rejects.toThrow(expect.objectContaining({ name: 'DecodeError', code: 'truncated' }))
  })

  test('that nobody reads are bounded', async () => {
    const { connection, peer } = await pair({}, { maxUnread: 10_000 })
    const parts = connection.multipart({ type: 'table_stats_request' })
    const { xid } = await peer.next('table_stats_request')
    for (let i = 0; i < 20; i++) peer.send({ ...part(true, Array(40).fill(i)), xid })
    await until(() => connection.counters.requestsWaiting === 0, 'the request is given up')
    const read = async () => {
      for await (const _ of parts);
    }
    await expect(read()).rejects.toThrow(BufferFull)
    expect(connection.isOpen).toBe(true)
  })

  test('that are left alone half-way cost nothing more', async () => {
    const { connection, peer } = await pair()
    const read = (async () => {
      for await (const _ of connection.multipart({ type: 'table_stats_request' })) break
    })()
    const { xid } = await peer.next('table_stats_request')
    peer.send({ ...part(true, [1]), xid })
    await read
    expect(connection.counters.requestsWaiting).toBe(0)
  })
})

describe('life', () => {
  test('an echo request is answered at once, its data brought back', async () => {
    const { peer } = await pair()
    peer.send({ type: 'echo_request', xid: 4242, data: Buffer.from('here?') })
    const reply = (await peer.next('echo_reply')) as Extract<Message, { type: 'echo_reply' }>
    expect([reply.xid, Buffer.from(reply.data).toString()]).toEqual([4242, 'here?'])
  })

  test('a peer that falls silent is asked, and closed after so many misses', async () => {
    const { connection, peer } = await pair({}, { echoInterval: 30, echoMisses: 2 })
    const end = closed(connection)
    await peer.next('echo_request')
    expect((await end)?.message).toMatch(/no sign of life/)
    expect(peer.received.filter(m => m.type === 'echo_request').length).toBe(2)
  })

  test('a peer that answers echoes lives on', async () => {
    const { connection } = await pair(
      { answer: m => (m.type === 'echo_request' ? { type: 'echo_reply', data: m.data } : undefined) },
      { echoInterval: 15, echoMisses: 1 },
    )
    await sleep(200)
    expect(connection.isOpen).toBe(true)
  })

  test('a slow barrier is not taken for death', async () => {
    const { connection, peer } = await pair({}, { echoInterval: 15, echoMisses: 1 })
    const barrier = connection.barrier()
    const { xid } = await peer.next('barrier_request')
    await sleep(200)
    peer.send({ type: 'barrier_reply', xid })
    await barrier
  })

  test('can go unasked', async () => {
    const { connection, peer } = await pair({}, { echoInterval: 0 })
    await sleep(60)
    expect(peer.received).toEqual([])
    expect(connection.isOpen).toBe(true)
  })
})

describe('a flood of packet-ins', () => {
  test('is bounded and counted, and holds up neither echoes nor barriers', async () => {
    const { connection, peer } = await pair({}, { maxPacketIns: 100 })
    const handled: number[] = []
    let go: () => void = () => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    connection.onPacketIn(async packet => {
      handled.push(packet.data[0] as number)
      await gate
    })
    let dropped = 0
    connection.on('packetInDropped', n => {
      dropped = n
    })
    const barrier = connection.barrier()
    const { xid } = await peer.next('barrier_request')
    for (let i = 0; i < 1_000; i++) peer.sendBytes(encode(packetIn(Uint8Array.of(i & 255, 1, 2, 3))))
    peer.send({ type: 'echo_request', xid: 1, data: new Uint8Array() })
    peer.send({ type: 'barrier_reply', xid })
    await peer.next('echo_reply')
    await barrier
    expect(handled.length).toBe(1)
    expect(connection.counters.packetInsWaiting).toBeLessThanOrEqual(100)
    expect(dropped).toBe(connection.counters.packetInsDropped)
    expect(dropped).toBeGreaterThanOrEqual(899)
    go()
    await until(() => handled.length === 1_000 - dropped, 'what waited is handled')
    // The first ones came through, in order; what was dropped came later.
    expect(handled.slice(0, 90)).toEqual(Array.from({ length: 90 }, (_, i) => i))
  })

  test('gives packets that stay as they are', async () => {
    const { connection, peer } = await pair()
    const kept: Uint8Array[] = []
    connection.onPacketIn(packet => void kept.push(packet.data))
    for (let i = 0; i < 200; i++) peer.sendBytes(encode(packetIn(new Uint8Array(300).fill(i))))
    await until(() => kept.length === 200, '200 packets')
    expect(kept.every((data, i) => data.length === 300 && data.every(b => b === (i & 255)))).toBe(true)
  })
})

describe('a switch that does not read', () => {
  test('bounds what waits to be sent; sendRaw waits; it goes on when the switch does', async () => {
    const limit = 1 << 20
    const { connection, peer } = await pair(
      { answer: m => (m.type === 'barrier_request' ? { type: 'barrier_reply' } : undefined) },
      { maxUnsent: limit },
    )
    peer.socket.pause()
    const data = new Uint8Array(60_000)
    const fill = () => {
      for (let i = 0; i < 1_000; i++) connection.send({ type: 'echo_request', data })
    }
    expect(fill).toThrow(BufferFull)
    expect(connection.counters.unsent).toBeLessThanOrEqual(limit)
    const raw = encode({ version: 6, type: 'echo_request', xid: PERMANENT_XID, data })
    let isSent = false
    const sending = connection.sendRaw(Array(100).fill(raw)).then(() => {
      isSent = true
    })
    await sleep(50)
    expect(isSent).toBe(false)
    expect(connection.counters.unsent).toBeLessThanOrEqual(limit + 2 * raw.length)
    peer.socket.resume()
    await sending
    await connection.barrier()
  })

  test('when it is gone, who waits to send is told', async () => {
    const { connection, peer } = await pair()
    peer.socket.pause()
    const raw = encode({ version: 6, type: 'echo_request', xid: PERMANENT_XID, data: new Uint8Array(60_000) })
    const sending = connection.sendRaw(Array(500).fill(raw))
    await sleep(20)
    peer.socket.destroy()
    await expect(sending).rejects.toThrow(ConnectionClosed)
  })
})

describe('the same datapath twice', () => {
  test('the newer connection replaces the older, events in order; auxiliary ones do not', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const events: string[] = []
    const names = new Map<Connection, string>()
    server.on('connection', connection => {
      names.set(connection, `#${names.size + 1}`)
      events.push(`${names.get(connection)} in`)
    })
    server.on('disconnection', connection => events.push(`${names.get(connection)} out`))
    const join = async (datapathId: bigint, auxiliaryId?: number) => {
      const n = names.size
      const socket = dial(server.address?.port as number, '127.0.0.1')
      ending.push(() => socket.destroy())
      peerOn(socket, { datapathId, ...(auxiliaryId !== undefined && { auxiliaryId }) })
      await until(() => names.size > n, 'the connection')
    }
    await join(5n)
    await join(6n)
    await join(5n)
    await join(5n, 1)
    expect(events).toEqual(['#1 in', '#2 in', '#1 out', '#3 in', '#4 in'])
    expect([...server.datapaths].map(([id, c]) => [id, names.get(c)])).toEqual([
      [6n, '#2'],
      [5n, '#3'],
    ])
    expect(server.connections.size).toBe(3)
  })

  test('quick reconnects leave nothing behind', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    let count = 0
    server.on('connection', () => count++)
    for (let i = 0; i < 30; i++) {
      const socket = dial(server.address?.port as number, '127.0.0.1')
      peerOn(socket, { datapathId: 5n })
      await until(() => count === i + 1, 'the connection')
      if (i % 2) socket.destroy()
      else socket.resetAndDestroy()
    }
    await until(() => server.connections.size === 0, 'all are gone')
    expect(server.datapaths.size).toBe(0)
  })
})

describe('dialling', () => {
  test('backs off with jitter, up to a limit, and starts over after a healthy spell', async () => {
    const delays: number[] = []
    const dialer = stayConnected({ path: '/nonexistent/switch' }, { minDelay: 4, maxDelay: 20, random: () => 0.5 })
    ending.push(() => dialer.close())
    dialer.on('failure', (_, delay) => delays.push(delay))
    await until(() => delays.length === 6, 'six failures')
    expect(delays.slice(0, 6)).toEqual([3, 6, 12, 15, 15, 15])
  })
})

describe('a bundle whose connection is lost', () => {
  const points = ['open_request', 'adds', 'close_request', 'commit_request'] as const
  test.each(points)('at %s says what became of it', async point => {
    const { connection } = await pair({
      answer: (m, peer) => {
        const at = m.type === 'bundle_control' ? m.control : m.type === 'bundle_add_message' ? 'adds' : undefined
        if (at === point) {
          peer.socket.destroy()
          return undefined
        }
        if (m.type !== 'bundle_control' || typeof m.control !== 'string') return undefined
        const control = m.control.replace('request', 'reply') as 'open_reply'
        return { type: 'bundle_control', bundleId: m.bundleId, control, flags: [] }
      },
    })
    const flows = [1, 2].map(
      priority => ({ type: 'flow_mod', command: 'add', priority, match: {}, actions: [] }) as const,
    )
    const outcome = point === 'commit_request' ? 'unknown' : 'none'
    await expect(connection.bundle(flows)).rejects.toThrow(
      expect.objectContaining({ name: 'ConnectionClosed', outcome }),
    )
  })

  test('collects the refusals of several messages, permanent ones too, and discards', async () => {
    const { connection, peer } = await pair({
      answer: m => {
        if (m.type === 'bundle_add_message' && m.message.type === 'flow_mod' && m.message.priority !== 2) {
          return { type: 'error', error: 'OFPBMC_BAD_PREREQ', data: encode(m).slice(0, 64) }
        }
        if (m.type !== 'bundle_control' || typeof m.control !== 'string') return undefined
        const control = m.control.replace('request', 'reply') as 'open_reply'
        return { type: 'bundle_control', bundleId: m.bundleId, control, flags: [] }
      },
    })
    const mod = (priority: number) => ({ type: 'flow_mod', command: 'add', priority, match: {}, actions: [] }) as const
    const xid = PERMANENT_XID + 5
    const message = { ...mod(3), version: 6, xid }
    const raw = encode({
      version: 6,
      xid,
      type: 'bundle_add_message',
      bundleId: 1,
      flags: ['atomic', 'ordered'],
      message,
    })
    const error = (await connection.bundle([mod(1), mod(2), raw]).catch(e => e)) as BundleError
    expect(error).toBeInstanceOf(BundleError)
    expect(
      error.errors.map(e => [e.error, (e.failed as { priority?: number } | undefined)?.priority ?? e.xid]),
    ).toEqual([
      ['OFPBMC_BAD_PREREQ', 1],
      ['OFPBMC_BAD_PREREQ', xid],
    ])
    expect(
      peer.received.filter(m => m.type === 'bundle_control').map(m => (m as { control: unknown }).control),
    ).toEqual(['open_request', 'close_request', 'discard_request'])
  })
})
