/**
 * A port sends only from its own MAC addresses.
 *
 * In:   frames of local ports; reg0 is the port's key.
 * Out:  address_security, when the source MAC is the port's or that of an allowed address pair, which is learned, as the
 *       port that has it may change (VRRP). A port without port security sends what it likes, and addresses behind it
 *       are learned; what it sends goes to egress_conntrack where a firewall group judges it. The rest is spoofed, and dropped.
 *
 *   table=10, priority=10,reg0=0x5,dl_src=fa:16:3e:00:00:05 actions=goto_table:11
 */
import { arp, drop, goto } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { isV6 } from '../addresses.ts'
import { activePort, securedPort } from '../facts.ts'
import { learnedAtPort } from '../learning.ts'
import { sourcePort } from '../registers.ts'
import { addressSecurity } from './11-address-security.ts'
import { egressConntrack } from './20-egress-conntrack.ts'
import { addressQuestion } from './30-address-question.ts'
import { l2Lookup } from './60-l2-lookup.ts'

const OPEN_GRATUITOUS = 30
const OPEN = 20
const MAC = 10

export const portSecurity = table('port_security', {
  bridge: 'br-int',
  number: 10,
  match: ['reg0', 'eth_src', 'eth_type', 'arp_spa', 'arp_tpa'],
  next: [addressSecurity, egressConntrack, addressQuestion, l2Lookup],
  miss: drop(),
  drops: { 0: 'spoofed_mac' },
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = securedPort(binding, view)
        if (port === undefined) return []
        return port.macs.map(mac => ({
          in: binding.chassis,
          port: port.key,
          mac,
          isOwn: mac === port.mac,
        }))
      },
      example: { in: 'host1', port: 5, mac: 'fa:16:3e:00:00:05', isOwn: true },
      flow: ({ port, mac, isOwn }) => ({
        priority: MAC,
        match: { ...sourcePort.is(port), eth_src: mac },
        actions: [...(isOwn ? [] : [learnedAtPort(port)]), goto(addressSecurity)],
      }),
    }),
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = activePort(binding, view)
        if (port === undefined || port.secured) return []
        return [undefined, ...port.ips.filter(ip => !isV6(ip))].map(ip => ({
          in: binding.chassis,
          port: port.key,
          gratuitous: ip,
          isGuarded: port.firewall !== undefined,
        }))
      },
      example: { in: 'host1', port: 5, gratuitous: '10.0.0.5' as string | undefined, isGuarded: false },
      flow: ({ port, gratuitous, isGuarded }) =>
        gratuitous === undefined
          ? {
              priority: OPEN,
              match: sourcePort.is(port),
              actions: [learnedAtPort(port), goto(isGuarded ? egressConntrack : addressQuestion)],
            }
          : {
              priority: OPEN_GRATUITOUS,
              match: arp({ ...sourcePort.is(port), arp_spa: gratuitous, arp_tpa: gratuitous }),
              actions: [learnedAtPort(port), goto(l2Lookup)],
            },
    }),
  ],
})
