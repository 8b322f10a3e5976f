/**
 * A port sends only from its own addresses, and is no DHCP server or IPv6 router.
 *
 * In:   frames of local ports with a source MAC of theirs.
 * Out:  egress_conntrack for IP, address_question for ARP, from the port's fixed addresses and allowed address pairs
 *       (each with its MAC); l2_lookup for gratuitous ARP and RARP, which must reach the others; nd_security for
 *       neighbour discovery. What ARP says of allowed address pairs is told to the controller, where routers need it. What a host sends before it has an address passes unjudged (DHCP, probes, MLD). IPv6 passes
 *       on ports that have an IPv6 address or pair.
 *
 *   table=11, priority=20,ip,reg0=0x5,dl_src=fa:16:3e:00:00:05,nw_src=10.0.0.5 actions=goto_table:20
 */
import { ARP_REQUEST, arp, drop, eth, goto, icmp6, ip, ipv6, type Match, udp, udp6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { isHost, isV6, onWire } from '../addresses.ts'
import { HOST_MESSAGES } from '../always-allowed.ts'
import { securedPort } from '../facts.ts'
import { ETH_TYPE_RARP } from '../learning.ts'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, ROUTER_ADVERTISEMENT } from '../neighbor-discovery.ts'
import { sourcePort } from '../registers.ts'
import { isVirtual, tellOf } from '../virtual-addresses.ts'
import { ndSecurity } from './12-nd-security.ts'
import { egressConntrack } from './20-egress-conntrack.ts'
import { addressQuestion } from './30-address-question.ts'
import { l2Lookup } from './60-l2-lookup.ts'

const FORBIDDEN = 40
const DISCOVERY = 35
const GRATUITOUS = 30
const OWN = 20
const UNADDRESSED = 10

const REDIRECT = 137

const forbidden: readonly Match[] = [
  udp({ udp_src: 67, udp_dst: 68 }),
  udp6({ udp_src: 547, udp_dst: 546 }),
  icmp6({ icmpv6_type: ROUTER_ADVERTISEMENT }),
  icmp6({ icmpv6_type: REDIRECT }),
]

export const addressSecurity = table('address_security', {
  bridge: 'br-int',
  number: 11,
  match: [
    ...['reg0', 'eth_type', 'eth_src', 'ip_src', 'ipv6_src', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_op'],
    ...['nw_proto', 'udp_src', 'udp_dst', 'icmpv6_type'],
  ],
  next: [ndSecurity, egressConntrack, addressQuestion, l2Lookup],
  miss: drop(),
  drops: { [FORBIDDEN]: 'forbidden', 0: 'spoofed_address' },
  fixed: [
    ...forbidden.map(match => ({ priority: FORBIDDEN, match, actions: drop() })),
    ...[NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].map(type => ({
      priority: DISCOVERY,
      match: icmp6({ icmpv6_type: type }),
      actions: [goto(ndSecurity)],
    })),
    {
      priority: UNADDRESSED,
      match: arp({ arp_spa: '0.0.0.0', arp_op: ARP_REQUEST }),
      actions: [goto(addressQuestion)],
    },
    { priority: UNADDRESSED, match: eth({ eth_type: ETH_TYPE_RARP }), actions: [goto(l2Lookup)] },
    {
      priority: UNADDRESSED,
      match: udp({ ip_src: '0.0.0.0', udp_src: 68, udp_dst: 67 }),
      actions: [goto(addressQuestion)],
    },
    ...HOST_MESSAGES.map(type => ({
      priority: UNADDRESSED,
      match: icmp6({ ipv6_src: '::', icmpv6_type: type }),
      actions: [goto(addressQuestion)],
    })),
  ],
  rules: [
    each(bindings, {
      scope: 'chassis',
      merge: 'same',
      rows: (binding, view) => {
        const port = securedPort(binding, view)
        if (port === undefined) return []
        return port.senders.map(sender => ({ in: binding.chassis, port: port.key, ...sender }))
      },
      example: { in: 'host1', port: 5, mac: 'fa:16:3e:00:00:05', ip: '10.0.0.5' },
      flow: row => ({
        priority: OWN,
        match: isV6(row.ip)
          ? ipv6({ ...sourcePort.is(row.port), eth_src: row.mac, ipv6_src: onWire(row.ip) })
          : ip({ ...sourcePort.is(row.port), eth_src: row.mac, ip_src: onWire(row.ip) }),
        actions: [goto(egressConntrack)],
      }),
    }),
    each(bindings, {
      scope: 'chassis',
      merge: 'same',
      rows: (binding, view) => {
        const port = securedPort(binding, view)
        if (port === undefined) return []
        return port.senders.flatMap(sender => {
          const { mac, ip } = sender
          if (isV6(ip)) return []
          const row = { in: binding.chassis, port: port.key, mac, ip, isVirtual: isVirtual(sender, port, view) }
          const question = { ...row, gratuitous: false }
          return isHost(ip) ? [question, { ...row, gratuitous: true }] : question
        })
      },
      example: { in: 'host1', port: 5, mac: 'fa:16:3e:00:00:05', ip: '10.0.0.5', gratuitous: false, isVirtual: false },
      flow: ({ port, mac, ip, isVirtual, gratuitous }) => {
        const own = arp({ ...sourcePort.is(port), eth_src: mac, arp_sha: mac, arp_spa: onWire(ip) })
        return {
          priority: gratuitous ? GRATUITOUS : OWN,
          match: gratuitous ? { ...own, arp_tpa: ip } : own,
          actions: [...tellOf(isVirtual), goto(gratuitous ? l2Lookup : addressQuestion)],
        }
      },
    }),
  ],
})
