/**
 * A port speaks of its own addresses only, in IPv6 neighbour discovery (RFC 4861).
 *
 * In:   neighbour solicitations and advertisements of local ports.
 * Out:  address_question: a solicitation from an address of the port, an advertisement for one, each with the port's MAC
 *       in its option or without option; duplicate address detection. The rest is spoofed, and dropped.
 *
 *   table=12, priority=10,icmp6,reg0=0x5,dl_src=fa:16:3e:00:00:05,icmp_type=136,nd_target=fd00::5,nd_tll=fa:16:3e:00:00:05
 *   actions=goto_table:30
 */
import { drop, goto, icmp6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { bindings } from '#model'
import { isV6, onWire } from '../addresses.ts'
import { securedPort } from '../facts.ts'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NO_OPTION } from '../neighbor-discovery.ts'
import { sourcePort } from '../registers.ts'
import { isVirtual, tellOf } from '../virtual-addresses.ts'
import { addressQuestion } from './30-address-question.ts'

const OWN = 10

export const ndSecurity = table('nd_security', {
  bridge: 'br-int',
  number: 12,
  match: ['reg0', 'eth_type', 'nw_proto', 'eth_src', 'icmpv6_type', 'ipv6_src', 'nd_target', 'nd_sll', 'nd_tll'],
  next: [addressQuestion],
  miss: drop(),
  drops: { 0: 'spoofed_neighbor' },
  fixed: [
    {
      priority: OWN,
      match: icmp6({ ipv6_src: '::', icmpv6_type: NEIGHBOR_SOLICITATION, nd_sll: NO_OPTION }),
      actions: [goto(addressQuestion)],
    },
  ],
  rules: [
    each(bindings, {
      scope: 'chassis',
      merge: 'same',
      rows: (binding, view) => {
        const port = securedPort(binding, view)
        if (port === undefined) return []
        return port.senders
          .filter(sender => isV6(sender.ip))
          .flatMap(sender =>
            [NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].flatMap(type =>
              [sender.mac, NO_OPTION].map(option => ({
                ...{ in: binding.chassis, port: port.key, ...sender, type, option },
                isTold: type === NEIGHBOR_ADVERTISEMENT && isVirtual(sender, port, view),
              })),
            ),
          )
      },
      example: {
        in: 'host1',
        port: 5,
        mac: 'fa:16:3e:00:00:05',
        ip: 'fd00::5',
        type: NEIGHBOR_ADVERTISEMENT,
        option: 'fa:16:3e:00:00:05',
        isTold: false,
      },
      flow: ({ port, mac, ip, type, option, isTold }) => ({
        priority: OWN,
        match: icmp6({
          ...sourcePort.is(port),
          eth_src: mac,
          icmpv6_type: type,
          ...(type === NEIGHBOR_SOLICITATION
            ? { ipv6_src: onWire(ip), nd_sll: option }
            : { nd_target: onWire(ip), nd_tll: option }),
        }),
        actions: [...tellOf(isTold), goto(addressQuestion)],
      }),
    }),
  ],
})
