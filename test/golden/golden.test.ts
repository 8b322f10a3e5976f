// Each folder here is one idea: a model in (model.json, records with the defaults of test/support/model.ts), the whole
// flow table of each bridge of each chassis out, as `ovs-ofctl --no-stats dump-flows` prints it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printFlow } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import { type Bridge, Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Chassis, Network, Port } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

interface Scenario {
  readonly networks: readonly (Partial<Network> & { readonly id: string })[]
  readonly chassis: readonly (Partial<Chassis> & { readonly id: string })[]
  readonly ports: readonly (Partial<Port> & {
    readonly id: string
    readonly networkId: string
    /** Where it is plugged; a second place is pending. */
    readonly on: readonly string[]
  })[]
}

const read = (scenario: string) => {
  const file = readFileSync(join(import.meta.dirname, scenario, 'model.json'), 'utf8')
  const { networks, chassis, ports } = JSON.parse(file) as Scenario
  const records = {
    network: networks.map((n, i) => aNetwork(n.id, i + 1, n)),
    chassis: chassis.map((c, i) => aChassis(c.id, i + 1, c)),
    port: ports.map(({ on: _, ...p }, i) => aPort(p.id, i + 1, p.networkId, p)),
  }
  const at = (id: string) => records.chassis.find(c => c.id === id) as Chassis
  const plugged = ports.flatMap(({ on }, i) =>
    on.map((id, nth) => ({ port: records.port[i] as Port, on: at(id), state: nth ? 'pending' : 'active' }) as const),
  )
  const reached = new Map(plugged.map(({ port, on }) => [`${on.id} ${port.networkId}`, { port, on }]))
  return {
    ...records,
    binding: plugged.map(({ port, on, state }) => aBinding(port, on, 100 + port.key, state)),
    attachment: [...reached.values()].map(({ port, on }) => {
      const network = records.network.find(n => n.id === port.networkId) as Network
      return anAttachment(network, on, network.key + 1)
    }),
  }
}

const dump = (compiler: Compiler, chassis: string, bridge: Bridge): string =>
  [...compiler.subscriptions(chassis)]
    .flatMap(set => [...(compiler.flowSet(set)?.entries.values() ?? [])])
    .filter(entry => entry.bridge === bridge)
    .map(entry => {
      const { cookie: _, ...flow } = entry.flow
      return { ...entry.flow, text: printFlow(flow) }
    })
    .sort((a, b) => a.table - b.table || b.priority - a.priority || (a.text < b.text ? -1 : 1))
    .map(flow => `${flow.text}\n`)
    .join('')

const scenarios = readdirSync(import.meta.dirname, { withFileTypes: true }).filter(entry => entry.isDirectory())

test.each(scenarios.map(entry => entry.name))('%s', async scenario => {
  const records = read(scenario)
  const compiler = new Compiler(pipeline)
  compiler.apply(commitOf(records))
  expect(compiler.conflicts).toEqual([])
  for (const { id } of records.chassis)
    for (const bridge of ['br-int', 'br-tun'] as const)
      await expect(dump(compiler, id, bridge)).toMatchFileSnapshot(`${scenario}/${id}.${bridge}.flows`)
})
