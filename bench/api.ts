// Creating ports over HTTP, durable: one after the other, by 32 clients at once, and in bulks of 100; on an empty network
// and on one of 20,000 ports; with the disk as it is and with 5 ms more per fsync. Everything beside raw fsync.
import { fork } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const quantile = (values: readonly number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!
const show = (what: string, value: string) => console.log(`${what.padEnd(56)} ${value}`)

/** Milliseconds of an append of 4 KiB and fsync, median. */
function rawFsync(dir: string): number {
  const file = openSync(join(dir, 'raw'), 'w')
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now()
    writeSync(file, Buffer.alloc(4096))
    fsyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  return quantile(times, 0.5)
}

/** Serves from a directory while `work` runs. */
async function served(dir: string, delay: number, work: (post: Post) => Promise<void>): Promise<void> {
  const child = fork(new URL('./api/server.ts', import.meta.url), [dir, String(delay)])
  const port = await new Promise<number>(resolve => child.once('message', n => resolve(n as number)))
  const post: Post = (path, body) =>
    new Promise((resolve, reject) => {
      const payload = JSON.stringify(body)
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
      const sent = request(
        { port, host: '127.0.0.1', path: `/v2.0/${path}`, method: 'POST', agent, headers },
        reply => {
          let text = ''
          reply.setEncoding('utf8')
          reply.on('data', part => {
            text += part
          })
          reply.on('end', () => (reply.statusCode === 201 ? resolve(text) : reject(new Error(text))))
        },
      )
      sent.on('error', reject)
      sent.end(payload)
    })
  await work(post)
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.disconnect()
  await exit
}
type Post = (path: string, body: unknown) => Promise<string>

/** Milliseconds that each of `count` calls took, by so many clients at once; and all of them together. */
async function timed(count: number, clients: number, call: () => Promise<unknown>) {
  const times: number[] = []
  let left = count
  const start = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const begun = performance.now()
        await call()
        times.push(performance.now() - begun)
      }
    }),
  )
  return { times, total: performance.now() - start }
}

async function measure(post: Post, network: string, fsync: number): Promise<void> {
  const port = { port: { network_id: network } }
  const bulk = { ports: Array(100).fill({ network_id: network }) }
  await timed(200, 4, () => post('ports', port)) // warms up
  const alone = await timed(500, 1, () => post('ports', port))
  const p50 = quantile(alone.times, 0.5)
  show(
    '  POST /v2.0/ports in sequence, p50',
    `${p50.toFixed(2)} ms = ${(p50 / fsync).toFixed(1)} raw fsyncs (p99 ${quantile(alone.times, 0.99).toFixed(2)} ms)`,
  )
  const many = await timed(4000, 32, () => post('ports', port))
  const rate = 4000 / (many.total / 1000)
  show(
    '  by 32 clients',
    `${Math.round(rate)} ports/s = ${((rate * fsync) / 1000).toFixed(2)} per raw fsync (p99 ${quantile(many.times, 0.99).toFixed(1)} ms)`,
  )
  for (const clients of [1, 4]) {
    const bulks = await timed(40, clients, () => post('ports', bulk))
    const bulkRate = 4000 / (bulks.total / 1000)
    show(
      `  in bulks of 100 by ${clients}`,
      `${Math.round(bulkRate)} ports/s = ${((bulkRate * fsync) / 1000).toFixed(2)} per raw fsync`,
    )
  }
}

for (const delay of [0, 5]) {
  const dir = mkdtempSync(join(tmpdir(), 'flowright-bench-'))
  try {
    const fsync = rawFsync(dir) + delay
    show(`append and fsync${delay ? ' with 5 ms injected' : ''}, p50`, `${fsync.toFixed(2)} ms`)
    await served(dir, delay, async post => {
      const make = async () => {
        const { network } = JSON.parse(await post('networks', { network: {} }))
        await post('subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/8' } })
        return network.id as string
      }
      const network = await make()
      console.log(' on an empty network')
      await measure(post, network, fsync)
      const large = await make()
      const bulk = { ports: Array(500).fill({ network_id: large }) }
      for (let i = 0; i < 40; i++) await post('ports', bulk)
      console.log(' on a network of 20,000 ports')
      await measure(post, large, fsync)
    })
  } finally {
    rmSync(dir, { recursive: true })
  }
}
agent.destroy()
