// Compile and encode from scratch: how many flows a second on one core, and what a port more costs in a large model.
// `node --conditions=source bench/compile.ts [ports] [chassis]`
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Attachment, Binding, Kind } from '#model'
import { ports as portKind } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

const [portCount = 20_000, chassisCount = 1000] = process.argv.slice(2).map(Number)
const NETWORKS = 200

const chassis = Array.from({ length: chassisCount }, (_, i) =>
  aChassis(`host${i}`, i + 1, { tunnelIp: `10.200.${i >> 8}.${i & 255}` }),
)
const networks = Array.from({ length: NETWORKS }, (_, i) => aNetwork(`net${i}`, i + 1))
const ports = Array.from({ length: portCount }, (_, i) =>
  aPort(`port${i}`, i + 1, `net${i % NETWORKS}`, {
    macAddress: `fa:16:3e:${[16, 8, 0].map(shift => ((i >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`,
    fixedIps: [{ subnetId: 's', ipAddress: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` }],
  }),
)
const bindings: Binding[] = []
const attachments = new Map<string, Attachment>()
for (const [i, port] of ports.entries()) {
  // Ports of one network lie on 20 chassis.
  const network = i % NETWORKS
  const at = chassis[(network * 7 + (Math.floor(i / NETWORKS) % 20)) % chassisCount]
  if (at === undefined) continue
  bindings.push(aBinding(port, at, 10 + i))
  const attachment = anAttachment(networks[network] ?? aNetwork('', 0), at, network + 1)
  attachments.set(attachment.id, attachment)
}
const commit = commitOf({
  network: networks,
  chassis,
  port: ports,
  binding: bindings,
  attachment: [...attachments.values()],
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Compiles all of it: how many flows, and how many a second of this thread, of all CPUs together, of the clock. */
const compile = () => {
  // What earlier runs left behind is not what this one costs.
  collect()
  const compiler = new Compiler(pipeline)
  const [began, thread, all] = [performance.now(), process.threadCpuUsage(), process.cpuUsage()]
  compiler.apply(commit)
  const clock = (performance.now() - began) / 1000
  const [ofThread, ofAll] = [process.threadCpuUsage(thread), process.cpuUsage(all)].map(
    ({ user, system }) => (user + system) / 1e6,
  ) as [number, number]
  let flows = 0
  for (const id of compiler.flowSetIds()) flows += compiler.flowSet(id)?.entries.size ?? 0
  return { compiler, flows, thread: flows / ofThread, cpus: flows / ofAll, clock: flows / clock }
}

compile() // warms up
const runs = [1, 2, 3].map(() => {
  const { thread, cpus, clock } = compile()
  return { thread, cpus, clock }
})
const { compiler, flows } = compile()
const best = (of: 'thread' | 'cpus' | 'clock') => `${Math.round(Math.max(...runs.map(run => run[of])) / 1000)},000`
console.log(`${portCount} ports, ${NETWORKS} networks, ${chassisCount} chassis: ${flows} distinct flows`)
console.log(`compiled and encoded from scratch: ${best('thread')} flows a second of one core (wanted: 150,000)`)
console.log(
  `  ${best('clock')} a second of wall time, ${best('cpus')} a CPU-second of the process with its collector's threads`,
)
if (compiler.conflicts.length > 0) console.log(`conflicts: ${compiler.conflicts.length}`)

const port = ports[0]
if (port !== undefined) {
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const before = i % 2 ? { ...port, adminStateUp: false } : port
    const after = i % 2 ? port : { ...port, adminStateUp: false }
    const began = performance.now()
    const kind = portKind as unknown as Kind
    const changes = [{ kind, id: port.id, before, after }]
    compiler.apply({ revision: i + 2, at: 0, origin: { source: 'bench' }, changes })
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  console.log(
    `one port changed: p50 ${((times[100] ?? 0) * 1000).toFixed(0)} µs, p99 ${((times[198] ?? 0) * 1000).toFixed(0)} µs`,
  )
}
