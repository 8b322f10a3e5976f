// A packet's way from port to port over chassis, as compiled from a model that the API made: tunnels, provider networks,
// connections, security groups; and the sentence at the end.
import { beforeEach, expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { dropReasons } from '#flows/drop-reasons'
import { pipeline } from '#flows/pipeline'
import { registers } from '#flows/registers'
import { chassis, claimPort, ports } from '#model'
import { type TestApi, testApi } from '#test/support/api'
import { aChassis } from '#test/support/model'
import { Connections, trace } from '#tracer'
import { findPort, packetBetween, parseProtocol, replyTo } from '#tracer/between'
import { explain } from '#tracer/explain'
import { intendedTables } from '#tracer/intended'
import { modelWorld } from '#tracer/model-world'

let api: TestApi
let compiler: Compiler
const ids = new Map<string, string>()

const plug = (port: string, host: string, ofport: number) =>
  api.store.transact({ source: 'test' }, tx =>
    claimPort(tx, { port: ids.get(port) as string, chassis: host, interface: `tap-${port}`, ofport, error: '' }),
  )

const makePort = async (name: string, network: string, host: string, ofport: number, more: object = {}) => {
  const { port } = await api.ok('POST', 'ports', { port: { name, network_id: network, ...more } })
  ids.set(name, port.id)
  await plug(name, host, ofport)
  return port
}

const follow = (from: string, to: string, protocol: string, connections = new Connections()) => {
  const model = api.store
  const world = modelWorld({ model, pipeline, tables: intendedTables(compiler) })
  const [a, b] = [findPort(model, from), findPort(model, to)]
  const start = packetBetween(model, a, b, parseProtocol(protocol))
  const traced = trace(world, start, connections)
  const verdict = (t = traced, target = b) =>
    explain(t, { model, pipeline, reasons: dropReasons, registers, to: target })
  const reply = () => {
    const answer = replyTo(model, traced, b)
    return verdict(trace(world, answer, connections), a)
  }
  return { ...verdict(), traced, reply, again: () => verdict(trace(world, start, connections)) }
}

beforeEach(async () => {
  ids.clear()
  api = testApi()
  compiler = new Compiler(pipeline)
  api.store.follow(commit => compiler.apply(commit), { fromStart: true })
  await api.store.transact({ source: 'test' }, tx => {
    for (const n of [1, 2, 3]) tx.insert(chassis, aChassis(`host${n}`, n, { providerPorts: { physnet1: 9 } }))
  })
})

test('a packet goes through the tunnel to a port on another chassis, and its reply comes back', async () => {
  const { network } = await api.network('10.0.0.0/24')
  await makePort('web1', network, 'host1', 101)
  await makePort('web2', network, 'host2', 101)
  await makePort('web3', network, 'host3', 101)
  const to2 = follow('web1', 'web2', 'tcp 443')
  expect(to2.sentence).toBe('Delivered to web2 on host2 after 3 hops.')
  expect(to2.reply().sentence).toBe('Delivered to web1 on host1 after 3 hops.')
  expect(to2.traced.arrivals.map(a => [a.by, a.place.chassis])).toContainEqual(['tunnel', 'host2'])
  expect(to2.traced.arrivals.some(a => a.place.chassis === 'host3')).toBe(false)
})
