// What the controller says by ARP and neighbour discovery, as tcpdump reads it.
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { arpRequest, gratuitousArp } from '#fabric/arp'
import { neighborSolicitation, unsolicitedAdvertisement } from '#fabric/nd'

const mac = '0a:12:34:00:00:05'

const hasTcpdump = () => {
  try {
    execFileSync('tcpdump', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A frame in words. */
const read = (frame: Buffer): string => {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65535, 16)
  header.writeUInt32LE(1, 20)
  const record = Buffer.alloc(16)
  record.writeUInt32LE(frame.length, 8)
  record.writeUInt32LE(frame.length, 12)
  const input = Buffer.concat([header, record, frame])
  return execFileSync('tcpdump', ['-nevvtr', '-'], { input, stdio: ['pipe', 'pipe', 'ignore'] })
    .toString()
    .replaceAll(/\s+/g, ' ')
}

describe.skipIf(!hasTcpdump())(hasTcpdump() ? 'frames' : 'frames (tcpdump is not installed)', () => {
  test('an ARP probe asks without telling anybody an address', () => {
    const text = read(arpRequest(mac, '203.0.113.1'))
    expect(text).toContain(`${mac} > ff:ff:ff:ff:ff:ff`)
    expect(text).toContain('Request who-has 203.0.113.1 tell 0.0.0.0, length 28')
    expect(read(arpRequest(mac, '203.0.113.1', '203.0.113.9'))).toContain('tell 203.0.113.9,')
  })

  test('a gratuitous ARP is a request for the own address', () => {
    const frame = gratuitousArp(mac, '203.0.113.7')
    expect(read(frame)).toMatch(/Announcement 203\.0\.113\.7|who-has 203\.0\.113\.7 tell 203\.0\.113\.7/)
    expect(frame.subarray(22, 28).toString('hex')).toBe('0a1234000005')
  })

  test('a neighbour solicitation goes to the group of its target, with the link-layer address to answer to', () => {
    const text = read(neighborSolicitation(mac, '2001:db8::12:3456'))
    expect(text).toContain(`${mac} > 33:33:ff:12:34:56`)
    expect(text).toContain('fe80::812:34ff:fe00:5 > ff02::1:ff12:3456: [icmp6 sum ok]')
    expect(text).toContain('hlim 255')
    expect(text).toContain('neighbor solicitation, length 32, who has 2001:db8::12:3456')
    expect(text).toContain(`source link-address option (1), length 8 (1): ${mac}`)
  })

  test('an unsolicited advertisement overrides, and says whether a router speaks', () => {
    const text = read(unsolicitedAdvertisement(mac, '2001:db8::7', true))
    expect(text).toContain(`${mac} > 33:33:00:00:00:01`)
    expect(text).toContain('2001:db8::7 > ff02::1: [icmp6 sum ok]')
    expect(text).toContain('neighbor advertisement, length 32, tgt is 2001:db8::7, Flags [router, override]')
    expect(text).toContain(`destination link-address option (2), length 8 (1): ${mac}`)
    expect(read(unsolicitedAdvertisement(mac, '2001:db8::7', false))).toContain('Flags [override]')
  })
})
