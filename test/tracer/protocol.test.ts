// Protocols as people say them to a trace.
import { expect, test } from 'vitest'
import { parseProtocol } from '#tracer/between'

test.each([
  ['tcp 443', { proto: 6, port: 443 }],
  ['6 443', { proto: 6, port: 443 }],
  ['UDP/53', { proto: 17, port: 53 }],
  ['17:53', { proto: 17, port: 53 }],
  ['sctp 3868 from 40001', { proto: 132, port: 3868, sourcePort: 40001 }],
  ['132 3868', { proto: 132, port: 3868 }],
  ['icmp', { proto: 1 }],
  ['1', { proto: 1, ipVersion: 4 }],
  ['icmpv6', { proto: 58, ipVersion: 6 }],
  ['ipv6-icmp', { proto: 58, ipVersion: 6 }],
  ['58', { proto: 58, ipVersion: 6 }],
  ['gre', { proto: 47 }],
  ['112', { proto: 112 }],
  ['arp', { proto: 'arp' }],
])('%s is understood', (text, protocol) => {
  expect(parseProtocol(text)).toEqual(protocol)
})

test.each([
  [
    'http',
    "'http' is no protocol such as 'tcp 443', 'udp 53', 'sctp 3868', icmp, icmpv6 or arp, nor the number of one",
  ],
  ['256', "'256' is no protocol"],
  ['', "'' is no protocol"],
  ['tcp', "tcp needs a port, as in 'tcp 443'"],
  ['6', "6 needs a port, as in '6 443'"],
  ['tcp 65536', 'ports end at 65535'],
  ['tcp 443 from 65536', 'ports end at 65535'],
  ['icmp 8', 'icmp has no ports'],
  ['icmp from 5', 'icmp has no ports'],
  ['0', '0 stands for every protocol'],
  ['ip', 'ip stands for every protocol'],
])('%j is refused with the reason', (text, reason) => {
  expect(() => parseProtocol(text)).toThrow(reason)
})
