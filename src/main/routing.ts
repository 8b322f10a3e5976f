// What the controller does for routers while packets flow: it says by ICMP what they cannot deliver, and asks for next hops
// on external networks.
import { type Action, resubmit, setField } from 'node-openflow/flow'
import { KnownNextHops } from '#fabric/known-next-hops'
import { type Held, type NextHop, NextHops } from '#fabric/next-hops'
import type { PacketIn, Programming } from '#fabric/programming/index'
import { RouterErrors } from '#fabric/router-errors'
import { wayOut } from '#fabric/way-out'
import { ipOfBits } from '#flows/addresses'
import { networkZone } from '#flows/br-int/52-network-zone'
import { chassisMac } from '#flows/chassis-mac'
import { PACKET_IN, routerErrorOf } from '#flows/packet-in'
import { neighborAddress, network, routerInterface, valueIn } from '#flows/registers'
import { networks } from '#model'
import type { Store } from '#store'

/** What the controller does for routers. */
export interface Routing {
  readonly errors: RouterErrors
  readonly nextHops: NextHops
  readonly known: KnownNextHops
  close(): void
}

const REGISTERS = Array.from({ length: 16 }, (_, i) => `reg${i}` as 'reg0')

/** Loads all that tables had noted about a packet when it came to us. */
const asItWas = (fields: PacketIn['fields']): readonly Action[] => [
  ...(typeof fields.metadata === 'bigint' ? [setField('metadata', fields.metadata)] : []),
  ...REGISTERS.flatMap(name => {
    const value = fields[name]
    return typeof value === 'number' && value !== 0 ? [setField(name, value)] : []
  }),
]

/** Begins to serve routers. */
export const serveRouters = (store: Store, programming: Programming): Routing => {
  const now = () => performance.now()
  const emit = (id: string, port: number, frame: Uint8Array) => programming.emit(id, 'br-int', port, frame)
  const errors = new RouterErrors({ store, send: emit, now })
  const fail = ({ chassis, inPort, packet, fields }: Held, why: Parameters<RouterErrors['answer']>[0]['why']) =>
    errors.answer({ chassis, inPort, packet, why, interfaceKey: Number(valueIn(fields, routerInterface)) })

  const nextHops = new NextHops({
    ...{ emit, now, chassisMac },
    wayOut: hop => wayOut(store, hop),
    resume: ({ chassis, inPort, packet, fields }) =>
      programming.run(chassis, 'br-int', [...asItWas(fields), resubmit({ table: networkZone })], packet, inPort),
    unreachable: held => fail(held, 'noNeighbor'),
  })
  const known = new KnownNextHops({
    store,
    ask: hop => nextHops.ask(hop),
    isConnected: id => programming.isConnected(id),
  })
  const seconds = setInterval(() => known.tick(), 1000).unref()

  programming.packetIns.on(PACKET_IN.routerError, ({ userdata, ...packetIn }) => {
    const why = routerErrorOf(userdata)
    if (why !== undefined) fail(packetIn, why)
  })
  programming.packetIns.on(PACKET_IN.nextHopWanted, packetIn => {
    const { chassis, fields } = packetIn
    const on = store.holder(networks, `key ${valueIn(fields, network)}`)
    if (on === undefined) return
    const hop: NextHop = { chassis, network: on.id, ip: ipOfBits(valueIn(fields, neighborAddress)) }
    known.want(hop)
    nextHops.want(hop, packetIn)
  })
  return {
    ...{ errors, nextHops, known },
    close: () => {
      clearInterval(seconds)
      known.close()
      nextHops.close()
    },
  }
}
