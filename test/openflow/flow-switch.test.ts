// Flows that a real Open vSwitch gives back: the same bytes as the flows that it was given, for every field that can
// be matched or written and every action. Programming the fabric compares flows by these bytes.

import { connect as dial } from 'node:net'
import { join } from 'node:path'
import { decode, encode, type FlowStats, Framer, type Message, type MessageDraft } from 'node-openflow'
import {
  type Action,
  checkFlow,
  type FieldName,
  type FieldRow,
  type Flow,
  fields,
  type Match,
  masked,
  type Version,
  Writer,
  writeInstructions,
  writeMatch,
} from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { allActions } from './flow-samples.ts'
import { random } from './mutate.ts'
import { addBridge, describeOvs, hasOvs, type Ovs, startOvs } from './ovs.ts'

let ovs: Ovs

beforeAll(() => {
  if (!hasOvs) return
  ovs = startOvs()
  addBridge(ovs, 'br0', 3)
  const mgmt = join(ovs.dir, 'br0.mgmt')
  ovs.ofctl('-OOpenFlow15', 'add-tlv-map', mgmt, '{class=0xffff,type=0,len=4}->tun_metadata0')
  ovs.ofctl('-OOpenFlow15', 'add-group', mgmt, 'group_id=7,type=all,bucket=actions=output:1')
  ovs.ofctl('-OOpenFlow15', 'add-meter', mgmt, 'meter=7,kbps,band=type=drop,rate=1000')
})
afterAll(() => ovs?.stop())

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Sends messages and a barrier; gives all that the switch answers before the barrier's reply, as bytes. */
async function exchange(version: Version, requests: readonly MessageDraft[]): Promise<Uint8Array[]> {
  const socket = dial(join(ovs.dir, 'br0.mgmt'))
  const framer = new Framer()
  const answers: Uint8Array[] = []
  const barrier = 0x7fff
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', chunk => {
      for (const bytes of framer.push(chunk)) {
        const type = bytes[1]
        if (type === 0) {
          requests.forEach((m, i) => void socket.write(encode({ ...m, version, xid: i + 1 } as Message)))
          socket.write(encode({ version, type: 'barrier_request', xid: barrier }))
        } else if (type === 21) resolve()
        else answers.push(bytes.slice())
      }
    })
    socket.write(encode({ version, type: 'hello', xid: 0, versions: [version] }))
  })
  socket.destroy()
  return answers
}

const show = (value: unknown) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))

const bytesOf = (flow: Flow, version: Version) => {
  const w = new Writer()
  writeMatch(w, flow.match, version)
  const middle = w.length
  writeInstructions(w, flow.actions, version)
  const bytes = w.take()
  return { match: hex(bytes.subarray(0, middle)), instructions: hex(bytes.subarray(middle)) }
}

/** Installs flows, each in a place of its own, and reads them back; errors name the flow that was refused. */
async function installed(flows: readonly Flow[], version: Version): Promise<FlowStats[]> {
  await exchange(version, [{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] } as MessageDraft])
  const adds = flows.map(flow => ({ type: 'flow_mod', command: 'add', ...flow }) as MessageDraft)
  const errors = (await exchange(version, adds)).map(bytes => {
    const message = decode(bytes)
    return message.type === 'error' ? `${String(message.error)}: ${show(flows[message.xid - 1])}` : message.type
  })
  expect(errors).toEqual([])
  const replies = await exchange(version, [{ type: 'flow_stats_request', table: 255, match: {} } as MessageDraft])
  const found: FlowStats[] = []
  for (const bytes of replies) {
    const reply = decode(bytes)
    expect(hex(encode(reply)), 'a reply that was read and written again').toBe(hex(bytes))
    if (reply.type === 'flow_stats_reply') found.push(...reply.entries)
  }
  return found.sort((a, b) => Number(a.cookie - b.cookie))
}

async function expectSame(flows: readonly Flow[], version: Version): Promise<void> {
  for (const flow of flows) checkFlow(flow, version)
  const numbered = flows.map((flow, i) => ({ ...flow, table: 1, priority: i + 1, cookie: BigInt(i + 1) }))
  const found = await installed(numbered, version)
  expect(found.map(f => f.cookie)).toEqual(numbered.map(f => f.cookie))
  numbered.forEach((flow, i) => {
    expect(bytesOf(found[i] as Flow, version), show(flow)).toEqual(bytesOf(flow, version))
  })
}

const base: { readonly [needs: string]: Match } = {
  none: {},
  ethernet: {},
  vlan: { vlan_vid: 0x1005 },
  arp: { eth_type: 0x0806 },
  ip: { eth_type: 0x0800 },
  ipv4: { eth_type: 0x0800 },
  ipv6: { eth_type: 0x86dd },
  mpls: { eth_type: 0x8847 },
  nsh: { eth_type: 0x894f },
  tcp: { eth_type: 0x86dd, nw_proto: 6 },
  udp: { eth_type: 0x0800, nw_proto: 17 },
  sctp: { eth_type: 0x0800, nw_proto: 132 },
  icmp: { eth_type: 0x0800, nw_proto: 1 },
  icmp6: { eth_type: 0x86dd, nw_proto: 58 },
  nd: { eth_type: 0x86dd, nw_proto: 58, icmpv6_type: 135 },
  ndSolicit: { eth_type: 0x86dd, nw_proto: 58, icmpv6_type: 135 },
  ndAdvert: { eth_type: 0x86dd, nw_proto: 58, icmpv6_type: 136 },
}

/** What must be matched for a field to be matched. */
function prerequisites(name: string, row: FieldRow): Match {
  if (row.needs !== 'ct') return base[row.needs ?? 'none'] as Match
  const eth_type = name.includes('ipv6') ? 0x86dd : 0x0800
  const tracked = { eth_type, ct_state: masked(0x21, 0x21) }
  return name.startsWith('ct_tp') ? { ...tracked, ct_nw_proto: 6 } : tracked
}

const special: { readonly [name: string]: number } = {
  eth_type: 0x0806,
  vlan_vid: 0x1005,
  vlan_tci: 0x1005,
  nsh_mdtype: 1,
  ct_state: 0x21,
  nd_reserved: 5,
  packet_type: 0,
  in_port: 2,
  in_port_oxm: 2,
  actset_output: 2,
  ip_frag: 1,
  nw_tos: 4,
  arp_op: 2,
}

const whole = (name: string, row: FieldRow) => {
  if (row.value === 'mac') return '0a:1b:2c:3d:4e:5f'
  if (row.value === 'ipv4') return '10.1.2.3'
  if (row.value === 'ipv6') return 'fe80::1:2:3:4'
  if (row.value === 'bytes') return new Uint8Array([1, 2, 3, 4])
  if (row.value === 'big') return row.bits === 64 ? 0x0102030405060708n : 0x0102030405060708090a0b0c0d0e0f10n
  return special[name] ?? 1
}

const part = (name: string, row: FieldRow) => {
  if (row.value === 'mac') return masked('01:00:00:00:00:00', '01:00:00:00:00:00')
  if (row.value === 'ipv4') return masked('10.1.2.0', '255.255.255.1')
  if (row.value === 'ipv6') return masked('fe80::', 'ffff::f')
  if (row.value === 'bytes') return { value: new Uint8Array([1, 0, 0, 4]), mask: new Uint8Array([255, 0, 0, 255]) }
  if (row.value === 'big') return masked(0x0f0n, 0xff0n)
  return masked(special[name] ?? 1, name === 'vlan_vid' || name === 'vlan_tci' ? 0x1005 : 1)
}

// Open vSwitch keeps these to itself (OFPBRC_EPERM).
const unmatchable = new Set(['recirc_id', 'dp_hash'])
// Open vSwitch gives an exact match on these back with the value as its mask.
const bentMasks = new Set(['tun_erspan_ver', 'tun_erspan_dir', 'tun_erspan_hwid', 'tun_gtpu_flags', 'tun_gtpu_msgtype'])

const names = Object.keys(fields) as FieldName[]
const matchable = names.filter(name => {
  const row: FieldRow = fields[name]
  if (row.isForeign || row.codes.length === 0 || unmatchable.has(name) || bentMasks.has(name)) return false
  return !name.startsWith('tun_metadata') || name === 'tun_metadata0'
})

describeOvs('flows come back as they were given', () => {
  test.each([4, 5, 6] as const)('every field, version %i', async version => {
    const flows: Flow[] = []
    for (const name of matchable) {
      const row: FieldRow = fields[name]
      if (name === 'packet_type' && version < 6) continue
      const given = prerequisites(name, row)
      flows.push({ match: { ...given, [name]: whole(name, row) } as Match, actions: [] })
      if (row.maskable) flows.push({ match: { ...given, [name]: part(name, row) } as Match, actions: [] })
    }
    expect(flows.length).toBeGreaterThan(150)
    await expectSame(flows, version)
  })

  test.each([4, 5, 6] as const)('any combination of fields, version %i', async version => {
    const pick = random(version)
    const one = <T>(list: readonly T[]): T => list[pick(list.length)] as T
    const always = matchable.filter(name => !('needs' in fields[name]) && !/^packet_type|^in_port_oxm|^x/.test(name))
    const flows = Array.from({ length: 400 }, () => {
      const needs = one([
        'ethernet',
        'vlan',
        'arp',
        'ipv4',
        'ipv6',
        'mpls',
        'tcp',
        'udp',
        'sctp',
        'icmp',
        'icmp6',
        'ndSolicit',
      ])
      const given = base[needs] as Match
      const isIp = given.eth_type === 0x0800 || given.eth_type === 0x86dd
      const fitting = matchable.filter(name => {
        const row: FieldRow = fields[name]
        if (name === 'vlan_tci' || name === 'nw_tos' || (name === 'vlan_pcp' && needs !== 'vlan')) return false
        return row.needs === needs || row.needs === 'ethernet' || (row.needs === 'ip' && isIp)
      })
      const match: Record<string, unknown> = {}
      for (const name of [
        ...Array(pick(7))
          .fill(0)
          .map(() => one(always)),
        ...Array(pick(4))
          .fill(0)
          .map(() => one(fitting)),
      ]) {
        const row: FieldRow = fields[name]
        match[name] = row.maskable && pick(2) ? part(name, row) : whole(name, row)
      }
      return { match: { ...match, ...given } as Match, actions: [] }
    })
    const distinct = [...new Map(flows.map(flow => [bytesOf(flow, version).match, flow])).values()]
    expect(distinct.length).toBeGreaterThan(250)
    await expectSame(distinct, version)
  })

  test('the quirks of exact matches on ERSPAN and GTP-U', async () => {
    const flows = [...bentMasks].map(name => ({ match: { [name]: masked(1, 1) } as Match, actions: [] }))
    await expectSame(flows, 6)
  })

  test.each([4, 5, 6] as const)('every field that can be written, version %i', async version => {
    const flows: Flow[] = []
    for (const name of names) {
      const row: FieldRow = fields[name]
      if (!row.writable || row.codes.length === 0 || (name.startsWith('tun_metadata') && name !== 'tun_metadata0'))
        continue
      // Conntrack's own are written inside of ct alone, which `every action` does.
      if (name === 'in_port_oxm' || name === 'in_port' || name === 'ct_mark' || name === 'ct_label') continue
      const match = { in_port: 1, ...(name === 'vlan_vid' ? base.vlan : prerequisites(name, row)) }
      const value = whole(name, row)
      flows.push({ match, actions: [{ type: 'set_field', field: name, value } as Action] })
      if (!row.maskable || name === 'vlan_vid') continue
      const some = part(name, row)
      flows.push({ match, actions: [{ type: 'set_field', field: name, ...some } as Action] })
    }
    expect(flows.length).toBeGreaterThan(90)
    await expectSame(flows, version)
  })

  test.each([4, 5, 6] as const)('every action, version %i', async version => {
    await expectSame(allActions(version), version)
  })
})

const output = { type: 'output', port: 1 } as const
const refused: readonly (readonly [string, string, Match, ...Action[]])[] = [
  ['match.ip_src', 'ip_src needs', { ip_src: '10.0.0.1' }],
  ['match.ip_src', 'ip_src needs', { eth_type: 0x0806, ip_src: '10.0.0.1' }],
  ['match.arp_tpa', 'arp_tpa needs', { eth_type: 0x0800, arp_tpa: '10.0.0.1' }],
  ['match.tcp_dst', 'tcp_dst needs', { eth_type: 0x0800, nw_proto: 17, tcp_dst: 80 }],
  ['match.nd_sll', 'nd_sll needs', { eth_type: 0x86dd, nw_proto: 58, icmpv6_type: 136, nd_sll: '00:00:00:00:00:01' }],
  ['match.vlan_pcp', 'vlan_pcp needs', { vlan_pcp: 3 }],
  ['match.ct_nw_src', 'ct_nw_src needs', { eth_type: 0x0800, ct_nw_src: '10.0.0.1' }],
  ['match.eth_type', 'eth_type cannot have a mask', { eth_type: { value: 0x0800, mask: 0xff00 } }],
  ['match.ip_dscp', '64 is more', { eth_type: 0x0800, ip_dscp: 64 }],
  ['match.mpls_bos', '2 is more', { eth_type: 0x8847, mpls_bos: 2 }],
  ['actions[0]', 'eth_type cannot be written', {}, { type: 'set_field', field: 'eth_type', value: 0x0800 }],
  ['actions[1]', 'ip_src needs', {}, output, { type: 'set_field', field: 'ip_src', value: '10.0.0.1' }],
  ['actions[0]', 'tun_gtpu_flags cannot be written', {}, { type: 'move', src: 'reg0[0..7]', dst: 'tun_gtpu_flags' }],
  ['actions[0]', 'arp_sha needs', {}, { type: 'move', src: 'arp_sha', dst: 'eth_src' }],
  ['actions[0]', 'writing vlan_vid', {}, { type: 'set_field', field: 'vlan_vid', value: 0x1001 }],
  ['actions[0]', 'ct_mark cannot be written outside', {}, { type: 'set_field', field: 'ct_mark', value: 1 }],
  ['actions[0]', 'dec_ttl needs', {}, { type: 'dec_ttl' }],
  ['actions[0]', 'ct needs', {}, { type: 'ct' }],
  ['actions[0].force', 'needs commit', { eth_type: 0x0800 }, { type: 'ct', force: true }],
  ['actions[0].port', 'no output', {}, { type: 'output', port: 0xffffffff }],
  ['actions[0].table', 'does not come after', {}, { type: 'goto_table', table: 1 }],
  ['actions[1]', 'only note can', {}, { type: 'conjunction', id: 1, clause: 0, clauses: 2 }, output],
]

describeOvs('what is refused here is refused there', () => {
  const cases = refused.map(([path, text, match, ...actions]) => ({ path, text, match, actions }))
  test.each(cases)('$path: $text', async ({ path, text, match, actions }) => {
    const flow: Flow = { table: 1, match, actions }
    expect(() => checkFlow(flow, 6)).toThrow(new RegExp(`^${path.replaceAll(/[[\].]/g, '\\$&')}: .*${text}`))
    const [answer] = await exchange(6, [{ type: 'flow_mod', command: 'add', ...flow } as MessageDraft])
    expect(answer && decode(answer).type).toBe('error')
  })
})
