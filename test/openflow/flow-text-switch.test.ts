// The text of flows, groups and meters beside ovs-ofctl and a real switch: what is printed is accepted, and what is read
// back prints as ovs-ofctl prints it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, connect } from 'node-openflow'
import {
  type Flow,
  parseFlow,
  parseGroup,
  parseMeter,
  printFlow,
  printGroup,
  printMeter,
  type Version,
  Writer,
  writeInstructions,
  writeMatch,
} from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { allActions } from './flow-samples.ts'
import { flowTexts } from './flow-texts.ts'
import { addBridge, describeOvs, hasOvs, type Ovs, startOvs } from './ovs.ts'

const protocol = (version: Version) => `-OOpenFlow1${version - 1}`
let ovs: Ovs
let mgmt: string

beforeAll(() => {
  if (!hasOvs) return
  ovs = startOvs()
  addBridge(ovs, 'br0', 3)
  mgmt = join(ovs.dir, 'br0.mgmt')
  ovs.ofctl('-OOpenFlow15', 'add-tlv-map', mgmt, '{class=0xffff,type=0,len=4}->tun_metadata0')
  ovs.ofctl('-OOpenFlow15', 'add-group', mgmt, 'group_id=7,type=all,bucket=actions=output:1')
  ovs.ofctl('-OOpenFlow15', 'add-meter', mgmt, 'meter=7,kbps,band=type=drop,rate=1000')
})
afterAll(() => ovs?.stop())

const bytesOf = (flow: Flow, version: Version) => {
  const w = new Writer()
  writeMatch(w, flow.match, version)
  writeInstructions(w, flow.actions, version)
  return Buffer.from(w.take()).toString('hex')
}

async function withConnection<T>(version: Version, body: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect({ path: mgmt }, { versions: [version] })
  try {
    return await body(connection)
  } finally {
    connection.close()
  }
}

/** Puts each flow in a place of its own, in the words of ovs-ofctl. */
function install(flows: readonly Flow[], version: Version): void {
  const lines = flows.map((flow, i) => printFlow({ ...flow, table: 1, cookie: BigInt(i + 1), priority: i + 1 }))
  const file = join(ovs.dir, 'flows.txt')
  writeFileSync(file, `${lines.join('\n')}\n`)
  ovs.ofctl(protocol(version), 'parse-flows', file)
  ovs.ofctl(protocol(version), 'del-flows', mgmt)
  ovs.ofctl(protocol(version), 'add-flows', mgmt, file)
}

const byCookie = (a: string, b: string) => Number(/cookie=(\w+)/.exec(a)?.[1]) - Number(/cookie=(\w+)/.exec(b)?.[1])

async function readBack(version: Version): Promise<{ readonly texts: string[]; readonly flows: Flow[] }> {
  const dump = ovs.ofctl(protocol(version), '--no-names', '--no-stats', 'dump-flows', mgmt).split('\n')
  const texts = dump.map(line => line.trim()).filter(line => line.startsWith('cookie='))
  const reply = await withConnection(version, c => c.request({ type: 'flow_stats_request', table: 255, match: {} }))
  const flows = [...reply.entries].sort((a, b) => Number(a.cookie - b.cookie))
  return { texts: texts.sort(byCookie), flows }
}

// What text does not say: exact matches on ERSPAN come back with the value as the mask; enqueue's output has a max_len;
// the length of a tunnel option stands in the switch's table.
const unsaid = /tun_erspan|set_queue:9,output|delete_field/

describeOvs('text beside ovs-ofctl', () => {
  test.each([4, 5, 6] as const)('flows read back print as dump-flows does, version %i', async version => {
    install([...flowTexts(version).map(text => parseFlow(text)), ...allActions(version)], version)
    const { texts, flows } = await readBack(version)
    expect(flows.map(flow => printFlow(flow))).toEqual(texts)
    for (const [i, text] of texts.entries()) {
      if (unsaid.test(text)) continue
      expect(bytesOf(parseFlow(text), version), text).toBe(bytesOf(flows[i] as Flow, version))
    }
  })

  test('counters and ages', async () => {
    install([parseFlow('tcp,actions=output:1')], 6)
    const [line] = ovs
      .ofctl('-OOpenFlow14', 'dump-flows', mgmt)
      .split('\n')
      .filter(text => text.includes('cookie'))
    const reply = await withConnection(5, c => c.request({ type: 'flow_stats_request', table: 255, match: {} }))
    const [flow] = reply.entries
    const plain = (text: string | undefined) =>
      text
        ?.trim()
        .replace(/duration=[\d.]+s/, 'duration=?')
        .replace(/idle_age=\d+, /, '')
    expect(plain(printFlow(flow as Flow, { stats: true }))).toBe(plain(line))
  })

  test('groups', async () => {
    const groups = [
      'group_id=1,type=all,bucket=bucket_id:0,actions=output:1,bucket=bucket_id:5,actions=set_field:5->reg0,output:2',
      'group_id=2,type=select,bucket=weight:5,actions=output:1,bucket=actions=output:2,output:3',
      'group_id=3,type=indirect,bucket=actions=drop',
      'group_id=4,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:1,actions=group:1',
      'group_id=5,type=select,selection_method=hash,fields(ip_src,ip_dst=255.255.0.0,nw_proto),bucket=actions=output:1',
      'group_id=6,type=select,selection_method=dp_hash,selection_method_param=5,bucket=actions=output:1',
      'group_id=8,type=select,selection_method=hash,fields=eth_src,bucket=actions=output:1',
    ]
    ovs.ofctl('-OOpenFlow15', 'del-groups', mgmt)
    for (const text of groups) ovs.ofctl('-OOpenFlow15', 'add-group', mgmt, printGroup(parseGroup(text)))
    for (const version of [4, 5, 6] as const) {
      const dump = ovs.ofctl(protocol(version), 'dump-groups', mgmt).split('\n')
      const texts = dump.map(line => line.trim()).filter(line => line.startsWith('group_id'))
      const reply = await withConnection(version, c => c.request({ type: 'group_desc_request' }))
      const printed = reply.entries.map(group => printGroup(group, { bucketIds: version === 6 }))
      expect(printed.sort()).toEqual(texts.sort())
      for (const text of texts) expect(printGroup(parseGroup(text), { bucketIds: version === 6 })).toBe(text)
    }
  })

  test('meters', async () => {
    const meters = [
      'meter=1 kbps burst stats bands=type=drop rate=1000 burst_size=100',
      'meter=2 pktps bands=type=drop rate=5',
      'meter=3 kbps bands=type=dscp_remark rate=5 prec_level=2 type=drop rate=9',
    ]
    ovs.ofctl('-OOpenFlow15', 'del-meters', mgmt)
    // The dummy datapath takes one band a meter, so the last is for text alone.
    for (const text of meters.slice(0, 2)) {
      ovs.ofctl('-OOpenFlow15', 'add-meter', mgmt, printMeter(parseMeter(text), ' '))
    }
    expect(printMeter(parseMeter(meters[2] as string), ' ')).toBe(
      'meter=3 kbps bands= type=dscp_remark rate=5 prec_level=2 type=drop rate=9',
    )
    const dump = ovs.ofctl('-OOpenFlow13', 'dump-meters', mgmt)
    const reply = await withConnection(4, c => c.request({ type: 'meter_config_request' }))
    expect(dump.slice(dump.indexOf('\n') + 1).trim()).toBe(reply.entries.map(meter => printMeter(meter)).join('\n\n'))
    for (const meter of reply.entries) expect(printMeter(parseMeter(printMeter(meter)))).toBe(printMeter(meter))
  })
})
