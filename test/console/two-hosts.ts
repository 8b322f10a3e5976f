// Where most tests of the console begin: a controller, and two hosts with a VM each on one network.
import { type PortResource, type Resource, startWorld, type World } from '#test/dataplane/world'
import type { Host, Vm } from '#test/support/cloud'

/** The network is called blue, the VMs' ports web1 and db1. */
export interface TwoHosts {
  readonly world: World
  readonly host1: Host
  readonly host2: Host
  readonly blue: Resource
  /** On host1. */
  readonly web: [Vm, PortResource]
  /** On host2. */
  readonly db: [Vm, PortResource]
}

/** Starts them. */
export const startTwoHosts = async (): Promise<TwoHosts> => {
  const world = await startWorld()
  const [host1, host2] = [await world.addHost('host1', 1), await world.addHost('host2', 2)]
  const blue = await world.createNetwork({ name: 'blue' }, ['10.0.0.0/24'])
  const web = await world.vmOn(host1, blue, { name: 'web1' })
  const db = await world.vmOn(host2, blue, { name: 'db1' })
  return { world, host1, host2, blue, web, db }
}
