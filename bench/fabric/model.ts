// The model of the benches of the fabric: a hundred ports a network, over 25 chassis, as tenants' networks lie.
import { Compiler } from '#compiler'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { pipeline } from '#flows/pipeline'
import type { Attachment, Binding, Port } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, commitOf } from '#test/support/model'

const PER_NETWORK = 100
const SPREAD = 25

/** Prints a line of results. */
export const show = (what: string, value: string): void => console.log(`${what.padEnd(72)} ${value}`)

const uuid = (kind: number, n: number) =>
  `${String(kind).padStart(8, '0')}-0000-4000-8000-${String(n).padStart(12, '0')}`

/** A compiled model of this many chassis and ports, and what the benches do with it. */
export const makeModel = (chassisCount: number, portCount: number) => {
  const networkCount = Math.max(1, Math.round(portCount / PER_NETWORK))
  const networks = Array.from({ length: networkCount }, (_, i) => aNetwork(uuid(1, i), i + 1))
  const chassis = Array.from({ length: chassisCount }, (_, i) =>
    aChassis(`host${i + 1}`, i + 1, { tunnelIp: `10.100.${(i >> 8) & 255}.${i & 255}` }),
  )
  const place = (i: number, network: number, host: number) => {
    const bytes = [16, 8, 0].map(shift => (i >> shift) & 255)
    const macAddress = `fa:16:3e:${bytes.map(b => b.toString(16).padStart(2, '0')).join(':')}`
    const fixedIps = [{ subnetId: 's', ipAddress: `10.${bytes.join('.')}` }]
    const port = aPort(uuid(2, i), i + 1, networks[network]!.id, { macAddress, fixedIps })
    const binding = aBinding(port, chassis[host]!, 10 + i)
    return { port, binding, attachment: anAttachment(networks[network]!, chassis[host]!, 1 + (network % 4094)) }
  }
  const ports: Port[] = []
  const bindings: Binding[] = []
  const attachments = new Map<string, Attachment>()
  for (let i = 0; i < portCount; i++) {
    const network = Math.floor(i / PER_NETWORK) % networkCount
    const made = place(i, network, (network * 37 + (i % SPREAD)) % chassisCount)
    ports.push(made.port)
    bindings.push(made.binding)
    attachments.set(made.attachment.id, made.attachment)
  }

  const compiler = new Compiler(pipeline)
  let revision = 1
  const records = { network: networks, chassis, port: ports, binding: bindings, attachment: [...attachments.values()] }
  const started = performance.now()
  compiler.apply(commitOf(records, revision))
  const time = performance.now() - started
  const sets = new Set(chassis.flatMap(c => [...compiler.subscriptions(c.id)]))
  const flows = [...sets].reduce((sum, id) => sum + (compiler.flowSet(id)?.entries.size ?? 0), 0)
  show(
    `compiled: ${flows} flows of ${portCount} ports on ${chassisCount} chassis`,
    `${(time / 1000).toFixed(2)} s, ${Math.round(flows / time)},000 flows/s`,
  )

  /** The chassis of the first network. */
  const members = new Set([...attachments.values()].filter(a => a.network === networks[0]!.id).map(a => a.chassis))
  const home = chassis.findIndex(c => members.has(c.id))
  return {
    compiler,
    chassis,
    members,
    /** Adds a port to the first network, on one of its chassis; gives the commit's revision. */
    addPort: (): number => {
      const made = place(portCount + revision, 0, home)
      compiler.apply(commitOf({ port: [made.port], binding: [made.binding] }, ++revision))
      return revision
    },
  }
}

/** Starts programming of a compiled model; `port` 0 for any. */
export const startProgramming = async (
  compiler: Compiler,
  chassisWithKey: (key: number) => string | undefined,
  port = 0,
) => {
  const programming = new Programming({ compiled: compiler })
  const stop = compiler.onDelta(delta => programming.apply(delta))
  const server = await listenForSwitches({ address: { port }, programming, chassisWithKey })
  return {
    programming,
    port: server.address!.port,
    end: async () => {
      stop()
      programming.close()
      await server.close()
    },
  }
}

/** Resolves when both bridges of all chassis are in one of these states. */
export const reached = async (
  programming: Programming,
  chassis: readonly { id: string }[],
  states: readonly string[],
) => {
  let left = chassis.map(c => c.id)
  while (left.length > 0) {
    await new Promise(resolve => setTimeout(resolve, 20))
    left = left.filter(id => {
      const bridges = programming.status(id)?.bridges
      return !bridges || !Object.values(bridges).every(b => states.includes(b.state))
    })
  }
}

/** Adds ports one after the other; milliseconds until all chassis of the network acknowledged each, sorted. */
export const timePorts = async (model: ReturnType<typeof makeModel>, programming: Programming, count: number) => {
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const started = performance.now()
    const revision = model.addPort()
    await Promise.all([...model.members].map(id => programming.acknowledged(id, revision, 10_000)))
    times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)
}

/** A quantile of sorted numbers. */
export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
