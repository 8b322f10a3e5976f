// What ovs-ofctl and Open vSwitch say to each other, recorded on its way: each message, of either side, decodes to
// something known and encodes to the same bytes.

import { execFile } from 'node:child_process'
import { createServer, connect as dial } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, decode, encode, Framer } from 'node-openflow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addBridge, describeOvs, hasOvs, type Ovs, startOvs } from './ovs.ts'
import { until } from './peer.ts'

const run = promisify(execFile)

let ovs: Ovs
let recorded: Uint8Array[] = []
let stop: () => void = () => {}

beforeAll(async () => {
  if (!hasOvs) return
  ovs = startOvs()
  addBridge(ovs, 'br0', 3)
  // A switch in the middle: what comes in at one side goes out at the other, and is noted down.
  const server = createServer(client => {
    const upstream = dial(join(ovs.dir, 'br0.mgmt'))
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const framer = new Framer()
      from.on('data', chunk => {
        for (const message of framer.push(chunk)) recorded.push(message.slice())
        to.write(chunk)
      })
      from.on('close', () => to.destroy())
      from.on('error', () => {})
    }
  })
  await new Promise<void>(resolve => server.listen(join(ovs.dir, 'middle'), resolve))
  stop = () => server.close()
})
afterAll(() => {
  stop()
  ovs?.stop()
})

const packet = '50540000000a50540000000908004500001c00000000401100000a0000010a0000020035003500080000'

/** Commands, and the versions in which they make sense. */
const commands: readonly (readonly [string, readonly number[], ...string[]])[] = [
  ['show', [3, 4, 5]],
  ['dump-desc', [3, 4, 5]],
  ['dump-tables', [3, 4, 5]],
  ['dump-table-features', [3, 4, 5]],
  ['dump-table-desc', [4, 5]],
  ['mod-table', [4, 5], '3', 'evict'],
  ['mod-table', [4, 5], '3', 'vacancy:20,80'],
  ['dump-table-desc', [4, 5]],
  ['mod-table', [4, 5], '3', 'noevict'],
  ['get-frags', [3, 4, 5]],
  ['set-frags', [3, 4, 5], 'nx-match'],
  ['set-frags', [3, 4, 5], 'normal'],
  ['dump-ports-desc', [3, 4, 5]],
  ['dump-ports-desc', [5], '2'],
  ['dump-ports', [3, 4, 5]],
  ['mod-port', [3, 4, 5], '1', 'no-flood'],
  ['mod-port', [3, 4, 5], '1', 'flood'],
  ['queue-stats', [3, 4, 5]],
  ['queue-get-config', [3, 4, 5], '1'],
  ['add-group', [3, 4, 5], 'group_id=1,type=select,bucket=weight:3,actions=output:1,bucket=weight:4,actions=output:2'],
  [
    'add-group',
    [5],
    'group_id=2,type=select,selection_method=hash,fields(ip_dst,nw_proto,tcp_src,eth_src),bucket=actions=1',
  ],
  ['add-group', [5], 'group_id=3,type=ff,bucket=bucket_id:7,watch_port:2,actions=output:2'],
  ['insert-buckets', [5], 'group_id=1,command_bucket_id=first,bucket=bucket_id:9,actions=output:3'],
  ['remove-buckets', [5], 'group_id=1,command_bucket_id=9'],
  ['dump-groups', [3, 4, 5]],
  ['dump-groups', [5], '2'],
  ['dump-group-stats', [3, 4, 5]],
  ['dump-group-features', [3, 4, 5]],
  ['add-meter', [3, 4, 5], 'meter=1,kbps,burst,stats,band=type=drop,rate=1000,burst_size=200'],
  ['add-meter', [3, 4, 5], 'meter=2,pktps,bands=type=drop,rate=10'],
  ['dump-meters', [3, 4, 5]],
  ['meter-stats', [3, 4, 5]],
  ['meter-features', [3, 4, 5]],
  [
    'add-flow',
    [3, 4, 5],
    'table=1,priority=5,cookie=0x1234,idle_timeout=60,ip,nw_dst=10.0.0.0/8,actions=meter:1,group:1',
  ],
  [
    'add-flow',
    [3, 4, 5],
    'table=2,tcp,ct_state=+trk+est,tp_dst=80,actions=ct(commit,zone=5,exec(set_field:1->ct_mark)),resubmit(,3)',
  ],
  [
    'add-flow',
    [3, 4, 5],
    'table=3,in_port=1,actions=learn(table=4,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])',
  ],
  [
    'add-flow',
    [3, 4, 5],
    'table=4,ipv6,reg0=0x5/0xf,actions=move:NXM_NX_REG0[0..7]->NXM_NX_REG1[8..15],controller(userdata=01.02,pause)',
  ],
  [
    'add-flow',
    [4, 5],
    'table=5,importance=7,send_flow_rem,metadata=0x1/0x3,actions=write_metadata:0x5/0x7,goto_table:6',
  ],
  ['dump-flows', [3, 4, 5]],
  ['dump-flows', [3, 4, 5], 'table=1,ip,cookie=0x1234/-1,out_port=1'],
  ['dump-aggregate', [3, 4, 5]],
  ['mod-flows', [3, 4, 5], 'table=1,ip,actions=drop'],
  ['--strict', [3, 4, 5], 'del-flows', 'table=9,priority=7,arp'],
  ['packet-out', [3, 4, 5], `in_port=1,packet=${packet},actions=output:2`],
  ['packet-out', [5], `in_port=1,metadata=0x7,reg1=3,packet=${packet},actions=output:2`],
  ['add-tlv-map', [3, 4, 5], '{class=0xffff,type=1,len=8}->tun_metadata2'],
  ['dump-tlv-map', [3, 4, 5]],
  ['add-flow', [3, 4, 5], 'table=7,tun_metadata2=0x1234/0xffff,actions=set_field:0x77->tun_metadata2,output:1'],
  ['dump-flows', [3, 4, 5], 'table=7'],
  ['del-flows', [3, 4, 5], 'table=7'],
  ['del-tlv-map', [3, 4, 5], '{class=0xffff,type=1,len=8}->tun_metadata2'],
  ['ct-flush', [3, 4, 5], 'zone=5', 'ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80'],
  ['ct-flush', [3, 4, 5]],
  ['dump-ipfix-bridge', [3, 4, 5]],
  ['del-meters', [3, 4, 5]],
  ['del-groups', [3, 4, 5]],
  ['del-flows', [3, 4, 5]],
]

const nameOf = (command: readonly string[]) => command.join(' ').slice(0, 90)

describeOvs('a recording of ovs-ofctl', () => {
  describe.each([3, 4, 5])('in OpenFlow 1.%i', minor => {
    test.each(
      commands
        .filter(c => c[1].includes(minor))
        .map(([command, , ...args]) => [nameOf([command, ...args]), command, args] as const),
    )('%s', async (_, command, args) => {
      recorded = []
      const place = [`unix:${join(ovs.dir, 'middle')}`]
      const words = command.startsWith('--')
        ? [command, args[0] as string, ...place, ...args.slice(1)]
        : [command, ...place, ...args]
      // Some are refused, which is an answer too.
      await run(
        'ovs-ofctl',
        [`-OOpenFlow1${minor}`, '--bundle', ...words].filter(w => w !== '--bundle' || /flow/.test(command)),
      ).catch(() => {})
      expect(recorded.length).toBeGreaterThan(2)
      expectSame()
    })

    test.each(['standard', 'nxt', 'nxt2'] as const)('what comes unasked, packets as %s', async packetInFormat => {
      recorded = []
      const versions = [(minor + 1) as 4 | 5 | 6]
      const connection = await connect({ path: join(ovs.dir, 'middle') }, { versions })
      connection.onPacketIn(() => {})
      connection.send({ type: 'set_config', fragments: 'normal', missSendLen: 0xffff })
      connection.send({ type: 'set_packet_in_format', packetInFormat })
      const all = ['initial', 'add', 'removed', 'modify', 'instructions', 'only_own'] as const
      const entries = [{ id: 1, command: 'add', flags: all, match: {} }] as const
      await connection.request({ type: 'flow_monitor_request', entries })
      const ofctl = (command: string, ...words: string[]) =>
        ovs.ofctl('-OOpenFlow15', command, join(ovs.dir, 'br0.mgmt'), ...words)
      const has = (type: string) => recorded.some(bytes => decode(bytes).type === type)
      ofctl('add-flow', 'send_flow_rem,in_port=1,actions=set_field:7->reg3,controller(userdata=01.02)')
      let times = 0
      await until(() => {
        if (times++ % 10 === 0) ovs.appctl('netdev-dummy/receive', 'br0-p1', frame)
        return has('packet_in')
      }, 'a packet')
      ofctl('del-flows', 'in_port=1')
      ofctl('mod-port', '2', 'down')
      ofctl('mod-port', '2', 'up')
      await until(() => has('flow_removed') && has('port_status') && has('flow_monitor_reply'), 'the rest')
      await connection.close()
      expectSame()
    })
  })
})

const frame = 'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a),eth_type(0x1234)'

function expectSame(): void {
  for (const bytes of recorded) {
    const message = decode(bytes)
    expect(message.type).not.toMatch(/^(unknown|experimenter)/)
    expect(Buffer.from(encode(message)).toString('hex')).toBe(Buffer.from(bytes).toString('hex'))
    expect(JSON.stringify(message, (_key, v) => (typeof v === 'bigint' ? `${v}` : v))).not.toMatch(/"type":"raw/)
  }
}
