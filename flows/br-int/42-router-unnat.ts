/**
 * Finds out whom a packet from outside is for: what its destination stands for.
 *
 * In:   packets that came into a router by its gateway, or by a floating IP.
 * Out:  router_unnatted, translated: for the gateway's address, what answers those behind it; for a floating IP, its port;
 *       for a port of a floating IP, where that is forwarded to. The rest to router_input.
 *
 * Connections are in the router's zone. A floating IP is translated in packets of connections that began at its port, too: a
 * connection keeps the translation that it began with.
 *
 *   table=42, priority=10,ip,reg13=0x2,nw_dst=203.0.113.2 actions=ct(table=43,zone=4098,nat)
 *   table=42, priority=10,ip,reg13=0x2,nw_dst=203.0.113.9 actions=ct(commit,table=43,zone=4098,nat(dst=10.0.0.5))
 *   table=42, priority=20,tcp,reg13=0x2,nw_dst=203.0.113.9,tp_dst=0x1f90/0xfffe
 *   actions=ct(commit,table=43,zone=4098,nat(dst=10.0.0.5))
 */
import { goto, ip, tcp, udp } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { type PortForwarding, portForwardings } from '#model'
import { eachFloatingIp, eachSnatAddress } from '../gateway-rules.ts'
import { floatingFacts, GATEWAY } from '../gateways.ts'
import { translate } from '../nat.ts'
import { pick } from '../pick.ts'
import { portMasks } from '../port-masks.ts'
import { router } from '../registers.ts'
import { routerUnnatted } from './43-router-unnatted.ts'
import { routerInput } from './44-router-input.ts'

const FORWARDED = 20
const ADDRESS = 10

const floatingExample = { in: 'r', router: 2, ip: '203.0.113.9', fixedIp: '10.0.0.5' }

/** External ports, as flows match them, and the port that they lead to; undefined: each to its own. */
const forwardedPorts = ({ externalPorts, internalPorts }: PortForwarding) => {
  const { first, last } = externalPorts
  if (internalPorts.first === first && internalPorts.last === last)
    return portMasks(first, last).map(ports => ({ ports, to: undefined }))
  if (internalPorts.first === internalPorts.last)
    return portMasks(first, last).map(ports => ({ ports, to: internalPorts.first }))
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    ports: { value: first + i, mask: 0xffff },
    to: internalPorts.first + i,
  }))
}

export const routerUnnat = table('router_unnat', {
  bridge: 'br-int',
  number: 42,
  match: ['reg13', 'eth_type', 'ip_dst', 'nw_proto', 'tcp_dst', 'udp_dst'],
  next: [routerUnnatted, routerInput],
  miss: [goto(routerInput)],
  rules: [
    eachSnatAddress(row => ({
      priority: ADDRESS,
      match: ip({ ...router.is(row.router), ip_dst: row.ip }),
      actions: [translate(row.router, routerUnnatted)],
    })),
    ...eachFloatingIp({
      rows: ({ fixedIp, ...facts }) => (fixedIp === null ? [] : [{ ...pick(facts, 'in', 'router', 'ip'), fixedIp }]),
      example: floatingExample,
      flow: row => ({
        priority: ADDRESS,
        match: ip({ ...router.is(row.router), ip_dst: row.ip }),
        actions: [translate(row.router, routerUnnatted, { direction: 'dst', ip: row.fixedIp })],
      }),
    }),
    each(portForwardings, {
      scope: 'router',
      rows: (forwarding, view) => {
        const facts = view.value(floatingFacts, forwarding.floatingIpId)
        if (facts?.place !== GATEWAY) return []
        const { protocol, internalIpAddress: fixedIp } = forwarding
        return forwardedPorts(forwarding).map(({ ports, to }) => ({
          ...{ in: facts.routerId, router: facts.router, ip: facts.ip, fixedIp },
          ...{ protocol, first: ports.value, mask: ports.mask, to },
        }))
      },
      example: {
        ...{ ...floatingExample, protocol: 'tcp' as 'tcp' | 'udp' },
        ...{ first: 8080, mask: 0xfffe, to: undefined as number | undefined },
      },
      flow: row => {
        const at = { ...router.is(row.router), ip_dst: row.ip }
        const ports = row.mask === 0xffff ? row.first : { value: row.first, mask: row.mask }
        return {
          priority: FORWARDED,
          match: row.protocol === 'tcp' ? tcp({ ...at, tcp_dst: ports }) : udp({ ...at, udp_dst: ports }),
          actions: [translate(row.router, routerUnnatted, { direction: 'dst', ip: row.fixedIp, port: row.to })],
        }
      },
    }),
  ],
})
