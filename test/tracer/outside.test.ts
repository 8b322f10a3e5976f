// Random clouds and the world outside, against a plain oracle that knows the model but no flow: by which chassis a packet leaves
// and from which address, who gets what comes in for a floating IP, and that answers find their way back.
import type { Match } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import {
  bindings,
  chassis,
  type FloatingIp,
  floatingIps,
  gatewayCandidates,
  gatewayChassis,
  gatewayOf,
  ICMP,
  ipProtocols,
  modelKinds,
  networks,
  type Port,
  ports,
  type Reader,
  type Router,
  routerPorts,
  routers,
} from '#model'
import { openMemoryStore } from '#store'
import { commitOf } from '#test/support/model'
import {
  Connections,
  effectsOf,
  FlowIndex,
  type TraceFlow,
  type TraceStart,
  tablesOf,
  trace,
  type World,
} from '#tracer'
import { type Protocol, packetOfEnds, reachedEnd, replyTo } from '#tracer/between'
import { intendedTables } from '#tracer/intended'
import { modelWorld } from '#tracer/model-world'
import { allows, isStateless, packetOf, protocols } from './oracle.ts'
import { dice, PROVIDER_PORTS, randomModel } from './random.ts'
import { randomRouters } from './random-routers.ts'

const MODELS = 20
const PACKETS = 40
const SERVER = '198.51.100.2'
const ISP = '203.0.113.1'
const ISP_MAC = '02:00:00:00:99:01'

/** The chassis that is the gateway of a router: the best that lives. */
const gatewayAt = (model: Reader, router: Router, dead: ReadonlySet<string>): string | undefined => {
  const gateway = gatewayOf(model, router.id)
  const external = gateway && model.get(networks, gateway.networkId)
  return external && gatewayCandidates(gatewayChassis(model), external.segments, router.key).find(id => !dead.has(id))
}

/** Where a floating IP is translated. */
const placeOf = (model: Reader, f: FloatingIp, router: Router, dead: ReadonlySet<string>): string | undefined => {
  const at = f.portId === null ? undefined : model.holder(bindings, `active ${f.portId}`)?.chassis
  const isWired = at !== undefined && model.get(chassis, at)?.providerPorts.physnet3 !== undefined
  return router.distributed && isWired ? at : gatewayAt(model, router, dead)
}

const isUp = (model: Reader, port: Port) =>
  port.adminStateUp &&
  model.get(networks, port.networkId)?.adminStateUp === true &&
  model.holder(bindings, `active ${port.id}`) !== undefined

/** An address that is also an allowed address pair has no owner that routers know. */
const isShared = (model: Reader, { networkId, fixedIps }: Port) =>
  fixedIps.some(({ ipAddress }) => [...model.by(ports, 'pair', `${networkId} ${ipAddress}`)].length > 0)

const isOpen = (model: Reader, router: Router) => {
  const gateway = gatewayOf(model, router.id)
  return router.adminStateUp && gateway !== undefined && model.get(networks, gateway.networkId)?.adminStateUp === true
}

const floatingOf = (model: Reader, port: Port, router: Router) =>
  Array.from(model.by(floatingIps, 'port', port.id)).find(f => f.routerId === router.id)

/** By which chassis, and from which address, a packet of a port leaves by a router; undefined: it does not. */
const wayOut = (model: Reader, port: Port, router: Router, protocol: Protocol, dead: ReadonlySet<string>) => {
  if (!isUp(model, port) || !isOpen(model, router)) return undefined
  if (!allows(model, port, 'egress', packetOf(protocol, false), SERVER)) return undefined
  const floating = floatingOf(model, port, router)
  const own = port.fixedIps[0]?.ipAddress as string
  const gateway = gatewayOf(model, router.id)?.fixedIps.find(ip => !ip.ipAddress.includes(':'))?.ipAddress
  const source = floating?.floatingIpAddress ?? (router.enableSnat ? gateway : own)
  const by = floating ? placeOf(model, floating, router, dead) : gatewayAt(model, router, dead)
  return by === undefined ? undefined : `${source} by ${by}`
}

test('what goes out and what comes in is what the model says', { timeout: 120_000 }, async () => {
  const told = { out: 0, stays: 0, in: 0, refused: 0 }
  for (let seed = 300; seed < 300 + MODELS; seed++) {
    const roll = dice(seed)
    const random = randomModel(roll)
    const model = openMemoryStore({ kinds: modelKinds })
    const compiler = new Compiler(pipeline)
    model.follow(commit => compiler.apply(commit), { fromStart: true })
    const made = await model.transact({ source: 'test' }, tx => {
      for (const { kind, after } of [...commitOf(random.records).changes, ...random.groups])
        if (after) tx.insert(kind, after)
      return randomRouters(roll, tx, random, { isPlain: true })
    })
    const dead = new Set(random.records.chassis.filter(() => roll.chance(0.15)).map(c => c.id))
    const intended = intendedTables(compiler)
    const learned = new Map<string, FlowIndex>()
    const world: World = modelWorld({
      ...{ model, pipeline, dead },
      tables: (id, bridge) => {
        const tables = intended(id, bridge)
        return tables && tablesOf([tables, learned.get(`${id} ${bridge}`) ?? new FlowIndex([])])
      },
    })
    for (const { id } of random.records.chassis) learned.set(`${id} br-int`, taught(world, id, made.vlan))

    for (let i = 0; i < PACKETS; i++) {
      const port = model.get(ports, roll.one(random.records.port).id) as Port
      const at = model.holder(bindings, `active ${port.id}`)
      const near = Array.from(model.by(routerPorts, 'network', port.networkId)).filter(p => p.role === 'interface')
      const by = roll.one(near)
      if (at === undefined || by === undefined || dead.has(at.chassis) || isShared(model, port)) continue
      const router = model.get(routers, by.routerId) as Router
      const protocol = roll.one(protocols)
      const connections = new Connections()
      const follow = (start: TraceStart) => trace(world, start, connections)
      const what = `seed ${seed}, packet ${i}: ${port.id} by ${router.id}, ${JSON.stringify(protocol)}`

      const start = packetOfFrame(port, model.get(ports, by.id) as Port, at, protocol)
      const out = follow(start)
      const [left] = reachedEnd(out, SERVER)
      const way = wayOut(model, port, router, protocol, dead)
      expect(left && `${left.packet.ip_src} by ${left.chassis}`, what).toBe(way)
      told[left ? 'out' : 'stays']++
      if (left && way && floatingOf(model, port, router) === undefined && !router.enableSnat) continue
      if (left && !isStateless(model, port)) {
        const back = follow(replyTo(model, out, SERVER))
        expect(reachedEnd(back, port).length, `${what} (the reply)`).toBe(1)
      }

      const floating = floatingOf(model, port, router)
      if (floating === undefined || !isOpen(model, router)) continue
      const inbound = new Connections()
      const place = placeOf(model, floating, router, dead)
      if (place === undefined) continue
      const through = (begin: TraceStart) => trace(world, begin, inbound)
      const came = through(packetOfEnds(model, { from: SERVER, to: floating.floatingIpAddress, protocol }, through))
      const expected = isUp(model, port) && allows(model, port, 'ingress', packetOf(protocol, false), SERVER)
      expect(reachedEnd(came, port).length, `${what} (in by ${floating.floatingIpAddress})`).toBe(expected ? 1 : 0)
      told[expected ? 'in' : 'refused']++
    }
  }
  console.log(`${told.out} packets left, ${told.stays} did not; ${told.in} came in, ${told.refused} did not`)
  expect(Math.min(told.out, told.stays, told.in, told.refused)).toBeGreaterThan(15)
})

/** The first packet of a port to the server, to an interface of a router. */
const packetOfFrame = (
  port: Port,
  by: Port,
  at: { chassis: string; ofport: number },
  { proto, port: to }: Protocol,
): TraceStart => {
  const ip = { eth_type: 0x0800, ip_src: port.fixedIps[0]?.ipAddress, ip_dst: SERVER, nw_ttl: 64 }
  const transport =
    proto === ICMP
      ? { nw_proto: ICMP, icmp_type: 8, icmp_code: 0 }
      : proto === ipProtocols.tcp
        ? { nw_proto: 6, tcp_src: 40000, tcp_dst: to, tcp_flags: 2 }
        : { nw_proto: 17, udp_src: 40000, udp_dst: to }
  const eth = { in_port: at.ofport, eth_src: port.macAddress, eth_dst: by.macAddress }
  return { chassis: at.chassis, bridge: 'br-int', packet: { ...eth, ...ip, ...transport } as Match }
}

/** What the provider's router teaches a chassis by its ARP. */
const taught = (world: World, id: string, vlan: number): FlowIndex => {
  const arp = { arp_op: 1, arp_spa: ISP, arp_tpa: ISP, arp_sha: ISP_MAC, arp_tha: '00:00:00:00:00:00' }
  const eth = { in_port: PROVIDER_PORTS.physnet3, eth_src: ISP_MAC, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x0806 }
  const tag = vlan === 0 ? {} : { vlan_vid: 0x1000 | vlan }
  const { arrivals } = trace(world, { chassis: id, bridge: 'br-int', packet: { ...eth, ...arp, ...tag } as Match })
  return new FlowIndex(
    arrivals
      .filter(({ place }) => place.chassis === id)
      .flatMap(({ visit }) => [...effectsOf(visit)])
      .flatMap(([, effect]) => (effect.type === 'learn' ? [effect.flow as TraceFlow] : [])),
  )
}
