// A thousand simulated chassis and 20,000 ports: memory and time to fill them all, what one more port costs and whom, and
// a restart of the controller. `node --conditions=source bench/fabric.ts [chassis] [ports]`
import { fork } from 'node:child_process'
import { Compiler } from '#compiler'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { pipeline } from '#flows/pipeline'
import type { Attachment, Binding, Commit, Port } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

const [chassisCount = 1000, portCount = 20_000] = process.argv.slice(2).map(Number)
const networkCount = Math.max(1, Math.round(portCount / 100))
let cpu = process.cpuUsage()
/** CPU seconds of the controller since the last call. */
const busy = () => {
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  return `${((user + system) / 1e6).toFixed(2)} s of CPU`
}

const show = (what: string, value: string) => console.log(`${what.padEnd(64)} ${value}`)
const mebi = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

// A hundred ports a network, over 25 chassis, as tenants' networks lie.
const PER_NETWORK = 100
const SPREAD = 25
const placeOf = (i: number): [network: number, host: number] => {
  const network = Math.floor(i / PER_NETWORK) % networkCount
  return [network, (network * 37 + (i % SPREAD)) % chassisCount]
}
const uuid = (kind: number, n: number) =>
  `${String(kind).padStart(8, '0')}-0000-4000-8000-${String(n).padStart(12, '0')}`
const networks = Array.from({ length: networkCount }, (_, i) => aNetwork(uuid(1, i), i + 1))
const chassis = Array.from({ length: chassisCount }, (_, i) =>
  aChassis(`host${i + 1}`, i + 1, { tunnelIp: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` }),
)
const ports: Port[] = []
const bindings: Binding[] = []
const attachments = new Map<string, Attachment>()
const addPort = (i: number, network: number, host: number) => {
  const mac = `fa:16:3e:${[16, 8, 0].map(shift => ((i >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`
  const fixedIps = [{ subnetId: 's', ipAddress: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` }]
  const port = aPort(uuid(2, i), i + 1, networks[network]!.id, { macAddress: mac, fixedIps })
  const binding = aBinding(port, chassis[host]!, 10 + Math.floor(i / chassisCount))
  const attachment = anAttachment(networks[network]!, chassis[host]!, 1 + (network % 4094))
  return { port, binding, attachment }
}
for (let i = 0; i < portCount; i++) {
  const made = addPort(i, ...placeOf(i))
  ports.push(made.port)
  bindings.push(made.binding)
  attachments.set(made.attachment.id, made.attachment)
}

const compiler = new Compiler(pipeline)
let revision = 1
let started = performance.now()
compiler.apply(
  commitOf(
    { network: networks, chassis, port: ports, binding: bindings, attachment: [...attachments.values()] },
    revision,
  ),
)
const compileTime = performance.now() - started
const setIds = new Set(chassis.flatMap(c => [...compiler.subscriptions(c.id)]))
const flowCount = [...setIds].reduce((sum, id) => sum + (compiler.flowSet(id)?.entries.size ?? 0), 0)
show(
  `compiled: ${flowCount} flows of ${portCount} ports, ${chassisCount} chassis`,
  `${seconds(compileTime)}, ${Math.round(flowCount / compileTime)},000 flows/s`,
)
show('memory after compiling', mebi(process.memoryUsage().rss))

const start = async (port: number) => {
  const programming = new Programming({ compiled: compiler, readBacks: 4 })
  const stop = compiler.onDelta(delta => programming.apply(delta))
  const chassisWithKey = (key: number) => chassis[key - 1]?.id
  const server = await listenForSwitches({ address: { port }, programming, chassisWithKey })
  const end = async () => {
    stop()
    programming.close()
    await server.close()
  }
  return { programming, port: server.address!.port, end }
}
const synced = async (programming: Programming, states: readonly string[]) => {
  const isSynced = (id: string) =>
    Object.values(programming.status(id)?.bridges ?? { none: { state: '' } }).every(b => states.includes(b.state))
  while (!chassis.every(c => isSynced(c.id))) await pause(20)
}

let controller = await start(0)
const port = controller.port
const child = fork(new URL('./fabric/chassis.ts', import.meta.url), [String(port), String(chassisCount)])
interface Seen {
  readonly bytes: readonly number[]
  readonly flowMods: readonly number[]
  readonly bundles: readonly number[]
  readonly flows: readonly number[]
}
const ask = () =>
  new Promise<Seen>(resolve => {
    child.once('message', resolve as (message: unknown) => void)
    child.send('seen')
  })
const total = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0)

try {
  busy()
  started = performance.now()
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 50)
  await synced(controller.programming, ['in_sync'])
  const filled = performance.now() - started
  const first = await ask()
  show('all chassis filled and acknowledged', `${seconds(filled)}, ${total(first.flowMods)} flow_mods, ${busy()}`)
  show(
    'bytes encoded / bytes written',
    `${mebi(controller.programming.bytesEncoded)} / ${mebi(total(first.bytes))} (1 : ${(total(first.bytes) / controller.programming.bytesEncoded).toFixed(1)})`,
  )
  show('peak memory of the controller (limit 2048 MiB)', mebi(peak))

  const times: number[] = []
  let before = await ask()
  const members = new Set([...attachments.values()].filter(a => a.network === networks[0]!.id).map(a => a.chassis))
  const host = chassis.findIndex(c => members.has(c.id))
  const rounds = 50
  for (let n = 0; n < rounds; n++) {
    const made = addPort(portCount + n, 0, host)
    const commit: Commit = commitOf({ port: [made.port], binding: [made.binding] }, ++revision)
    const at = performance.now()
    compiler.apply(commit)
    await Promise.all([...members].map(id => controller.programming.acknowledged(id, revision, 10_000)))
    times.push(performance.now() - at)
  }
  times.sort((a, b) => a - b)
  let after = await ask()
  const cost = chassis.map((c, i) => ({ isMember: members.has(c.id), bytes: after.bytes[i]! - before.bytes[i]! }))
  const mean = (of: readonly { bytes: number }[]) =>
    of.length === 0 ? 0 : total(of.map(c => c.bytes)) / of.length / rounds
  show(
    `a port added to a network on ${members.size} chassis, acknowledged by all, p50 / p99`,
    `${quantile(times, 0.5).toFixed(1)} / ${quantile(times, 0.99).toFixed(1)} ms`,
  )
  show('bytes to a chassis in the network, per port', `${Math.round(mean(cost.filter(c => c.isMember)))}`)
  show('bytes to a chassis elsewhere, per port (echoes included)', `${Math.round(mean(cost.filter(c => !c.isMember)))}`)

  await controller.end()
  busy()
  before = await ask()
  started = performance.now()
  controller = await start(port)
  await synced(controller.programming, ['verifying', 'in_sync'])
  const restarted = performance.now() - started
  after = await ask()
  show(
    'controller restarted with nothing changed: all in sync again',
    `${seconds(restarted)}, ${total(after.flowMods) - total(before.flowMods)} flow_mods, ${busy()}`,
  )
  started = performance.now()
  await synced(controller.programming, ['in_sync'])
  const { flowsRead } = controller.programming.counters
  const audit = performance.now() - started
  show('audit in the background', `${seconds(audit)}, ${flowsRead} flows, ${busy()}`)
  show('peak memory of the controller, audit included', mebi(peak))
  clearInterval(watch)
} finally {
  await controller.end()
  child.disconnect()
}
