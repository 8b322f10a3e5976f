// What the controller does for routers while packets flow: it says by ICMP what they cannot deliver, asks for next hops on
// external networks, and announces there where addresses are.
import { type Action, ct, nat, resubmit, setField } from 'node-openflow/flow'
import { Announcements } from '#fabric/announcements'
import { ExternalQuestions } from '#fabric/external-questions'
import { Forgotten } from '#fabric/forgotten'
import { KnownNextHops } from '#fabric/known-next-hops'
import { type NextHop, NextHops } from '#fabric/next-hops'
import type { PacketIn, Programming } from '#fabric/programming/index'
import { RouterErrors } from '#fabric/router-errors'
import { readSpoken, VirtualAddresses } from '#fabric/virtual-addresses'
import { wayOut } from '#fabric/way-out'
import { ipOfBits } from '#flows/addresses'
import { routerAdmission } from '#flows/br-int/40-router-admission'
import { routerRoute } from '#flows/br-int/45-router-route'
import { networkZone } from '#flows/br-int/52-network-zone'
import { chassisMac } from '#flows/chassis-mac'
import { mtuOf, PACKET_IN, type RouterErrorReason, routerErrorOf } from '#flows/packet-in'
import { type Register, valueIn } from '#flows/register'
import { neighborAddress, network, ORIGIN, origin, router, routerInterface, sourcePort, zone } from '#flows/registers'
import { routerZone } from '#flows/routers'
import { networks } from '#model'
import type { Store } from '#store'
import { announced } from './announced.ts'
import { remembered } from './remembered.ts'

/** What the controller does for routers. */
export interface Routing {
  readonly errors: RouterErrors
  readonly questions: ExternalQuestions
  readonly nextHops: NextHops
  readonly known: KnownNextHops
  readonly announcements: Announcements
  readonly virtual: VirtualAddresses
  close(): void
}

/** A packet that came to us. */
type Packet = Pick<PacketIn, 'chassis' | 'packet' | 'fields'>

const REGISTERS = Array.from({ length: 16 }, (_, i) => `reg${i}` as 'reg0')

/** Loads all that tables had noted about a packet when it came to us. */
const asItWas = (fields: PacketIn['fields']): readonly Action[] => [
  ...(typeof fields.metadata === 'bigint' ? [setField('metadata', fields.metadata)] : []),
  ...REGISTERS.flatMap(name => {
    const value = fields[name]
    return typeof value === 'number' && value !== 0 ? [setField(name, value)] : []
  }),
]

/** Calls `returned` with each chassis that is connected again. */
const onReturn = (programming: Programming, returned: (chassis: string) => void): (() => void) => {
  const away = new Map<string, boolean>()
  return programming.onProgress(id => {
    if (id === undefined) return
    const [was, is] = [away.get(id), !programming.isConnected(id)]
    away.set(id, is)
    if (was === true && !is) returned(id)
  })
}

/** Begins to serve routers. */
export const serveRouters = (
  store: Store,
  programming: Programming,
  report: (what: string) => void = () => {},
): Routing => {
  const now = () => performance.now()
  const emit = (id: string, port: number, frame: Uint8Array) => programming.emit(id, 'br-int', port, frame)
  const errors = new RouterErrors({
    ...{ store, emit, now },
    route: (id, key, frame, isTranslated) => {
      const onward = isTranslated
        ? ct({ zone: routerZone(key), table: routerRoute.number, actions: [nat()] })
        : resubmit({ table: routerRoute })
      programming.run(id, 'br-int', [origin.set(ORIGIN.router), router.set(key), onward], frame)
    },
    forward: (id, on, frame) => {
      const registers = [network.set(on.network), zone.set(on.zone)]
      programming.run(id, 'br-int', [...registers, resubmit({ table: routerAdmission })], frame)
    },
  })
  const fail = ({ chassis, packet, fields }: Packet, why: RouterErrorReason, mtu = 0) => {
    const of = (register: Register) => Number(valueIn(fields, register))
    const keys = { sourcePort: of(sourcePort), router: of(router), interfaceKey: of(routerInterface) }
    errors.answer({ chassis, packet, why, mtu, ...keys })
  }

  const questions = new ExternalQuestions({ emit, now, chassisMac, wayOut: hop => wayOut(store, hop) })
  const virtual = new VirtualAddresses({ store, emit, now, report })
  const nextHops = new NextHops({
    ask: hop => virtual.ask(hop) || questions.ask(hop),
    resume: ({ chassis, inPort, packet, fields }) =>
      programming.run(chassis, 'br-int', [...asItWas(fields), resubmit({ table: networkZone })], packet, inPort),
    unreachable: held => fail(held, 'noNeighbor'),
  })
  const known = new KnownNextHops({
    store,
    ask: hop => questions.ask(hop),
    isConnected: id => programming.isConnected(id),
  })
  const announcements = new Announcements({
    ...{ store, emit, now, ...announced(store) },
    wayOut: at => wayOut(store, at),
    acknowledged: (id, revision, timeout) => programming.acknowledged(id, revision, timeout),
    isConnected: id => programming.isConnected(id),
  })
  const forgotten = new Forgotten({
    ...{ store, now, remembered: remembered(store) },
    forget: (id, connections) => programming.forget(id, connections),
    acknowledged: (id, revision, timeout) => programming.acknowledged(id, revision, timeout),
  })
  const stopReturns = onReturn(programming, id => {
    known.forgot(id)
    announcements.returned(id)
  })
  const seconds = setInterval(() => {
    known.tick()
    virtual.tick()
  }, 1000).unref()

  const hopOf = ({ chassis, fields }: Packet): NextHop | undefined => {
    const on = store.holder(networks, `key ${valueIn(fields, network)}`)
    return on && { chassis, network: on.id, ip: ipOfBits(valueIn(fields, neighborAddress)) }
  }
  programming.packetIns.on(PACKET_IN.routerError, ({ userdata, ...packetIn }) => {
    const why = routerErrorOf(userdata)
    const hop = why === 'noNeighbor' ? hopOf(packetIn) : undefined
    if (hop && virtual.isVirtual(hop)) nextHops.want(hop, packetIn)
    else if (why !== undefined) fail(packetIn, why, mtuOf(userdata))
  })
  programming.packetIns.on(PACKET_IN.portRejected, ({ chassis, packet, fields }) => {
    const of = (register: Register) => Number(valueIn(fields, register))
    errors.reject({ chassis, packet, sourcePort: of(sourcePort), network: of(network), zone: of(zone) })
  })
  programming.packetIns.on(PACKET_IN.nextHopWanted, packetIn => {
    const hop = hopOf(packetIn)
    if (hop === undefined) return
    known.want(hop)
    nextHops.want(hop, packetIn)
  })
  programming.packetIns.on(PACKET_IN.addressSpoken, async ({ fields, packet }) => {
    const spoken = readSpoken(Buffer.from(packet))
    if (spoken !== undefined) await virtual.spoke(Number(valueIn(fields, sourcePort)), spoken)
  })
  return {
    ...{ errors, questions, nextHops, known, announcements, virtual },
    close: () => {
      clearInterval(seconds)
      stopReturns()
      announcements.close()
      forgotten.close()
      known.close()
      virtual.close()
      nextHops.close()
    },
  }
}
