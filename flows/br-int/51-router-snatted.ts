/**
 * Lets nothing out from an address that means nothing outside: when all ports of an address are taken, conntrack leaves a packet
 * as it is.
 *
 * In:   packets for the outside, translated or meant not to be.
 * Out:  network_zone, from addresses of the external network, and from those that are not translated, whose connections the
 *       firewall of the router is to know. What begins a
 *       connection from the gateway's address is counted by a flow of its own.
 *
 *   table=51, priority=40,ct_state=+new+trk,ip,reg13=0x2,nw_src=203.0.113.2 actions=goto_table:52
 *   table=51, priority=30,ip,reg13=0x2,nw_src=203.0.113.0/24 actions=goto_table:52
 */
import { drop, goto, ip, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routerPorts } from '#model'
import { isV6, onWire } from '../addresses.ts'
import { state } from '../conntrack.ts'
import { gatewayFacts, subnetsOf, untranslated } from '../gateways.ts'
import { router } from '../registers.ts'
import { networkZone } from './52-network-zone.ts'
import { routerCommit } from './118-router-commit.ts'

const NEW = 40
const EXTERNAL = 30
const INVALID = 20

export const routerSnatted = table('router_snatted', {
  bridge: 'br-int',
  number: 51,
  match: ['ct_state', 'reg13', 'eth_type', 'ip_src'],
  next: [networkZone, routerCommit],
  fixed: [{ priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() }],
  miss: drop(),
  drops: { [INVALID]: 'invalid', 0: 'nat_exhausted' },
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(gatewayFacts, id)
        return facts?.up && facts.snat !== undefined ? [{ in: facts.in, router: facts.router, ip: facts.snat }] : []
      },
      example: { in: 'r', router: 2, ip: '203.0.113.2' },
      flow: row => ({
        priority: NEW,
        match: ip({ ...router.is(row.router), ...state({ trk: true, new: true }), ip_src: row.ip }),
        actions: [goto(networkZone)],
      }),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(gatewayFacts, id)
        if (!facts?.up) return []
        const { in: of, router: key, networkId } = facts
        const prefixes = subnetsOf(networkId, view).flatMap(({ cidr }) => (isV6(cidr) ? [] : [cidr]))
        const external = [...new Set(prefixes)].map(prefix => ({
          in: of,
          router: key,
          prefix: prefix as string | undefined,
          isTranslated: true,
        }))
        return [
          ...external,
          ...untranslated(id, view)
            .filter(({ prefix }) => prefix === undefined || !prefixes.includes(prefix))
            .map(row => ({ ...row, isTranslated: false })),
        ]
      },
      example: { in: 'r', router: 2, prefix: '203.0.113.0/24' as string | undefined, isTranslated: true },
      flow: row => ({
        priority: EXTERNAL,
        match: ip({ ...router.is(row.router), ...(row.prefix === undefined ? {} : { ip_src: onWire(row.prefix) }) }),
        actions: [...(row.isTranslated ? [] : [resubmit({ table: routerCommit })]), goto(networkZone)],
      }),
    }),
  ],
})
