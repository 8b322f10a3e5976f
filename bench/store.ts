// How fast transactions become durable, beside the raw fsync rate of the same disk in the same run, and what 20,000
// records of a port's size cost in memory and time to load. BENCH_DIR says on which disk.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Kind, kind, type Pool } from '#model/kind'
import { openStore, type Store } from '#store'

interface PortLike {
  readonly id: string
  readonly key: number
  readonly networkId: string
  readonly projectId: string
  readonly macAddress: string
  readonly fixedIps: readonly { readonly subnetId: string; readonly ipAddress: string }[]
  readonly [other: string]: unknown
}

const ports: Kind<PortLike, 'network' | 'project' | 'device'> = kind<PortLike>()('port', {
  unique: p => [
    `key ${p.key}`,
    `mac ${p.networkId} ${p.macAddress}`,
    ...p.fixedIps.map(ip => `ip ${p.networkId} ${ip.ipAddress}`),
  ],
  index: { network: p => [p.networkId], project: p => [p.projectId], device: p => [`vm-${p.key}`] },
})
const keys: Pool = { name: 'port_key', first: 1, last: 0xffffff }
const declared = { kinds: [ports] as unknown as readonly Kind[], pools: [keys] }
const origin = { source: 'api', request: 'req-00000000-0000-0000-0000-000000000000' }

const portLike = (key: number, networks = 100): PortLike => {
  const hex = key.toString(16).padStart(6, '0')
  const network = `00000000-0000-4000-8000-${String(key % networks).padStart(12, '0')}`
  return {
    id: `${hex}00-0000-4000-9000-000000${hex}`,
    key,
    networkId: network,
    projectId: '6f70656e737461636b0000000000aaaa',
    name: `port-${key}`,
    description: '',
    adminStateUp: true,
    status: 'DOWN',
    macAddress: `fa:16:3e:${hex.match(/../g)!.join(':')}`,
    fixedIps: [
      { subnetId: network.replace('4000', '4001'), ipAddress: `10.${key >> 16}.${(key >> 8) & 255}.${key & 255}` },
    ],
    allowedAddressPairs: [],
    portSecurityEnabled: true,
    deviceOwner: 'compute:nova',
    deviceId: `vm-${key}`,
    bindingHost: '',
    tags: [],
    createdAt: 1700000000000 + key,
    updatedAt: 1700000000000 + key,
  }
}

/** Appends of a page each made durable one by one, a second: what no store on this disk can beat in sequence. */
const rawRate = (dir: string): number => {
  const file = openSync(join(dir, 'raw'), 'w')
  const page = Buffer.alloc(4096, 1)
  const started = performance.now()
  let count = 0
  while (performance.now() - started < 400) {
    writeSync(file, page)
    fdatasyncSync(file)
    count++
  }
  closeSync(file)
  return count / ((performance.now() - started) / 1000)
}

/** Transactions a second, and their latency in ms, with `clients` that each wait for their own. */
const drive = async (store: Store, clients: number, perTransaction = 1) => {
  const latencies: number[] = []
  const started = performance.now()
  const client = async () => {
    while (performance.now() - started < 1500) {
      const from = performance.now()
      await store.transact(origin, tx => {
        for (let i = 0; i < perTransaction; i++) tx.insert(ports, portLike(tx.allocate(keys)))
      })
      latencies.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const rate = latencies.length / ((performance.now() - started) / 1000)
  latencies.sort((a, b) => a - b)
  const quantile = (q: number) => latencies[Math.floor(latencies.length * q)]!.toFixed(2)
  return { rate, p50: quantile(0.5), p99: quantile(0.99) }
}

/** Transactions beside raw fsyncs just before and after them, so that both meet the same disk. */
const compare = async (dir: string, fsyncDelay: number, cases: readonly (readonly [number, number])[]) => {
  console.log(`fsync ${fsyncDelay === 0 ? 'as it is' : `with ${fsyncDelay} ms injected`}:`)
  const store = await openStore({ dataDir: join(dir, `delay-${fsyncDelay}`), ...declared, fsyncDelay })
  for (const [clients, perTransaction] of cases) {
    const before = rawRate(dir)
    const { rate, p50, p99 } = await drive(store, clients, perTransaction)
    const raw = 1000 / (2000 / (before + rawRate(dir)) + fsyncDelay)
    const what = perTransaction === 1 ? 'transactions' : `transactions of ${perTransaction} records`
    console.log(
      `  ${clients} client${clients === 1 ? '' : 's'}, ${what}: ${rate.toFixed(0)}/s,` +
        ` ${(rate / raw).toFixed(2)} x raw fsync (${raw.toFixed(0)}/s), p50 ${p50} ms, p99 ${p99} ms`,
    )
  }
  await store.close()
}

const heapAfterCollection = (): number => {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

/** What `count` records cost to load, and to hold. */
const load = async (dataDir: string, count: number) => {
  const filled = await openStore({ dataDir, ...declared })
  for (let i = 0; i < count / 100; i++) {
    await filled.transact(origin, tx => {
      for (let j = 0; j < 100; j++) tx.insert(ports, portLike(tx.allocate(keys)))
    })
  }
  await filled.close()
  const before = heapAfterCollection()
  const started = performance.now()
  const store = await openStore({ dataDir, ...declared })
  const took = performance.now() - started
  const each = (heapAfterCollection() - before) / count
  console.log(
    `${store.count(ports)} records of ${JSON.stringify(portLike(1)).length} bytes, each with a number of a pool:`,
  )
  console.log(
    `  loaded in ${took.toFixed(0)} ms; ${(each / 1024).toFixed(2)} KiB of heap each, keys and indexes included`,
  )
  await store.close()
}

const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'flowright-bench-'))
try {
  const cases = [
    [1, 1],
    [32, 1],
    [1, 100],
  ] as const
  for (const fsyncDelay of [0, 5]) await compare(dir, fsyncDelay, cases)
  await load(join(dir, 'large'), 20_000)
} finally {
  rmSync(dir, { recursive: true })
}
