// What tests of security groups have in common: a compiled model on a dummy chassis, and ports by name.
import type { Chassis, Network, Port, Transaction } from '#model'
import { ports } from '#model'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import type { End } from '#test/support/frames'
import { aChassis, addNetwork, addPort, aNetwork, aPort, securedCloud } from '#test/support/secured'

/** A chassis under test. */
export interface World {
  readonly host: DummyChassis
  readonly here: Chassis
  readonly there: Chassis
  readonly net: Network
  /** Changes the model, then the switch's flows in one bundle. */
  change(work: (tx: Transaction) => void): Promise<void>
  port(name: string): Port
  /** A port's MAC, and its address or another. */
  end(name: string, ip?: string): End
  /** OpenFlow port of a port. */
  at(name: string): number
  stop(): Promise<void>
}

/** Number of the local VLAN of network `net` on the chassis. */
export const NET_VLAN = 2

/** Starts a chassis `here` (and another, `there`, that is only modelled) with network `net`; the ports are made by `setUp`. */
export const startWorld = async (setUp: (tx: Transaction, add: AddPort) => void): Promise<World> => {
  const cloud = securedCloud()
  const [here, there] = [aChassis('here', 1), aChassis('there', 2)]
  const net = aNetwork('net', 1)
  await cloud.change(tx => {
    addNetwork(tx, net, [here, there])
    setUp(tx, adder(tx, here, there))
  })
  const host = await startDummyChassis(cloud.compiler, 'here')
  const port = (name: string) => cloud.store.get(ports, name) as Port
  const plugged = new Set<number>()
  const program = async () => {
    const wanted = Array.from(cloud.store.all(ports), p => 100 + p.key).filter(n => !plugged.has(n))
    if (wanted.length > 0) await host.plug(...wanted)
    for (const n of wanted) plugged.add(n)
    await host.program()
  }
  await program()
  return {
    ...{ host, here, there, net, port },
    change: async work => {
      await cloud.change(work)
      await program()
    },
    end: (name, ip) => ({ mac: port(name).macAddress, ip: ip ?? port(name).fixedIps[0]?.ipAddress ?? '' }),
    at: name => 100 + port(name).key,
    stop: () => host.stop(),
  }
}

/** Adds a port with a key to network `net`, on this chassis unless it says otherwise. */
export type AddPort = (
  name: string,
  key: number,
  groups: readonly string[],
  more?: Partial<Port> & { readonly elsewhere?: boolean },
) => Port

/** How ports are added in a transaction. */
export const adder =
  (tx: Transaction, here: Chassis, there: Chassis): AddPort =>
  (name, key, securityGroups, { elsewhere = false, ...more } = {}) =>
    addPort(tx, aPort(name, key, 'net', { securityGroups, ...more }), elsewhere ? there : here)
