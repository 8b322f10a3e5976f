// Compile and encode from scratch: how many flows a second on one core, and what a port more costs in a large model.
// `node --conditions=source bench/compile.ts [ports] [chassis] [rate]`; with `rate`, it prints flows a second and nothing else.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Attachment, Binding, Kind } from '#model'
import { ports as portKind } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

const [portCount = 20_000, chassisCount = 1000] = process.argv.slice(2, 4).map(Number)
const isRateOnly = process.argv[4] === 'rate'
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

/** Seconds that some work took by the clock, and of all CPUs together: the collector has threads of its own. */
const timed = (work: () => void) => {
  // What earlier runs left behind is not what this one costs.
  collect()
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  work()
  const clock = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { clock, cpu: (user + system) / 1e6 }
}

/** What a machine is worth to a compiler: it makes small objects and keeps them in a map, by texts. */
const OBJECTS = 500_000
const makeObjects = () => {
  const kept = new Map<string, object>()
  for (let i = 0; i < OBJECTS; i++) kept.set(`object ${i}`, { id: i, text: String(i), next: undefined })
}

const compile = () => {
  const compiler = new Compiler(pipeline)
  const time = timed(() => compiler.apply(commit))
  let flows = 0
  for (const id of compiler.flowSetIds()) flows += compiler.flowSet(id)?.entries.size ?? 0
  return { compiler, flows, time }
}

/** Rates are those of the best of several rounds: what else a machine does only ever takes time. */
const ROUNDS = 5
const best = (work: () => { readonly clock: number; readonly cpu: number }) => {
  const times = Array.from({ length: ROUNDS }, work)
  return { clock: Math.min(...times.map(time => time.clock)), cpu: Math.min(...times.map(time => time.cpu)) }
}

/** The same on one core alone, on which V8's collector and its optimising compiler run too. */
const rateOnOneCore = () => {
  const core = /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const again = [process.execPath, ...process.execArgv, import.meta.filename, portCount, chassisCount, 'rate'].map(
    String,
  )
  const { stdout, stderr, error } = spawnSync('taskset', ['--cpu-list', core, ...again], { encoding: 'utf8' })
  if (error !== undefined || stdout === '') throw error ?? new Error(stderr)
  return Number(stdout)
}

const first = compile()
compile()
const time = best(() => compile().time)
if (isRateOnly) {
  console.log(first.flows / time.clock)
  process.exit()
}
makeObjects()
const objects = best(() => timed(makeObjects))
collect()
const empty = process.memoryUsage().heapUsed
const { compiler, flows } = compile()
collect()
const kept = process.memoryUsage().heapUsed - empty
const inThousands = (rate: number) => `${Math.floor(rate / 1000)},000`
console.log(`${portCount} ports, ${NETWORKS} networks, ${chassisCount} chassis: ${flows} distinct flows`)
console.log('compiled and encoded from scratch, flows a second:')
console.log(`  ${inThousands(rateOnOneCore())} on one core, all threads of V8 included (wanted: 150,000)`)
console.log(`  ${inThousands(flows / time.clock)} where V8 has other cores for its collector`)
console.log(`  ${inThousands(flows / first.time.clock)} the first time in a process, before V8 has optimised`)
console.log(
  `  one flow costs as much as ${(time.cpu / flows / (objects.cpu / OBJECTS)).toFixed(1)} objects kept in a map`,
)
console.log(`kept: ${(kept / 1e6).toFixed(0)} MB, ${Math.round(kept / flows)} bytes a flow`)
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
