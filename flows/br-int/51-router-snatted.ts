/**
 * Lets nothing out from an address that is not the sender's outside. When all ports of an address are taken, conntrack leaves a
 * packet as it is; and a connection that began as a floating IP of the sender must not go on as that when it is another's.
 *
 * In:   packets for the outside, translated or meant not to be; router_mac says as whom.
 * Out:  network_zone, from the gateway's addresses, from floating IPs by their MACs, and from addresses that are not translated,
 *       whose connections the firewall of the router is to know. What begins a connection from the gateway's address, and what
 *       found no port of it, is counted for each router by a flow of its own.
 *
 *   table=51, priority=40,ct_state=+new+trk,ip,reg13=0x2,nw_src=203.0.113.2 actions=goto_table:52
 *   table=51, priority=5,ct_state=+new+trk,ip,reg13=0x2 actions=drop
 *   table=51, priority=20,ip,reg13=0x2,nw_src=10.0.0.0/24 actions=resubmit(,118),goto_table:52
 *   table=51, priority=30,ip,reg8=0xfa16/0xffff,reg9=0x3e000009,reg13=0x2,nw_src=203.0.113.9 actions=goto_table:52
 */
import { drop, goto, ip, resubmit } from 'node-openflow/flow'
import { each, type Placed, table } from '#compiler'
import { routerPorts } from '#model'
import { isV6, macBits, onWire } from '../addresses.ts'
import { state } from '../conntrack.ts'
import { eachFloatingIp, eachSnatAddress } from '../gateway-rules.ts'
import { untranslated, upGateway } from '../gateways.ts'
import { pick } from '../pick.ts'
import { router, routerMac } from '../registers.ts'
import { networkZone } from './52-network-zone.ts'
import { routerCommit } from './118-router-commit.ts'

const NEW = 40
const EXTERNAL = 30
const UNTRANSLATED = 20
const INVALID = 10
const EXHAUSTED = 5

/**
 * By their priorities: the flow of a router that counts new connections from its gateway's address, and that which counts packets
 * no port was left for.
 */
export const snatCounted = { connections: NEW, exhausted: EXHAUSTED }

/** Senders that may go out, and as whom: by a MAC, or any (undefined). */
interface Sender extends Placed {
  readonly router: number
  /** An address or a prefix; undefined: all. */
  readonly from: string | undefined
  readonly mac: string | undefined
  readonly isTranslated: boolean
}

const out = ({ router: key, from, mac, isTranslated }: Sender) => ({
  priority: isTranslated ? EXTERNAL : UNTRANSLATED,
  match: ip({
    ...router.is(key),
    ...(from === undefined ? {} : { ip_src: onWire(from) }),
    ...(mac === undefined ? {} : routerMac.is(macBits(mac))),
  }),
  actions: [...(isTranslated ? [] : [resubmit({ table: routerCommit })]), goto(networkZone)],
})

const example: Sender = { in: 'r', router: 2, from: '203.0.113.9', mac: 'fa:16:3e:00:00:09', isTranslated: true }

export const routerSnatted = table('router_snatted', {
  bridge: 'br-int',
  number: 51,
  match: ['ct_state', 'reg13', 'eth_type', 'ip_src', 'xxreg2'],
  next: [networkZone, routerCommit],
  fixed: [{ priority: INVALID, match: state({ trk: true, inv: true }), actions: drop() }],
  miss: drop(),
  drops: { [INVALID]: 'invalid', [EXHAUSTED]: 'nat_exhausted', 0: 'nat_exhausted' },
  rules: [
    eachSnatAddress(row => ({
      priority: NEW,
      match: ip({ ...router.is(row.router), ...state({ trk: true, new: true }), ip_src: row.ip }),
      actions: [goto(networkZone)],
    })),
    eachSnatAddress(row => ({
      priority: EXHAUSTED,
      match: ip({ ...router.is(row.router), ...state({ trk: true, new: true }) }),
      actions: drop(),
    })),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view).flatMap(facts => {
          const row = { ...pick(facts, 'in', 'router'), mac: undefined }
          const own = facts.addresses.flatMap(({ ip: address }) => (isV6(address) ? [] : [address]))
          return [
            ...own.map((from): Sender => ({ ...row, from, isTranslated: true })),
            ...untranslated(facts, view).map((from): Sender => ({ ...row, from, isTranslated: false })),
          ]
        }),
      example: { ...example, from: '10.0.0.0/24', mac: undefined, isTranslated: false },
      flow: out,
    }),
    ...eachFloatingIp({
      rows: facts => {
        // Forwarded ports answer as the gateway does.
        const mac = facts.fixedIp === null ? undefined : facts.mac
        return [{ ...pick(facts, 'in', 'router'), from: facts.ip, mac, isTranslated: true }]
      },
      example,
      flow: out,
    }),
  ],
})
