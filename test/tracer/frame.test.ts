// Frames that a trace sends, read by Open vSwitch: each has the fields that were asked for, and right checksums.
import { join } from 'node:path'
import { type Match, parseMatch } from 'node-openflow/flow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import { CannotFrame, frameOf } from '#tracer/frame'
import { patternOf } from '#tracer/packet'
import { dice, randomFrame, randomModel } from './random.ts'
import { openUnixctl, type Unixctl } from './unixctl.ts'

/** Fields with values that are not 0, as words. */
const wordsOf = (match: Match) => {
  const { words, values } = patternOf(match)
  return Object.fromEntries(words.map((word, i) => [word, values[i]]).filter(([, value]) => value !== 0))
}

describeOvs('frames', () => {
  let ovs: Ovs
  let unixctl: Unixctl
  beforeAll(async () => {
    ovs = await startOvs()
    await ovs.vsctl(
      ...[
        'add-br',
        'br',
        '--',
        'add-port',
        'br',
        'p1',
        '--',
        'set',
        'Interface',
        'p1',
        'type=dummy',
        'ofport_request=1',
      ],
    )
    unixctl = await openUnixctl(join(ovs.dir, 'ovs-vswitchd.ctl'))
  })
  afterAll(async () => {
    unixctl?.close()
    await ovs?.stop()
  })

  test('are what the switch reads as the packets asked for', async () => {
    const roll = dice(3)
    const model = randomModel(roll)
    let made = 0
    for (let i = 0; i < 500; i++) {
      const packet = randomFrame(roll, model, roll.one(model.records.port))
      if (roll.chance(0.2)) Object.assign(packet, { vlan_vid: 0x1000 | roll.below(4096) })
      let frame: Uint8Array
      try {
        frame = frameOf(packet)
      } catch (error) {
        expect(error).toBeInstanceOf(CannotFrame)
        continue
      }
      const text = await unixctl.call('ofproto/trace', 'br', 'in_port=1', Buffer.from(frame).toString('hex'))
      const flow = /^Flow: (.*)$/m.exec(text)?.[1] ?? ''
      const { nd_sll, nd_tll, ...read } = parseMatch(flow.replaceAll(/\b(vlan_tci1)=\w+,?/g, ''))
      const option = read.icmpv6_type === 136 ? { nd_tll } : { nd_sll }
      const seen = Object.fromEntries(Object.entries({ ...read, ...option }).filter(([, value]) => value !== undefined))
      expect(wordsOf(seen as Match), flow).toEqual(wordsOf({ in_port: 1, ...packet }))
      made++
    }
    expect(made).toBeGreaterThan(300)
  })
})

const checksumOf = (bytes: Buffer): number => {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2)
    sum += bytes.readUInt8(i) * 256 + (i + 1 < bytes.length ? bytes.readUInt8(i + 1) : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

test('have checksums that add up', () => {
  const ends = { eth_src: '02:00:00:00:00:01', eth_dst: '02:00:00:00:00:02', nw_ttl: 64 }
  const v4 = { ...ends, eth_type: 0x0800, ip_src: '10.0.0.1', ip_dst: '10.0.0.2' }
  const v6 = { ...ends, eth_type: 0x86dd, ipv6_src: 'fd00::1', ipv6_dst: 'fd00::2' }
  for (const [packet, proto] of [
    [{ ...v4, nw_proto: 6, tcp_src: 1, tcp_dst: 80, tcp_flags: 2 }, 6],
    [{ ...v4, nw_proto: 17, udp_src: 1, udp_dst: 53 }, 17],
    [{ ...v4, nw_proto: 1, icmp_type: 8, icmp_code: 0 }, 1],
  ] as const) {
    const ip = Buffer.from(frameOf(packet as Match)).subarray(14)
    expect(checksumOf(ip.subarray(0, 20))).toBe(0xffff)
    const segment = ip.subarray(20, ip.readUInt16BE(2))
    const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, proto, 0, segment.length])])
    expect(checksumOf(proto === 1 ? segment : Buffer.concat([pseudo, segment]))).toBe(0xffff)
  }
  for (const [packet, proto] of [
    [{ ...v6, nw_proto: 6, tcp_src: 1, tcp_dst: 80, tcp_flags: 2 }, 6],
    [{ ...v6, nw_proto: 58, icmpv6_type: 128, icmpv6_code: 0 }, 58],
  ] as const) {
    const ip = Buffer.from(frameOf(packet as Match)).subarray(14)
    const segment = ip.subarray(40, 40 + ip.readUInt16BE(4))
    const pseudo = Buffer.concat([ip.subarray(8, 40), Buffer.from([0, 0, 0, segment.length, 0, 0, 0, proto])])
    expect(checksumOf(Buffer.concat([pseudo, segment]))).toBe(0xffff)
  }
})
