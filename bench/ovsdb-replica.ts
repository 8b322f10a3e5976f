/**
 * How much CPU and memory the first copy of an Open_vSwitch database with 10,000 ports costs, beside Open vSwitch's
 * Python IDL doing the same on the same server: `node --conditions=source bench/ovsdb-replica.ts [PORTS]`.
 *
 * Each client is a process of its own, start-up included, and reports its own CPU time and peak resident size; the
 * median of three runs counts.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connect, insert, named } from 'ovsdb-client'

const run = promisify(execFile)
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'
const BUDGET = { cpu: 0.8, mib: 150 }

interface Cost {
  readonly cpu: number
  readonly mib: number
  readonly rows: number
}

/** The measured client, on the package as it is published: every table, every column. */
const REPLICA = `
import { connect } from './package/index.js'
const client = connect({ remotes: process.argv[2] })
const db = await client.database('Open_vSwitch')
const tables = [...db.schema.tables.keys()]
const replica = await db.monitor(Object.fromEntries(tables.map(name => [name, '*'])))
const { user, system } = process.cpuUsage()
const rows = tables.reduce((sum, name) => sum + replica.table(name).size, 0)
console.log(JSON.stringify({ cpu: (user + system) / 1e6, mib: process.resourceUsage().maxRSS / 1024, rows }))
client.close()
`

/** The same with python3-openvswitch. */
const PYTHON = `
import json, resource, sys
import ovs.db.idl, ovs.jsonrpc, ovs.poller
helper = ovs.db.idl.SchemaHelper(location='${SCHEMA}')
helper.register_all()
idl = ovs.db.idl.Idl(sys.argv[1], helper)
while not idl.has_ever_connected():
    idl.run()
    poller = ovs.poller.Poller()
    idl.wait(poller)
    if not idl.has_ever_connected():
        poller.block()
usage = resource.getrusage(resource.RUSAGE_SELF)
rows = sum(len(table.rows) for table in idl.tables.values())
print(json.dumps({'cpu': usage.ru_utime + usage.ru_stime, 'mib': usage.ru_maxrss / 1024, 'rows': rows}))
`

async function bench(ports: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ovsdb-bench-'))
  const sock = join(dir, 'db.sock')
  await run('ovsdb-tool', ['create', join(dir, 'conf.db'), SCHEMA])
  const args = [`--remote=punix:${sock}`, `--unixctl=${join(dir, 'ctl')}`, '--no-chdir', '-vconsole:off']
  const server = spawn('ovsdb-server', [...args, join(dir, 'conf.db')], { stdio: 'ignore' })
  try {
    while (!existsSync(sock)) await sleep(10)
    await fill(`unix:${sock}`, ports)
    const main = join(import.meta.dirname, '..')
    const source = join(main, 'src/ovsdb-client/tsconfig.json')
    await run(join(main, 'node_modules/.bin/tsc'), ['-p', source, '--outDir', join(dir, 'package')])
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
    writeFileSync(join(dir, 'replica.js'), REPLICA)
    const ours = await median(process.execPath, [join(dir, 'replica.js'), `unix:${sock}`])
    const idl = await median('/usr/bin/python3', ['-c', PYTHON, `unix:${sock}`])
    print(ports, ours, idl)
  } finally {
    server.kill()
    rmSync(dir, { recursive: true })
  }
}

/** Ports as a busy hypervisor has them: bound, in use, with statistics. */
async function fill(remote: string, ports: number): Promise<void> {
  using client = connect({ remotes: remote })
  const db = await client.database('Open_vSwitch')
  const names = Array.from({ length: ports }, (_, i) => `tap${i.toString(16).padStart(8, '0')}-00`)
  const rows = names.flatMap((name, i) => {
    const mac = `fa:16:3e:${[i >> 16, (i >> 8) & 255, i & 255].map(byte => byte.toString(16).padStart(2, '0')).join(':')}`
    return [
      insert(
        'Interface',
        {
          name,
          ofport: (i % 65_000) + 1,
          mac_in_use: mac,
          admin_state: 'up',
          link_state: 'up',
          link_speed: 10_000_000_000,
          mtu: 1450,
          ifindex: i + 10,
          external_ids: {
            'iface-id': `6a3c0f7e-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
            'attached-mac': mac,
            'iface-status': 'active',
            'vm-uuid': `0d6a5c1e-0000-4000-9000-${i.toString(16).padStart(12, '0')}`,
          },
          statistics: {
            rx_packets: i * 1000,
            rx_bytes: i * 64_000,
            tx_packets: i * 900,
            tx_bytes: i * 58_000,
            rx_dropped: 0,
          },
          status: { driver_name: 'tun', driver_version: '1.6', firmware_version: '' },
        },
        `i${i}`,
      ),
      insert('Port', { name, interfaces: named(`i${i}`), tag: i % 4094 }, `p${i}`),
    ]
  })
  const bridge = insert('Bridge', { name: 'br-int', ports: names.map((_, i) => named(`p${i}`)) }, 'b')
  await db.transact([...rows, bridge, insert('Open_vSwitch', { bridges: named('b') })])
}

async function median(command: string, args: string[]): Promise<Cost> {
  const costs: Cost[] = []
  for (let i = 0; i < 3; i++) costs.push(JSON.parse((await run(command, args, { cwd: import.meta.dirname })).stdout))
  return costs.sort((a, b) => a.cpu - b.cpu)[1]!
}

function print(ports: number, ours: Cost, idl: Cost): void {
  const line = (name: string, { cpu, mib, rows }: Cost) =>
    console.log(`${name.padEnd(22)}${cpu.toFixed(2).padStart(8)} s CPU ${mib.toFixed(0).padStart(6)} MiB ${rows} rows`)
  console.log(`first copy of an Open_vSwitch database with ${ports} ports`)
  line('ovsdb-client', ours)
  line('Python IDL', idl)
  console.log(
    `Python IDL / ovsdb-client: CPU ${(idl.cpu / ours.cpu).toFixed(1)}, memory ${(idl.mib / ours.mib).toFixed(1)}`,
  )
  if (ours.rows !== idl.rows) throw new Error('the two copies differ')
  console.log(`wanted at 10000 ports: under ${BUDGET.cpu} s and ${BUDGET.mib} MiB`)
}

await bench(Number(process.argv[2] ?? 10_000))
