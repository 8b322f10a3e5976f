// Actions that no table of ours uses, or not in every form, as the tracer carries them out and as ofproto/trace does.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Match, parseFlow, parseGroup, parseMatch } from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import { FlowIndex, givenStates, type TraceFlow, trace, type World } from '#tracer'
import { readOfprotoTrace } from './ofproto-trace.ts'
import { exactFlow, expectSame } from './passes.ts'
import { openUnixctl, type Unixctl } from './unixctl.ts'

const PORTS = [1, 2, 3, 4]
const TCP =
  'in_port=1,tcp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1000,tp_dst=80'
const TAGGED = `${TCP},dl_vlan=5,dl_vlan_pcp=3`
const ARP = 'in_port=2,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=02:00:00:00:00:01'

const GROUPS = [
  'group_id=1,type=all,bucket=actions=set_field:7->reg1,output:2,bucket=actions=output:3',
  'group_id=2,type=indirect,bucket=actions=push_vlan:0x8100,set_field:4099->vlan_vid,output:4',
]

/** What is tried: a name, flows, and the packets that meet them. */
const cases: readonly (readonly [name: string, flows: readonly string[], packets: readonly string[]])[] = [
  [
    'registers in parts and side by side',
    [
      'actions=load:0x12345678->NXM_NX_REG0[],move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31],set_field:0x30f/0xf0f->reg2,set_field:0x1122334455667788->xreg2,move:NXM_NX_XXREG1[32..63]->NXM_NX_REG9[],load:1->NXM_NX_REG10[7],set_field:0x5/0xff->metadata,output:2',
    ],
    [TCP],
  ],
  [
    'headers of a packet that has them, and of one that has not',
    [
      'tcp actions=set_field:10.9.9.9->ip_dst,mod_dl_src:02:aa:aa:aa:aa:aa,mod_nw_tos:64,mod_nw_ttl:9,set_field:81->tcp_dst,load:0x3->NXM_NX_IP_ECN[],move:NXM_OF_IP_SRC[]->NXM_NX_REG4[],output:2',
      'arp actions=load:2->NXM_OF_ARP_OP[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],move:NXM_OF_ETH_DST[]->NXM_NX_ARP_SHA[],IN_PORT',
    ],
    [TCP, TAGGED, ARP],
  ],
  [
    'VLAN tags pushed, popped and set',
    [
      'vlan_tci=0x1000/0x1000 actions=pop_vlan,output:2,push_vlan:0x8100,set_field:4103->vlan_vid,set_field:2->vlan_pcp,output:3,pop_vlan,output:4',
      'vlan_tci=0/0x1000 actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:2,mod_vlan_vid:9,output:3',
    ],
    [TCP, TAGGED],
  ],
  [
    'a look into other tables and back, as from another port',
    [
      'actions=set_field:1->reg0,resubmit(3,5),resubmit(,6),output:4,goto_table:7',
      'table=5,in_port=3 actions=set_field:2->reg1,output:2',
      'table=5,in_port=1 actions=output:3',
      'table=6,reg1=2 actions=set_field:3->reg2,output:3',
      'table=7,reg2=3,reg0=1 actions=IN_PORT',
    ],
    [TCP],
  ],
  [
    'a port that the packet came in by, in a register, or too high',
    [
      'actions=output:1,load:2->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15],load:1->NXM_NX_REG0[],output:NXM_NX_REG0[],set_field:0x12345->reg1,output:NXM_NX_REG1[],load:0->NXM_OF_IN_PORT[],output:1',
    ],
    [TCP],
  ],
  [
    'TTL counted down, and used up',
    ['ip actions=dec_ttl,output:2,resubmit(,1),output:3', 'table=1,ip actions=dec_ttl,dec_ttl,output:4'],
    [TCP.replace('nw_ttl=64', 'nw_ttl=3'), TCP.replace('nw_ttl=64', 'nw_ttl=2'), TCP],
  ],
  [
    'copies',
    ['actions=clone(set_field:5->reg0,push_vlan:0x8100,set_field:4100->vlan_vid,output:2),output:3'],
    [TCP, TAGGED],
  ],
  ['an exit from within', ['actions=output:2,resubmit(,1),output:3', 'table=1 actions=output:4,exit,output:2'], [TCP]],
  ['groups', ['actions=group:1,group:2,output:3'], [TCP, TAGGED]],
  [
    'the stack',
    [
      'actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],load:6->NXM_NX_REG0[],push:NXM_NX_REG0[0..3],pop:NXM_NX_REG1[0..3],pop:NXM_NX_REG2[],output:2',
    ],
    [TCP],
  ],
  [
    'connection tracking in the middle',
    [
      'ct_state=-trk,ip actions=load:7->NXM_NX_REG0[],ct(commit,zone=NXM_NX_REG0[0..15],table=4,exec(load:9->NXM_NX_CT_MARK[],move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[32..63])),output:2',
      'table=4,ct_zone=7,ct_mark=9,ct_state=+new+trk,ip actions=move:NXM_NX_CT_LABEL[32..63]->NXM_NX_REG5[],ct_clear,resubmit(,5),output:3',
      'table=5,ct_state=-trk actions=output:4',
    ],
    [TCP],
  ],
  [
    'learning, notes and more that changes nothing',
    [
      'actions=learn(table=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),note:01.02,set_queue:1,pop_queue,output:2',
    ],
    [TCP],
  ],
  ['the controller', ['actions=controller(max_len=64,userdata=01.02),output:2,CONTROLLER:128'], [TCP]],
  ['no flow', ['priority=5,in_port=4 actions=output:1'], [TCP]],
  [
    'the first of several ports that lives, and none',
    [
      'actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG3[16..31],members:9,3,2),bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG4[],members:8,9),output:NXM_NX_REG3[16..31]',
    ],
    [TCP, ARP],
  ],
  [
    'parts of addresses and of the port that it came in by',
    [
      'actions=move:NXM_OF_ETH_DST[16..39]->NXM_NX_REG13[0..23],move:NXM_OF_ETH_DST[0..15]->NXM_NX_REG3[16..31],move:NXM_OF_IN_PORT[0..13]->NXM_NX_REG1[0..13],set_field:02:00:00:00:00:00->eth_dst,move:NXM_NX_REG13[0..7]->NXM_OF_ETH_DST[16..23],set_field:0->in_port,output:1,output:2',
    ],
    [TCP, TAGGED, ARP],
  ],
  [
    'translation, and what comes after it here and where it resumes',
    [
      'ct_state=-trk,tcp actions=ct(commit,zone=9,nat(src=192.0.2.1-192.0.2.2:1024-2047),table=4),resubmit(,5)',
      'ct_state=-trk,icmp actions=ct(commit,zone=9,nat(src=192.0.2.1-192.0.2.2),table=4),resubmit(,5)',
      'table=4,ct_state=+trk,ip actions=ct_clear,ct(commit,zone=9,nat(dst=10.0.0.7),table=5),output:3',
      'table=5,ct_state=-trk,ip actions=ct(nat,zone=8),output:4',
      'table=5,priority=1 actions=ct_clear,set_field:0->in_port,output:1',
    ],
    [TCP, 'in_port=1,icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,icmp_type=8,icmp_code=0'],
  ],
  [
    'whether it is larger than a link carries',
    [
      'actions=check_pkt_larger(1500)->NXM_NX_REG2[18],resubmit(,5),output:3',
      'table=5,reg2=0x40000/0x40000 actions=controller(userdata=02.04)',
      'table=5,priority=1 actions=output:2',
    ],
    [TCP],
  ],
  [
    'fragments',
    [
      'ip,nw_frag=later actions=output:2',
      'priority=9,tcp,tp_dst=80 actions=output:3',
      'priority=1,ip,nw_frag=no actions=output:4',
    ],
    [TCP, 'in_port=1,ip,nw_proto=6,nw_frag=later', TCP.replace('tp_dst=80', 'tp_dst=81')],
  ],
]

describeOvs('actions', () => {
  let ovs: Ovs
  let unixctl: Unixctl
  const datapathPorts = new Map<string, string>()

  beforeAll(async () => {
    ovs = await startOvs()
    await ovs.vsctl(
      ...['add-br', 'br', '--', 'set', 'Bridge', 'br', 'fail_mode=secure'],
      ...PORTS.flatMap(n => [
        '--',
        'add-port',
        'br',
        `p${n}`,
        '--',
        'set',
        'Interface',
        `p${n}`,
        'type=dummy',
        `ofport_request=${n}`,
      ]),
    )
    unixctl = await openUnixctl(join(ovs.dir, 'ovs-vswitchd.ctl'))
    // A datapath that cannot compare sizes leaves that to the switch, which then takes one way and not both.
    await unixctl.call('dpif/set-dp-features', 'br', 'check_pkt_len', 'false')
    for (const [, port, datapath] of (await unixctl.call('dpif/show')).matchAll(/p(\d+) \d+\/(\d+): \(dummy\)/g))
      datapathPorts.set(datapath as string, `br ${port}`)
    for (const group of GROUPS) await ovs.ofctl('add-group', 'br', group)
  })
  afterAll(async () => {
    unixctl?.close()
    await ovs?.stop()
  })

  const groups = GROUPS.map(text => parseGroup(text))
  const worldOf = (flows: readonly TraceFlow[]): World => {
    const index = new FlowIndex(flows)
    return {
      tables: () => index,
      tableName: () => '',
      link: ({ port }) => (PORTS.includes(port) ? { type: 'interface', name: `p${port}` } : undefined),
      isLive: ({ port }) => PORTS.includes(port),
      ports: () => PORTS,
      tunnelEnd: () => undefined,
      physicalEnds: () => [],
      group: (_chassis, _bridge, id) => groups.find(group => group.groupId === id),
    }
  }

  test.each(cases)('%s', async (_name, texts, packets) => {
    const flows = texts.map((text, i) => `cookie=0x${i + 1}${text.startsWith('actions') ? ' ' : ','}${text}`)
    const file = join(ovs.dir, 'flows')
    writeFileSync(file, `${flows.join('\n')}\n`)
    await ovs.ofctl('del-flows', 'br')
    await ovs.ofctl('add-flows', 'br', file)
    const world = worldOf(flows.map(text => ({ table: 0, priority: 0x8000, cookie: 0n, ...parseFlow(text) })))
    for (const text of packets) {
      const packet: Match = parseMatch(text)
      const told = await unixctl.call('ofproto/trace', 'br', exactFlow(packet))
      const passes = readOfprotoTrace(told).map(pass => ({
        ...pass,
        outputs: pass.outputs.map(output => {
          const [port = '', ...tags] = output.split(' ')
          return [datapathPorts.get(port) ?? port, ...tags].join(' ')
        }),
      }))
      expectSame(`${text}\n${told}`, passes, trace(world, { chassis: 'c', bridge: 'br', packet }, givenStates()))
    }
  })

  test('tables that lead in a circle are given up, as the switch does', async () => {
    await ovs.ofctl('del-flows', 'br')
    await ovs.ofctl('add-flow', 'br', 'actions=output:2,resubmit(,0)')
    const told = await unixctl.call('ofproto/trace', 'br', exactFlow(parseMatch(TCP)))
    expect(told).toMatch(/over max translation depth 64/)
    const world = worldOf([{ priority: 1, cookie: 0n, table: 0, ...parseFlow('actions=output:2,resubmit(,0)') }])
    const { outcomes } = trace(world, { chassis: 'c', bridge: 'br', packet: parseMatch(TCP) })
    expect(outcomes).toMatchObject([{ type: 'lost', reason: 'more than 64 tables lead into one another' }])
  })
})
