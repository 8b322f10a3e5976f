// What a real Open vSwitch does on our messages, and what we make of its own.

import { join } from 'node:path'
import {
  BUCKET_LAST,
  type Connection,
  connect,
  type FlowUpdate,
  generationDistance,
  type MessageFor,
  OpenFlowError,
  resumption,
} from 'node-openflow'
import { arp, output } from 'node-openflow/flow'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addBridge, describeOvs, hasOvs, type Ovs, startOvs } from './ovs.ts'
import { until } from './peer.ts'

let ovs: Ovs
const ending: (() => Promise<unknown> | unknown)[] = []

beforeAll(() => {
  if (!hasOvs) return
  ovs = startOvs()
  addBridge(ovs, 'br0', 3)
})
afterAll(() => ovs?.stop())
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
  if (ovs) ofctl('del-flows')
})

async function dial(version: 4 | 5 | 6 = 6): Promise<Connection> {
  const connection = await connect({ path: join(ovs.dir, 'br0.mgmt') }, { versions: [version] })
  ending.push(() => connection.close())
  return connection
}

const ofctl = (command: string, ...args: string[]) =>
  ovs.ofctl('-OOpenFlow15', command, join(ovs.dir, 'br0.mgmt'), ...args)

const versions = [4, 5, 6] as const
const ping =
  'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)'

/** Lets pings come in at port 1 until `condition` holds; the first may still meet what the datapath has cached. */
async function pinging(condition: () => boolean, what: string): Promise<void> {
  let times = 0
  const hasHappened = () => {
    if (condition()) return true
    if (times++ % 10 === 0) ovs.appctl('netdev-dummy/receive', 'br0-p1', ping)
    return false
  }
  await until(hasHappened, what)
}

describeOvs('roles', () => {
  test.each(versions)('follow generation ids, which wrap; a stale one is told as such (version %i)', async version => {
    const a = await dial(version)
    const b = await dial(version)
    const statuses: MessageFor<'role_status'>[] = []
    a.on('role_status', m => statuses.push(m))
    const { generationId: last } = await a.request({ type: 'role_request', role: 'nochange' })
    const next = BigInt.asUintN(64, last + 1n)
    const ask = (c: Connection, role: 'primary' | 'secondary', generationId: bigint) =>
      c.request({ type: 'role_request', role, generationId })
    expect((await ask(a, 'primary', next)).role).toBe('primary')
    const second = BigInt.asUintN(64, next + 1n)
    expect(await ask(b, 'primary', second)).toMatchObject({ role: 'primary', generationId: second })
    if (version > 4) {
      await until(() => statuses.length === 1, 'the role status')
      expect(statuses[0]).toMatchObject({ role: 'secondary', reason: 'primary_request', generationId: second })
    }
    const refusal = await ask(a, 'primary', next).catch(e => e)
    expect(refusal).toBeInstanceOf(OpenFlowError)
    expect(refusal.error).toBe('OFPRRFC_STALE')
    const flow = { type: 'flow_mod', command: 'add', priority: 1, match: {}, actions: [] } as const
    expect((await a.transact([flow])).map(e => e?.error)).toEqual(['OFPBRC_IS_SECONDARY'])
    expect(await b.transact([flow])).toEqual([undefined])
    await b.request({ type: 'role_request', role: 'equal' })
  })

  test('generation ids are compared with their sign, across the wrap', () => {
    expect(generationDistance(0n, 0xffff_ffff_ffff_ffffn)).toBe(1n)
    expect(generationDistance(0xffff_ffff_ffff_ffffn, 0n)).toBe(-1n)
    expect(generationDistance(1n << 63n, 0n)).toBe(-(1n << 63n))
  })
})

describeOvs('flow monitors', () => {
  test.each(versions)('tell what is there, and then each change (version %i)', async version => {
    ofctl('add-flow', 'table=1,priority=7,cookie=0x5,arp,actions=output:2')
    const connection = await dial(version)
    const updates: FlowUpdate[] = []
    connection.on('flow_monitor_reply', m => updates.push(...m.entries))
    const initial = await connection.request({
      type: 'flow_monitor_request',
      entries: [{ id: 1, command: 'add', flags: ['initial', 'add', 'removed', 'modify', 'instructions'], match: {} }],
    })
    expect(initial.entries).toEqual([
      expect.objectContaining({
        event: version === 4 ? 'added' : 'initial',
        table: 1,
        priority: 7,
        cookie: 5n,
        match: arp({}),
        actions: expect.arrayContaining([expect.anything()]),
      }),
    ])
    ofctl('add-flow', 'table=2,priority=9,cookie=0x6,actions=drop')
    await until(() => updates.length === 1, 'the flow is told')
    ofctl('mod-flows', 'table=2,actions=output:1')
    await until(() => updates.length === 2, 'its change is told')
    ofctl('del-flows', 'table=2')
    await until(() => updates.length === 3, 'its end is told')
    expect(updates.map(u => u.event)).toEqual(['added', 'modified', 'removed'])
    expect(updates[2]).toMatchObject({ table: 2, priority: 9, cookie: 6n, reason: 'delete' })
    if (version === 4) connection.send({ type: 'flow_monitor_cancel', id: 1 })
    else {
      await connection.request({
        type: 'flow_monitor_request',
        entries: [{ id: 1, command: 'delete', flags: [], match: {} }],
      })
    }
    await connection.barrier()
    ofctl('add-flow', 'table=3,actions=drop')
    await connection.barrier()
    expect(updates.length).toBe(3)
  })
})

describeOvs('packet-ins', () => {
  test.each(['standard', 'nxt', 'nxt2'] as const)('come in the format %s', async packetInFormat => {
    const connection = await dial()
    const packets: MessageFor<'packet_in'>[] = []
    connection.onPacketIn(packet => void packets.push(packet))
    connection.send({ type: 'set_config', fragments: 'normal', missSendLen: 0xffff })
    connection.send({ type: 'set_packet_in_format', packetInFormat })
    await connection.barrier()
    ofctl('add-flow', 'cookie=0x77,priority=5,in_port=1,actions=set_field:3->metadata,controller(userdata=01.02.03)')
    await pinging(() => packets.length > 0, 'the packet')
    const packet = packets[0] as MessageFor<'packet_in'>
    expect(packet.form).toBe(packetInFormat === 'standard' ? undefined : packetInFormat)
    expect(packet).toMatchObject({ reason: 'action', table: 0, cookie: 0x77n, match: { in_port: 1, metadata: 3n } })
    expect(packet.data.length).toBe(packet.totalLen)
    expect(packet.totalLen).toBe(106)
    expect(Buffer.from(packet.data.subarray(0, 12)).toString('hex')).toBe('50540000000a505400000009')
    expect(packet.userdata && [...packet.userdata]).toEqual(packetInFormat === 'nxt2' ? [1, 2, 3] : undefined)
  })

  test('that were paused go on where they stopped, changed on the way', async () => {
    const connection = await dial()
    connection.onPacketIn(packet => {
      if (!packet.continuation) return
      const match = { ...packet.match, reg1: 0x99 }
      connection.send({ type: 'resume', ...resumption({ ...packet, match }) })
    })
    connection.send({ type: 'set_config', fragments: 'normal', missSendLen: 0xffff })
    connection.send({ type: 'set_packet_in_format', packetInFormat: 'nxt2' })
    await connection.barrier()
    ofctl('add-flow', 'in_port=1,actions=resubmit(,1),controller(pause),resubmit(,2)')
    ofctl('add-flow', 'table=1,actions=push:NXM_NX_REG0[],note:01')
    ofctl('add-flow', 'table=2,reg1=0x99,actions=output:2')
    await pinging(() => /n_packets=[1-9].*reg1=0x99/.test(ofctl('dump-flows', 'table=2')), 'the packet went on')
  })

  test('a continuation of a switch that has forgotten it is refused as stale', async () => {
    const connection = await dial()
    const stale = {
      type: 'resume',
      totalLen: 64,
      reason: 'action',
      table: 0,
      match: { in_port: 1 },
      data: new Uint8Array(64),
      continuation: new Uint8Array([0x80, 0, 0, 20, ...Array(16).fill(7), 0, 0, 0, 0]),
    } as const
    const [error] = await connection.transact([stale])
    expect(error?.error).toBe('NXR_STALE')
    expect(error?.failed).toMatchObject({ type: 'resume' })
  })

  test('packet-outs reach the ports, in every version', async () => {
    for (const version of versions) {
      const connection = await dial(version)
      const before = await transmitted(connection, 2)
      const data = Buffer.alloc(80, 1)
      connection.send({ type: 'packet_out', inPort: 0xfffffffd, actions: [output(2)], data })
      await connection.barrier()
      expect(await transmitted(connection, 2)).toBe(before + 1n)
    }
  })

  const transmitted = async (connection: Connection, port: number) => {
    const { entries } = await connection.request({ type: 'port_stats_request', port })
    return entries[0]?.txPackets ?? -1n
  }
})

describeOvs('connection tracking', () => {
  const entries = () => ovs.appctl('dpctl/dump-conntrack').split('\n').filter(Boolean)
  const establish = (zone: number) => {
    ofctl('add-flow', `in_port=1,ip,actions=ct(commit,zone=${zone}),output:2`)
    return pinging(() => entries().some(e => e.includes(`zone=${zone}`)), 'the connection is tracked')
  }

  test.each(versions)('a zone is flushed (version %i)', async version => {
    const connection = await dial(version)
    await establish(5)
    expect(await connection.transact([{ type: 'ct_flush_zone', zone: 6 }])).toEqual([undefined])
    expect(entries().length).toBe(1)
    expect(await connection.transact([{ type: 'ct_flush_zone', zone: 5 }])).toEqual([undefined])
    expect(entries()).toEqual([])
  })

  test('a tuple is flushed, and no other', async () => {
    const connection = await dial()
    await establish(7)
    const other = { type: 'ct_flush', zone: 7, ipProto: 1, orig: { src: '::ffff:10.9.9.9' } } as const
    expect(await connection.transact([other])).toEqual([undefined])
    expect(entries().length).toBe(1)
    const tuple = {
      ...other,
      orig: { src: '::ffff:10.0.0.1', dst: '::ffff:10.0.0.2', icmpType: 8, icmpCode: 0 },
    } as const
    expect(await connection.transact([{ ...tuple, orig: { ...tuple.orig, icmpId: 0 } }])).toEqual([undefined])
    expect(entries()).toEqual([])
  })
})

describeOvs('tunnel options as fields', () => {
  test.each(versions)('are mapped, told and unmapped (version %i)', async version => {
    const connection = await dial(version)
    const mapping = { optionClass: 0xffff, optionType: 0, optionLength: 8, index: 3 }
    const add = { type: 'tlv_table_mod', command: 'add', mappings: [mapping] } as const
    expect(await connection.transact([add])).toEqual([undefined])
    const table = await connection.request({ type: 'tlv_table_request' })
    expect(table).toMatchObject({ maxFields: 64, maxOptionSpace: 256, mappings: [mapping] })
    const [again] = await connection.transact([add])
    expect(again?.error).toBe('NXTTMFC_ALREADY_MAPPED')
    expect(await connection.transact([{ type: 'tlv_table_mod', command: 'clear', mappings: [] }])).toEqual([undefined])
    expect((await connection.request({ type: 'tlv_table_request' })).mappings).toEqual([])
  })
})

describeOvs('groups and meters', () => {
  test.each(versions)('are made, told, counted and removed (version %i)', async version => {
    const connection = await dial(version)
    const buckets = [
      { weight: 10, actions: [output(1)] },
      { weight: 20, actions: [output(2)] },
    ]
    const group = { type: 'group_mod', command: 'add', groupId: 4, groupType: 'select', buckets } as const
    expect(await connection.transact([group])).toEqual([undefined])
    expect((await connection.transact([group])).map(e => e?.error)).toEqual(['OFPGMFC_GROUP_EXISTS'])
    if (version === 6) {
      const insert = { ...group, command: 'insert_bucket', commandBucketId: BUCKET_LAST } as const
      const bucket = { bucketId: 9, weight: 30, actions: [output(3)] }
      expect(await connection.transact([{ ...insert, buckets: [bucket] }])).toEqual([undefined])
    }
    const { entries } = await connection.request({ type: 'group_desc_request' })
    expect(entries.length).toBe(1)
    expect(entries[0]).toMatchObject({ groupId: 4, groupType: 'select' })
    expect(entries[0]?.buckets.map(b => b.weight)).toEqual(version === 6 ? [10, 20, 30] : [10, 20])
    const stats = await connection.request({ type: 'group_stats_request', groupId: 4 })
    expect(stats.entries[0]?.buckets.length).toBe(version === 6 ? 3 : 2)
    expect((await connection.request({ type: 'group_features_request' })).types).toEqual([
      'all',
      'select',
      'indirect',
      'ff',
    ])
    const remove = { ...group, command: 'delete', buckets: [] } as const
    expect(await connection.transact([remove])).toEqual([undefined])

    const bands = [{ type: 'drop', rate: 1_000, burstSize: 50 }] as const
    const meter = { type: 'meter_mod', command: 'add', flags: ['pktps', 'burst'], meterId: 3, bands } as const
    expect(await connection.transact([meter])).toEqual([undefined])
    expect((await connection.transact([meter])).map(e => e?.error)).toEqual(['OFPMMFC_METER_EXISTS'])
    const config = await connection.request({ type: 'meter_config_request' })
    expect(config.entries).toEqual([{ flags: ['pktps', 'burst'], meterId: 3, bands }])
    const counted = await connection.request({ type: 'meter_stats_request', meterId: 3 })
    expect(counted.entries[0]).toMatchObject({ meterId: 3, bands: [{ packetCount: 0n, byteCount: 0n }] })
    expect((await connection.request({ type: 'meter_features_request' })).bandTypes).toContain('drop')
    expect(await connection.transact([{ ...meter, command: 'delete', bands: [] }])).toEqual([undefined])
  })
})

describeOvs('what is asynchronous', () => {
  test.each(versions)('can be chosen (version %i)', async version => {
    const connection = await dial(version)
    connection.send({ type: 'set_async', properties: [{ type: 'port_status_primary', reasons: ['add', 'modify'] }] })
    const { properties } = await connection.request({ type: 'get_async_request' })
    const found = properties.find(p => p.type === 'port_status_primary')
    expect(found).toEqual({ type: 'port_status_primary', reasons: ['add', 'modify'] })
  })

  test.each(versions)('a removed flow tells of itself (version %i)', async version => {
    const connection = await dial(version)
    connection.send({ type: 'set_config', fragments: 'normal', missSendLen: 100 })
    const told = new Promise<MessageFor<'flow_removed'>>(resolve => connection.once('flow_removed', resolve))
    const flow = { table: 4, priority: 44, cookie: 0xffff_ffff_ffff_fff1n, match: arp({ arp_op: 2 }), actions: [] }
    await connection.transact([{ type: 'flow_mod', command: 'add', flags: 1, ...flow } as never])
    ofctl('del-flows', 'table=4')
    expect(await told).toMatchObject({
      reason: 'delete',
      table: 4,
      priority: 44,
      cookie: 0xffff_ffff_ffff_fff1n,
      packetCount: 0n,
      byteCount: 0n,
      match: arp({ arp_op: 2 }),
    })
  })
})

describeOvs('requests longer than a message', () => {
  test.each(versions)('go in parts: the features of all tables, sent back (version %i)', async version => {
    const connection = await dial(version)
    const ask = (entries: MessageFor<'table_features_request'>['entries']) =>
      connection.request({ type: 'table_features_request', entries })
    const { entries } = await ask([])
    expect(entries.length).toBe(254)
    const before = connection.counters.bytesSent
    const answer = await ask(entries)
    expect(connection.counters.bytesSent - before).toBeGreaterThan(500_000)
    expect(answer.entries.length).toBe(254)
  })
})

describeOvs('a controller that comes back', () => {
  test('finds its flows, and replaces them all at once', async () => {
    const flow = (priority: number, cookie: bigint) =>
      ({ type: 'flow_mod', command: 'add', table: 6, priority, cookie, match: {}, actions: [output(1)] }) as const
    const first = await dial()
    await first.bundle([flow(1, 0x10n), flow(2, 0x10n)])
    first.destroy()
    const second = await dial()
    const read = async () => (await second.request({ type: 'flow_stats_request', table: 6 })).entries
    expect((await read()).map(f => f.priority).sort()).toEqual([1, 2])
    const ours = { cookie: 0x10n, cookieMask: 0xffn, match: {}, actions: [] }
    await second.bundle([{ type: 'flow_mod', command: 'delete', table: 255, ...ours }, flow(2, 0x11n), flow(3, 0x11n)])
    expect((await read()).map(f => [f.priority, f.cookie]).sort()).toEqual([
      [2, 0x11n],
      [3, 0x11n],
    ])
  })
})

describeOvs('a whole table', () => {
  test('of 100,000 flows goes in with one bundle, and comes back as it was', async () => {
    const connection = await dial()
    const count = 100_000
    const match = (i: number) => ({ eth_type: 0x0800, ip_dst: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` })
    function* flows() {
      for (let i = 0; i < count; i++) {
        const flow = { table: 5, priority: 100, cookie: BigInt(i), match: match(i), actions: [output((i % 3) + 1)] }
        yield { type: 'flow_mod', command: 'add', ...flow } as const
      }
    }
    await connection.bundle(flows(), { timeout: 60_000 })
    const { flowCount } = await connection.request({ type: 'aggregate_stats_request', table: 5 })
    expect(flowCount).toBe(count)
    const seen = new Set<bigint>()
    let parts = 0
    let wrong = 0
    for await (const part of connection.multipart({ type: 'flow_stats_request', table: 5 }, { timeout: 60_000 })) {
      parts++
      for (const flow of part.entries) {
        const { ip_dst } = match(Number(flow.cookie))
        if (flow.match.ip_dst !== ip_dst || flow.priority !== 100 || flow.table !== 5) wrong++
        seen.add(flow.cookie)
      }
    }
    expect([seen.size, wrong]).toEqual([count, 0])
    expect(parts).toBeGreaterThan(50)
    const everything = { type: 'flow_mod', command: 'delete', table: 5, match: {}, actions: [] } as const
    await connection.bundle([everything], { timeout: 60_000 })
    expect((await connection.request({ type: 'aggregate_stats_request' })).flowCount).toBe(0)
  })
})
