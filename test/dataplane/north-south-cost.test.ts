// What the paths of north-south traffic cost: how often a packet is taken up again after conntrack on each host, counted in
// the flows of the datapath itself.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, SERVER } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import { type Machine, type NorthSouth, startNorthSouth } from './north-south.ts'
import { ipOf, type Resource } from './world.ts'

/** The longest chain of recirculations in a datapath: `recirc(0x2)` leads to the flows with `recirc_id(0x2)`. */
const longestChain = (flows: readonly string[]): number => {
  const next = new Map<string, Set<string>>()
  for (const flow of flows) {
    const from = Number(/recirc_id\((\w+)\)/.exec(flow)?.[1] ?? 0).toString()
    for (const [, to] of flow.matchAll(/\brecirc\((\w+)\)/g)) {
      if (!next.has(from)) next.set(from, new Set())
      next.get(from)?.add(Number(to).toString())
    }
  }
  const lengthFrom = (id: string): number => Math.max(0, ...[...(next.get(id) ?? [])].map(to => 1 + lengthFrom(to)))
  return lengthFrom('0')
}

describeDataplane('the cost of north-south', () => {
  let ns: NorthSouth
  const vms: Record<string, Machine> = {}

  beforeAll(async () => {
    ns = await startNorthSouth({ gw: { gateway: 10 }, compute: {} })
    const router = await ns.addRouter(['203.0.113.11'])
    const network: Resource = await ns.addNetwork(router, ['10.1.0.0/24'])
    const second = await ns.addNetwork(router, ['10.2.0.0/24'])
    for (const [name, host, on, ip] of [
      ['plain', 'gw', network],
      ['routed', 'gw', second],
      ['far', 'compute', network],
      ['floating', 'gw', network, '203.0.113.31'],
      ['floating too', 'gw', second, '203.0.113.32'],
      ['floating far', 'compute', network, '203.0.113.33'],
    ] as const) {
      const machine = await ns.vmOn(host, on)
      vms[name] = machine
      if (ip) await ns.addFloatingIp({ port_id: machine[1].id, floating_ip_address: ip })
    }
  }, 120_000)
  afterAll(() => ns?.stop())

  const LIMITS: readonly (readonly [from: string, to: string, most: Readonly<Record<string, number>>])[] = [
    ['plain', 'routed', { gw: 2 }],
    ['far', 'routed', { compute: 1, gw: 1 }],
    ['plain', SERVER, { gw: 2 }],
    ['far', SERVER, { compute: 1, gw: 1 }],
    ['floating', SERVER, { gw: 2 }],
    ['floating far', SERVER, { compute: 1, gw: 1 }],
    ['floating', '203.0.113.32', { gw: 4 }],
    ['far', '203.0.113.31', { compute: 1, gw: 3 }],
  ]
  test.each(LIMITS)('from %s to %s: at most %o recirculations, there and back', async (from, to, most) => {
    const [vm] = vms[from] as Machine
    const address = to in vms ? ipOf((vms[to] as Machine)[1]) : to
    await until('the way to be there', () => vm.ping(address))
    for (const host of Object.keys(most)) await ns.host(host).ovs.appctl('revalidator/purge')
    expect(await vm.ping(address, { count: 5 })).toBe(true)
    if (address === SERVER) await ask(vm, 'tcp', address, { size: 8000 })
    for (const [host, limit] of Object.entries(most)) {
      const flows = (await ns.host(host).ovs.appctl('dpctl/dump-flows')).split('\n')
      const length = longestChain(flows)
      console.log(`${from} to ${to}: ${length} recirculations on ${host}`)
      expect(length, flows.join('\n')).toBeLessThanOrEqual(limit)
      expect(length).toBeGreaterThan(0)
    }
  })
})
