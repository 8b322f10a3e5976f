// From the plug to the packet: how long after `iface-id` is set on an interface its flows are acknowledged by every
// chassis concerned, and the port is ACTIVE; whether that grows with the model; and how long 1,000 plugged ports take
// from the controller's start on empty switches. Two real ovs-vswitchd on the dummy datapath; the store is on disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, mutate, where } from 'ovsdb-client'
import pino from 'pino'
import { bindings, ports } from '#model'
import { unlimitedQuotas } from '#model/quota'
import { type Ovs, startOvs, until } from '#test/support/ovs'
import { type Controller, startController } from '../src/main/controller.ts'

const dir = mkdtempSync(join(tmpdir(), 'fr-bench-'))
const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise)
const PORTS = number('PORTS', 1000)
const SAMPLES = number('SAMPLES', 200)
const LARGE = number('LARGE', 20_000)

/** A controller; with `dial`, one that dials the databases of hosts. */
const start = (data: string, dial: readonly string[] = []): Promise<Controller> =>
  startController(
    {
      ...{ data: join(dir, data), api: { host: '127.0.0.1', port: 0 }, keystone: undefined, tls: undefined },
      ovsdb: [{ protocol: 'ptcp', host: '127.0.0.1', port: 0 }],
      openflow: [{ protocol: 'ptcp', host: '127.0.0.1', port: 0 }],
      ...{ chassis: dial, quotas: unlimitedQuotas, advertise: undefined, autoApprove: true, logLevel: 'error' },
    },
    pino({ level: 'error' }),
    'bench',
  )

const call = async <T>(controller: Controller, path: string, body: unknown): Promise<T> => {
  const response = await fetch(`http://${controller.api}/v2.0/${path}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

/** Networks with a subnet each, and ports spread over them; resolves with the ports' ids. */
const createPorts = async (controller: Controller, count: number, networks: number): Promise<string[]> => {
  const ids: string[] = []
  for (let n = 0; n < networks; n++) {
    const { network } = await call<{ network: { id: string } }>(controller, 'networks', {
      network: { name: `net${n}` },
    })
    const subnet = { network_id: network.id, cidr: '10.0.0.0/16', ip_version: 4, gateway_ip: null }
    await call(controller, 'subnets', { subnet })
    const share = Math.ceil((count - ids.length) / (networks - n))
    for (let made = 0; made < share; made += 100) {
      const bulk = Array.from({ length: Math.min(100, share - made) }, () => ({ network_id: network.id }))
      const answer = await call<{ ports: { id: string }[] }>(controller, 'ports', { ports: bulk })
      ids.push(...answer.ports.map(port => port.id))
    }
  }
  return ids
}

const startHosts = () =>
  Promise.all(
    [1, 2].map(n =>
      startOvs({
        dummy: true,
        systemId: `host${n}`,
        externalIds: { hostname: `host${n}`, 'flowright-tunnel-ip': `127.0.0.${n}` },
      }),
    ),
  )

const connectHosts = async (controller: Controller, hosts: readonly Ovs[]) => {
  for (const host of hosts) await host.vsctl('set-manager', `tcp:127.0.0.1:${controller.ovsdbPorts[0]}`)
  await untilConnected(controller)
}

/** Adds interfaces that nobody has claimed yet, with their ofport, 100 in a transaction. */
const addInterfaces = async (host: Ovs, names: readonly string[], ids?: readonly string[]) => {
  for (let i = 0; i < names.length; i += 100) {
    const args = names
      .slice(i, i + 100)
      .flatMap((name, k) => [
        '--',
        'add-port',
        'br-int',
        name,
        '--',
        'set',
        'Interface',
        name,
        'type=dummy',
        ...(ids ? [`external_ids:iface-id=${ids[i + k]}`] : []),
      ])
    await host.vsctl(...args)
  }
}

const activeIn = (controller: Controller): number => {
  let active = 0
  for (const port of controller.store.all(ports)) if (port.status === 'ACTIVE') active++
  return active
}

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN
const show = (values: readonly number[]) =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms`

/** Plugs interfaces one after the other; resolves with the times to the last acknowledgement and to ACTIVE. */
const plug = async (
  controller: Controller,
  hosts: readonly Ovs[],
  plan: readonly { host: number; name: string; id: string }[],
) => {
  const clients = hosts.map(host => connect({ remotes: host.db }))
  const databases = await Promise.all(clients.map(client => client.database('Open_vSwitch')))
  const acknowledged: number[] = []
  const active: number[] = []
  for (const { host, name, id } of plan) {
    const began = performance.now()
    let bound = 0
    const done = new Promise<void>(resolve => {
      const stop = controller.store.follow(commit => {
        for (const { kind, after } of commit.changes) {
          if (kind.name === bindings.name && (after as { port?: string })?.port === id) bound = commit.revision
          if (kind.name === ports.name && after?.id === id && (after as { status?: string }).status === 'ACTIVE') {
            active.push(performance.now() - began)
            stop()
            resolve()
          }
        }
      })
    })
    const flows = (async () => {
      while (bound === 0) await new Promise(resolve => setImmediate(resolve))
      await Promise.all(['host1', 'host2'].map(c => controller.programming.acknowledged(c, bound, 10_000)))
      acknowledged.push(performance.now() - began)
    })()
    const wanted = [['external_ids', 'insert', new Map([['iface-id', id]])]] as const
    await databases[host]?.transact([mutate('Interface', where('name', '==', name), wanted)])
    await Promise.all([done, flows])
  }
  for (const client of clients) client.close()
  return { acknowledged, active }
}

const scenario = async (title: string, count: number, networks: number, plugged: number) => {
  const controller = await start(`data-${count}-${networks}`)
  const hosts = await startHosts()
  try {
    const ids = await createPorts(controller, count, networks)
    await connectHosts(controller, hosts)
    const names = ids.slice(0, plugged + SAMPLES).map((_, i) => `p${i}`)
    const of = <T>(list: readonly T[], host: number) => list.filter((_, i) => i % 2 === host)
    for (const [n, host] of hosts.entries()) {
      await addInterfaces(host, of(names.slice(0, plugged), n), of(ids.slice(0, plugged), n))
      await addInterfaces(host, of(names.slice(plugged), n))
    }
    await until('all to be ACTIVE', () => activeIn(controller) >= plugged, 120_000)
    const plan = names
      .slice(plugged)
      .map((name, i) => ({ host: (plugged + i) % 2, name, id: ids[plugged + i] as string }))
    const { acknowledged, active } = await plug(controller, hosts, plan)
    console.log(`${title}: last flow acknowledged ${show(acknowledged)}; ACTIVE ${show(active)}`)
    return quantile(acknowledged, 0.5)
  } finally {
    await controller.stop()
    for (const host of hosts) await host.stop()
  }
}

const untilConnected = (controller: Controller) =>
  until(
    'both hosts to be connected',
    () => ['host1', 'host2'].every(id => controller.programming.isConnected(id)),
    60_000,
  )

/**
 * Ports created, interfaces plugged into switches that no controller has touched, and only then the controller: to all
 * ACTIVE. It dials the hosts: what is measured is ours, not the back-off of a host that dials in.
 */
const bulk = async () => {
  const first = await start('bulk')
  const ids = await createPorts(first, PORTS, 20)
  await first.stop()
  const hosts = await startHosts()
  for (const [n, host] of hosts.entries()) {
    const own = ids.filter((_, i) => i % 2 === n)
    await host.vsctl('add-br', 'br-int')
    await addInterfaces(
      host,
      own.map((_, i) => `p${i}`),
      own,
    )
  }
  const began = performance.now()
  const controller = await start(
    'bulk',
    hosts.map(host => host.db),
  )
  await until('all ports to be ACTIVE', () => activeIn(controller) === PORTS, 120_000)
  const took = (performance.now() - began) / 1000
  console.log(
    `${PORTS} plugged ports over two chassis, from the controller's start to all ACTIVE: ${took.toFixed(2)} s`,
  )
  console.log(`  (OVN 23.03 on such a machine: 4.2 to 9.4 s)`)
  await controller.stop()
  for (const host of hosts) await host.stop()
}

const only = process.argv[2]
if (!only || only === 'plug') {
  await scenario(`plug, ${PORTS} ports on 20 networks`, PORTS + SAMPLES, 20, PORTS)
  console.log('  (OVN 23.03 on such a machine: 434 and 889 ms to the last flow, 591 and 1,086 ms to its confirmation)')
}
if (!only || only === 'scale') {
  const small = await scenario('plug, 100 ports in one network', 100 + SAMPLES, 1, 50)
  const large = await scenario(`plug, ${LARGE} ports in one network`, LARGE, 1, 50)
  console.log(`  p50 with ${LARGE} ports is ${(large / small).toFixed(2)} times that with 100`)
}
if (!only || only === 'bulk') await bulk()
rmSync(dir, { recursive: true })
