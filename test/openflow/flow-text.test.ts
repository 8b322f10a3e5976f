// The text of flows by itself: Open vSwitch's own samples, the law that what is printed parses to the same, and texts
// that are broken.

import fc from 'fast-check'
import {
  bucketIds,
  canonicalMatch,
  type FieldName,
  type FieldRow,
  type Flow,
  fields,
  type Match,
  parseActions,
  parseFlow,
  parseFlowMod,
  parseGroup,
  parseMatch,
  printActions,
  printFlow,
  printFlowMod,
  printGroup,
  Reader,
  readInstructions,
  readOxms,
  type Version,
  Writer,
  writeActions,
  writeInstructions,
  writeOxms,
} from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import { allActions } from './flow-samples.ts'
import { flowTexts } from './flow-texts.ts'
import { syntaxSamples } from './vectors-text.ts'

/** What ofp-print calls things, in the words of add-flow. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\btable:/, 'table='],
  [/\bcookie:/g, 'cookie='],
  [/\bidle:/, 'idle_timeout='],
  [/\bhard:/, 'hard_timeout='],
  [/\bimportance:/, 'importance='],
  [/\bout_port:/, 'out_port='],
]
const commands: { readonly [word: string]: string } = {
  ADD: 'add',
  MOD: 'modify',
  MOD_STRICT: 'modify_strict',
  DEL: 'delete',
  DEL_STRICT: 'delete_strict',
}

function inOurWords(expected: string): string {
  const [, command = '', rest = ''] = /: (ADD|MOD_STRICT|MOD|DEL_STRICT|DEL) ?(.*)$/.exec(expected) ?? []
  const text = words.reduce((t, [from, to]) => t.replaceAll(new RegExp(from, 'g'), to), rest)
  return `${commands[command]} ${command.startsWith('DEL') ? text.replace(/actions=.*/, '') : text}`
}

// Old versions turn actions into others, which is said in other samples; here the match and the options count.
const withoutActions = (text: string) => text.replace(/actions=.*/, '').trim()

/** A flow as it is after its bytes. */
function readBack(flow: Flow, version: Version): Flow {
  const w = new Writer()
  writeInstructions(w, flow.actions, version)
  return { ...flow, actions: readInstructions(new Reader(w.take()), version) }
}

describe('the text of flows', () => {
  test('reads the samples of ovs-ofctl parse-flows as it does', () => {
    expect(syntaxSamples.length).toBeGreaterThan(120)
    for (const { id, input, expected } of syntaxSamples) {
      const change = parseFlowMod(input)
      const wanted = parseFlowMod(inOurWords(expected))
      expect(withoutActions(printFlowMod(change)), id).toBe(withoutActions(printFlowMod(wanted)))
    }
  })

  test('reads and prints every action as it stands in the samples', () => {
    // Open vSwitch prints nothing for `eth`, which every flow without a packet type of its own takes.
    for (const text of flowTexts(6).filter(text => !text.startsWith('eth '))) {
      const flow = parseFlow(text)
      expect(parseFlow(printFlow(flow)), text).toEqual(flow)
    }
    for (const flow of allActions(6)) {
      if (flow.actions.some(action => action.type === 'delete_field')) continue
      const printed = printFlow(flow)
      expect(printFlow(parseFlow(printed))).toBe(printed)
    }
  })

  test.each([
    [5, 0, '5s'],
    [5, 120_000_000, '5.120s'],
    [358, 115_277_000, '358.115277s'],
  ])('prints %i s and %i ns as %s', (durationSec, durationNsec, duration) => {
    const flow = { match: {}, actions: [], durationSec, durationNsec, packetCount: 7n }
    expect(printFlow(flow, { stats: true })).toBe(
      `cookie=0x0, duration=${duration}, table=0, n_packets=7, n_bytes=?, actions=drop`,
    )
  })

  test('keeps changes of flows', () => {
    for (const text of [
      'delete cookie=0x5/0xff table=3 out_port=LOCAL out_group=7 ip',
      'modify_strict cookie=0x5 table=1 priority=9,tcp,tp_dst=80 actions=output:1',
      'delete',
    ]) {
      expect(printFlowMod(parseFlowMod(text))).toBe(text)
    }
  })

  test('names ports and tables', () => {
    const names = { ports: { 1: 'vm1', 2: 'tap-2' }, tables: { 7: 'lookup' } }
    const text = 'table=lookup, in_port=vm1 actions=output:"tap-2",goto_table:lookup'
    expect(printFlow(parseFlow(text, names), { names })).toBe(
      'table=lookup, in_port=vm1 actions=output:"tap-2",goto_table:lookup',
    )
    expect(parseFlow(text, names)).toEqual(parseFlow('table=7,in_port=1 actions=output:2,goto_table:7'))
  })

  // Each as ovs-ofctl 3.1 prints it when it has been sent.
  test.each([
    ['in_port=1,actions=push_vlan:0x8100,mod_vlan_vid:100,1', 'push_vlan:0x8100,set_field:4196->vlan_vid,output:1'],
    ['dl_vlan=99,actions=mod_vlan_vid=11,1', 'set_field:4107->vlan_vid,output:1'],
    ['dl_vlan=9,actions=mod_vlan_pcp:3,1', 'set_field:3->vlan_pcp,output:1'],
    ['dl_vlan=9,actions=strip_vlan,mod_vlan_vid:3,1', 'pop_vlan,push_vlan:0x8100,set_field:4099->vlan_vid,output:1'],
    ['actions=set_field:0x1005->vlan_tci,mod_vlan_vid:3', 'set_field:0x1005->vlan_tci,set_field:4099->vlan_vid'],
    ['actions=load:1->vlan_tci[12],mod_vlan_vid:3', 'set_field:0x1000/0x1000->vlan_tci,set_field:4099->vlan_vid'],
    [
      'dl_vlan=9,actions=load:0->NXM_OF_VLAN_TCI[],mod_vlan_vid:3',
      'set_field:0->vlan_tci,push_vlan:0x8100,set_field:4099->vlan_vid',
    ],
    [
      'vlan_tci=0,actions=mod_vlan_vid:3,mod_vlan_pcp:1,1',
      'push_vlan:0x8100,set_field:4099->vlan_vid,set_field:1->vlan_pcp,output:1',
    ],
    ['udp,actions=mod_tp_dst:3773,1', 'set_field:3773->udp_dst,output:1'],
    ['tcp6,actions=clone(mod_tp_src:80),1', 'clone(set_field:80->tcp_src),output:1'],
    ['sctp,actions=mod_tp_src:1,1', 'set_field:1->sctp_src,output:1'],
  ])('takes words by what stands around them: %s', (text, expected) => {
    expect(printActions(readBack(parseFlow(text), 6).actions)).toBe(expected)
  })

  test('gives buckets what ovs-ofctl gives them: the lowest free ids, and a weight in a select group', () => {
    const ids = (text: string) => bucketIds(parseGroup(`group_id=1,type=all,${text}`).buckets)
    expect(ids('bucket=1,bucket=bucket_id:0,actions=2,bucket=bucket_id:1,actions=3')).toEqual([2, 0, 1])
    expect(ids('bucket=bucket_id:3,actions=1,bucket=2,bucket=bucket_id:0,actions=3,bucket=4')).toEqual([3, 1, 0, 2])
    const select = parseGroup('group_id=1,type=select,bucket=output:1,bucket=weight:3,actions=2')
    expect(select.buckets.map(bucket => bucket.weight)).toEqual([1, 3])
    expect(printGroup(select)).toBe('group_id=1,type=select,bucket=actions=output:1,bucket=weight:3,actions=output:2')
    expect(() => parseGroup('group_id=1,type=indirect,bucket=1,bucket=2')).toThrow('an indirect group has one bucket')
  })

  test('names ports in fields of 16 bits too, and no port as ANY', () => {
    const text =
      'set_field:LOCAL->in_port,load:0xffff->NXM_OF_IN_PORT[],set_field:LOCAL->in_port_oxm,set_field:5->in_port'
    for (const [version, load] of [
      [4, 'load:0xffff->NXM_OF_IN_PORT[]'],
      [6, 'set_field:ANY->in_port'],
    ] as const) {
      expect(printActions(readBack(parseFlow(`actions=${text}`), version).actions)).toBe(
        `set_field:LOCAL->in_port,${load},set_field:LOCAL->in_port_oxm,set_field:5->in_port`,
      )
    }
    expect(printFlow(parseFlow('in_port=NONE,actions=resubmit:NONE'))).toBe('in_port=ANY actions=resubmit:ANY')
  })

  test('has the standard fields and actions that Open vSwitch has not', () => {
    const match = 'in_phy_port=7,pbb_isid=0x5/0xff,pbb_uca=1,ipv6_exthdr=0x3/0x1ff'
    const actions = 'copy_ttl_out,copy_ttl_in,push_pbb:0x88e7,pop_pbb'
    const flow = parseFlow(`${match} actions=${actions}`)
    const w = new Writer()
    writeOxms(w, flow.match, 6)
    const [phyPort, exthdr, isid, uca] = ['8000020400000007', '80004f04000301ff', '80004b060000050000ff', '8000520101']
    expect(Buffer.from(w.take()).toString('hex')).toBe([phyPort, isid, uca, exthdr].join(''))
    expect(readOxms(new Reader(Buffer.from([phyPort, isid, uca, exthdr].join(''), 'hex')))).toEqual(flow.match)
    w.reset()
    writeActions(w, flow.actions, 6)
    expect(Buffer.from(w.take()).toString('hex')).toBe(
      '000b000800000000' + '000c000800000000' + '001a000888e70000' + '001b000800000000',
    )
    expect(printFlow(readBack(flow, 6))).toBe(
      `in_phy_port=7,ipv6_exthdr=0x3/0x1ff,pbb_isid=0x5/0xff,pbb_uca=1 actions=${actions}`,
    )
  })

  test('loads more bits than a load holds', () => {
    const wide = (text: string) => parseFlow(`actions=${text}`).actions
    expect(wide('load:0x0123456789abcdeffedcba9876543210->NXM_NX_XXREG1[]')).toEqual([
      { type: 'set_field', field: 'xxreg1', value: 0x0123456789abcdeffedcba9876543210n, form: 'load2' },
    ])
    expect(printActions(wide('load:0x1->ct_label[8..79]'))).toBe('set_field:0x100/0xffffffffffffffffff00->ct_label')
    expect(printActions(wide('load:0->tun_ipv6_src'))).toBe('set_field:::->tun_ipv6_src')
    expect(wide('load:0x11223344->tun_metadata1')).toMatchObject([{ value: Uint8Array.of(0x11, 0x22, 0x33, 0x44) }])
    for (const version of [4, 5, 6] as const) {
      const flow = parseFlow('actions=load:0x5->xxreg1,load:0x1->ct_label[8..79],load:7->tun_metadata1')
      expect(printActions(readBack(flow, version).actions)).toContain('->tun_metadata1')
    }
  })

  test.each([
    ['tcp', 'a flow needs actions'],
    ['nonsense=1 actions=drop', 'there is no field "nonsense"'],
    ['actions=fly', 'there is no action "fly"'],
    ['actions=drop,output:1', 'drop stands alone'],
    ['tcp,tp_dst=70000 actions=drop', 'tcp_dst does not fit 16 bits'],
    ['ip,nw_src=1.2.3 actions=drop', 'not a valid IPv4 address: "1.2.3"'],
    ['actions=set_field:5->nowhere', 'there is no field "nowhere"'],
    ['actions=load:0x10->reg0[0..3]', 'does not fit 4 bits'],
    ['actions=ct(commit', 'a parenthesis is not closed'],
    ['actions=conjunction(1,3/2)', 'clause 3 of 2'],
    ['cookie=1/1 actions=drop', 'a new flow has a cookie without a mask'],
  ])('says what is wrong with %s', (text, reason) => {
    expect(() => parseFlow(text)).toThrow(reason)
  })

  test('refuses actions that nest without end', () => {
    const deep = `${'clone('.repeat(50_000)}output:1${')'.repeat(50_000)}`
    expect(() => parseActions(deep)).toThrow('nested deeper')
  })
})

const protocols: readonly (readonly [Match, readonly string[]])[] = [
  [{}, ['none', 'ethernet']],
  [{ eth_type: 0x0806 }, ['none', 'ethernet', 'arp']],
  [{ eth_type: 0x0800, nw_proto: 6 }, ['none', 'ethernet', 'ip', 'ipv4', 'tcp']],
  [{ eth_type: 0x86dd, nw_proto: 17 }, ['none', 'ethernet', 'ip', 'ipv6', 'udp']],
  [{ eth_type: 0x0800, nw_proto: 132 }, ['none', 'ip', 'ipv4', 'sctp']],
  [{ eth_type: 0x0800, nw_proto: 1 }, ['none', 'ip', 'ipv4', 'icmp']],
  [{ eth_type: 0x86dd, nw_proto: 58, icmpv6_type: 135 }, ['none', 'ip', 'ipv6', 'icmp6', 'nd', 'ndSolicit']],
  [{ eth_type: 0x8847 }, ['none', 'ethernet', 'mpls']],
  [{ eth_type: 0x894f }, ['none', 'ethernet', 'nsh']],
]

// Set with the protocol, or with few values that have a text.
const leftOut =
  /^(eth_type|nw_proto|icmpv6_type|packet_type|vlan_.*|dl_vlan.*|.*port.*|actset_output|ip_frag|ct_.*|tcp_flags|tun_flags|tun_tos|nw_tos|tun_metadata.*|in_port_oxm|xx?reg.*)$/

const number = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
const padded = (value: bigint, digits: number) => value.toString(16).padStart(digits, '0')
const pairs = (text: string, size: number, joint: string) =>
  (text.match(new RegExp(`.{${size}}`, 'g')) ?? []).join(joint)

function valuesOf(row: FieldRow): fc.Arbitrary<unknown> {
  const value = number(row.bits)
  if (row.value === 'mac') return value.map(v => pairs(padded(v, 12), 2, ':'))
  if (row.value === 'ipv4') return value.map(v => [24n, 16n, 8n, 0n].map(s => (v >> s) & 255n).join('.'))
  if (row.value === 'ipv6') return value.map(v => pairs(padded(v, 32), 4, ':'))
  return row.value === 'big' ? value : value.map(Number)
}

function fieldIn(needs: readonly string[]): fc.Arbitrary<readonly [string, unknown]> {
  const names = (Object.keys(fields) as FieldName[]).filter(
    name => !leftOut.test(name) && needs.includes((fields[name] as FieldRow).needs ?? 'none'),
  )
  return fc.constantFrom(...names).chain(name => {
    const row: FieldRow = fields[name]
    const given = valuesOf(row)
    // An IPv6 address must be in canonical form, which parsing makes of it.
    const isMaskable =
      row.maskable && row.value !== 'ipv6' && row.bits >= 8 && !/^(tun_gbp_flags|tun_e|tun_gtpu)/.test(name)
    const value = isMaskable ? fc.oneof(given, fc.record({ value: given, mask: given })) : given
    return value.map(v => [name, v] as const)
  })
}

const matches = fc
  .constantFrom(...protocols)
  .chain(([base, needs]) =>
    fc
      .array(fieldIn(needs), { maxLength: 5 })
      .map(found => canonicalMatch({ ...Object.fromEntries(found), ...base } as Match)),
  )

const word16 = fc.integer({ min: 0, max: 0xffff })
const flows: fc.Arbitrary<Flow> = fc.record(
  {
    table: fc.integer({ min: 0, max: 254 }),
    priority: word16,
    cookie: number(64),
    idleTimeout: word16,
    hardTimeout: word16,
    importance: word16,
    flags: fc.integer({ min: 0, max: 31 }),
    match: matches,
    actions: fc.constantFrom(...flowTexts(6).map(text => parseFlow(text).actions)),
  },
  { requiredKeys: ['match', 'actions'] },
)

/** The flow with what is its default left out, and addresses as text gives them. */
function plain(flow: Flow): unknown {
  const { table, priority, cookie, idleTimeout, hardTimeout, importance, flags, match, actions } = flow
  return {
    ...(table && { table }),
    ...(priority !== undefined && priority !== 0x8000 && { priority }),
    ...(cookie && { cookie }),
    ...(idleTimeout && { idleTimeout }),
    ...(hardTimeout && { hardTimeout }),
    ...(importance && { importance }),
    ...(flags && { flags }),
    match: parseMatch(
      Object.entries(match)
        .filter(([, v]) => typeof v === 'string')
        .map(([k, v]) => `${k}=${v}`)
        .join(','),
    ),
    others: Object.fromEntries(Object.entries(match).filter(([, v]) => typeof v !== 'string')),
    actions,
  }
}

describe('laws', () => {
  test('what is printed parses to the same flow', () => {
    fc.assert(
      fc.property(flows, flow => {
        expect(plain(parseFlow(printFlow(flow)))).toEqual(plain(flow))
      }),
      { numRuns: 2_000 },
    )
  })

  test('a broken text ends in an EncodeError', () => {
    const samples = flowTexts(6)
    const mutant = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(20), fc.string({ maxLength: 4 }))
      .map(([text, at, cut, more]) => {
        const i = at % (text.length + 1)
        return text.slice(0, i) + more + text.slice(i + cut)
      })
    fc.assert(
      fc.property(mutant, text => {
        try {
          printActions(parseFlow(text).actions)
        } catch (error) {
          expect((error as Error).name, `${text}: ${error}`).toBe('EncodeError')
        }
      }),
      { numRuns: 20_000 },
    )
  })
})
