// A thousand simulated chassis and 20,000 ports: memory and time to fill them all, what one more port costs and whom, and
// a restart of the controller. `node --conditions=source bench/fabric.ts [chassis] [ports]`
import { fork } from 'node:child_process'
import { makeModel, quantile, reached, show, startProgramming, timePorts } from './fabric/model.ts'

const [chassisCount = 1000, portCount = 20_000] = process.argv.slice(2).map(Number)
const ROUNDS = 50

const mebi = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
const total = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0)
let cpu = process.cpuUsage()
let clock = performance.now()
/** Wall and CPU seconds of the controller since the last call. */
const elapsed = () => {
  const { user, system } = process.cpuUsage(cpu)
  const wall = performance.now() - clock
  cpu = process.cpuUsage()
  clock = performance.now()
  return `${(wall / 1000).toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of CPU)`
}

const model = makeModel(chassisCount, portCount)
const { chassis, compiler, members } = model
show('memory after compiling', mebi(process.memoryUsage().rss))
const chassisWithKey = (key: number) => chassis[key - 1]?.id
let controller = await startProgramming(compiler, chassisWithKey)
const child = fork(new URL('./fabric/chassis.ts', import.meta.url), [String(controller.port), String(chassisCount)])

interface Seen {
  readonly bytes: readonly number[]
  readonly flowMods: readonly number[]
}
const ask = () =>
  new Promise<Seen>(resolve => {
    child.once('message', resolve as (message: unknown) => void)
    child.send('seen')
  })

let peak = 0
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 50)
try {
  elapsed()
  await reached(controller.programming, chassis, ['verifying', 'in_sync'])
  const filled = elapsed()
  const first = await ask()
  show('all chassis filled', `${filled}, ${total(first.flowMods)} flow_mods`)
  const [encoded, written] = [controller.programming.bytesEncoded, total(first.bytes)]
  show('bytes encoded, bytes written', `${mebi(encoded)}, ${mebi(written)} (1 : ${(written / encoded).toFixed(1)})`)
  show('peak memory of the controller (limit 2048 MiB)', mebi(peak))

  await timePorts(model, controller.programming, 5)
  const before = await ask()
  const times = await timePorts(model, controller.programming, ROUNDS)
  const after = await ask()
  const [p50, p99] = [quantile(times, 0.5).toFixed(1), quantile(times, 0.99).toFixed(1)]
  show(`a port added to a network on ${members.size} chassis, acknowledged by all, p50, p99`, `${p50}, ${p99} ms`)
  const cost = chassis.map((c, i) => ({ isMember: members.has(c.id), bytes: after.bytes[i]! - before.bytes[i]! }))
  const perPort = (of: typeof cost) => Math.round(total(of.map(c => c.bytes)) / Math.max(1, of.length) / ROUNDS)
  show('bytes to a chassis in the network, a port', `${perPort(cost.filter(c => c.isMember))}`)
  show('bytes to a chassis elsewhere, a port', `${perPort(cost.filter(c => !c.isMember))}`)

  const { port } = controller
  await controller.end()
  const earlier = await ask()
  elapsed()
  controller = await startProgramming(compiler, chassisWithKey, port)
  await reached(controller.programming, chassis, ['verifying', 'in_sync'])
  const restarted = elapsed()
  const sent = total((await ask()).flowMods) - total(earlier.flowMods)
  show('controller restarted with nothing changed, all in sync by stamp', `${restarted}, ${sent} flow_mods`)
  await reached(controller.programming, chassis, ['in_sync'])
  show('audit in the background', `${elapsed()}, ${controller.programming.counters.flowsRead} flows`)
  show('peak memory of the controller, audit included', mebi(peak))
} finally {
  clearInterval(watch)
  await controller.end()
  child.disconnect()
}
