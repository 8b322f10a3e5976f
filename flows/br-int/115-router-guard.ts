/**
 * Asks the firewall group of an interface of a router.
 *
 * In:   by resubmit, a routed packet that is allowed so far; side says which interface: the one by which it came into the router,
 *       or the one by which it goes out.
 * Out:  back, with allowed set or not. An interface in no group, and a gateway, let all pass.
 *
 *   table=115, priority=10,reg2=0/0x1000000,reg14=0x6 actions=set_field:0x3->reg12,resubmit(,116)
 *   table=115, priority=10,reg2=0x1000000/0x1000000,reg8=0xfa16/0xffff,reg9=0x3e000001,metadata=0x3
 *   actions=set_field:0x3->reg12,resubmit(,116)
 */
import { drop, resubmit } from 'node-openflow/flow'
import { each, table, type View } from '#compiler'
import { type RouterPort, routerPorts } from '#model'
import { macBits } from '../addresses.ts'
import { guardOf } from '../firewalls.ts'
import { pick } from '../pick.ts'
import { allowed, firewall, network, routerInterface, routerMac, SIDE, side } from '../registers.ts'
import { interfaceFacts } from '../routers.ts'
import { firewallGroup } from './116-firewall-group.ts'

const FORBIDDEN = 20
const INTERFACE = 10

/** An interface, if a port is one that is in a firewall group, and the key of the group. */
const guardedInterface = ({ id }: RouterPort, view: View) => {
  const group = guardOf(id, view)
  const facts = group && view.value(interfaceFacts, id)
  return facts === undefined ? [] : [{ facts, group: group!.key }]
}

const ask = (group: number) => [firewall.set(group), resubmit({ table: firewallGroup })]

export const routerGuard = table('router_guard', {
  bridge: 'br-int',
  number: 115,
  match: ['reg2', 'reg14', 'metadata', 'xxreg2'],
  next: [firewallGroup],
  fixed: [{ priority: FORBIDDEN, match: allowed.is(0), actions: drop() }],
  miss: drop(),
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        guardedInterface(port, view).map(({ facts, group }) => ({ ...pick(facts, 'in', 'port'), group })),
      example: { in: 'r', port: 6, group: 3 },
      flow: row => ({
        priority: INTERFACE,
        match: { ...side.is(SIDE.in), ...routerInterface.is(row.port) },
        actions: ask(row.group),
      }),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        guardedInterface(port, view).map(({ facts, group }) => ({ ...pick(facts, 'in', 'network', 'mac'), group })),
      example: { in: 'r', network: 3, mac: 'fa:16:3e:00:00:01', group: 3 },
      flow: row => ({
        priority: INTERFACE,
        match: { ...side.is(SIDE.out), ...network.is(row.network), ...routerMac.is(macBits(row.mac)) },
        actions: ask(row.group),
      }),
    }),
  ],
})
