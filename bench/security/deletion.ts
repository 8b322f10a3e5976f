// How soon a rule that was deleted is gone from the switch: from the API's answer to the switch's own word that its flow
// is removed, which a flow monitor of another connection gets. The whole controller, a store on disk, a real ovs-vswitchd.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node-openflow'
import pino from 'pino'
import { securityRules } from '#flows/br-int/114-security-rules'
import { ports } from '#model'
import { unlimitedQuotas } from '#model/quota'
import { type Ovs, startOvs, until } from '#test/support/ovs'
import { startController } from '../../src/main/controller.ts'

const SAMPLES = 100
const PORTS = 100

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN
const show = (values: readonly number[]) =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms`

/** A controller, and a client of its API. */
const start = async (data: string) => {
  const listen = { protocol: 'ptcp', host: '127.0.0.1', port: 0 } as const
  const controller = await startController(
    {
      ...{ data, api: { host: '127.0.0.1', port: 0 }, keystone: undefined, tls: undefined, quotas: unlimitedQuotas },
      ...{ ovsdb: [listen], openflow: [listen], chassis: [], advertise: undefined },
      ...{ autoApprove: true, logLevel: 'error' },
    },
    pino({ level: 'error' }),
    'bench',
  )
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`http://${controller.api}/v2.0/${path}`, { method, ...init })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (response.status === 204 ? undefined : await response.json()) as T
  }
  const create = async <K extends string>(kind: K, path: string, body: object) =>
    (await call<Record<K, { id: string }>>('POST', path, { [kind]: body }))[kind].id
  return { controller, call, create }
}
type Started = Awaited<ReturnType<typeof start>>

/** Ports of one group, plugged in and ACTIVE; the group's id. */
const plugPorts = async ({ controller, call, create }: Started, host: Ovs): Promise<string> => {
  const network = await create('network', 'networks', { name: 'net' })
  await create('subnet', 'subnets', { network_id: network, cidr: '10.0.0.0/16', ip_version: 4, gateway_ip: null })
  const group = await create('security_group', 'security-groups', { name: 'group' })
  const port = { network_id: network, security_groups: [group] }
  const made = await call<{ ports: { id: string }[] }>('POST', 'ports', { ports: Array(PORTS).fill(port) })
  await host.vsctl('set-manager', `tcp:127.0.0.1:${controller.ovsdbPorts[0]}`)
  await until('the host to be connected', () => controller.programming.isConnected('host1'))
  const plug = (id: string, i: number) => [
    ...['--', 'add-port', 'br-int', `p${i}`, '--', 'set', 'Interface', `p${i}`, `external_ids:iface-id=${id}`],
  ]
  await host.vsctl(...made.ports.flatMap(({ id }, i) => plug(id, i)).slice(1))
  const isActive = ({ id }: { id: string }) => controller.store.get(ports, id)?.status === 'ACTIVE'
  await until('all ports to be ACTIVE', () => made.ports.every(isActive), 30_000)
  return group
}

/** Follows what comes to and goes from the rules in the switch. */
const watchRules = async (host: Ovs) => {
  const monitor = await connect({ path: join(host.dir, 'br-int.mgmt') }, { versions: [6] })
  const last = { added: 0, removed: 0 }
  monitor.on('flow_monitor_reply', ({ entries }) => {
    for (const { event } of entries) if (event === 'added' || event === 'removed') last[event] = performance.now()
  })
  const entry = { id: 1, command: 'add', flags: ['add', 'removed'], table: securityRules.number, match: {} } as const
  await monitor.request({ type: 'flow_monitor_request', entries: [entry] })
  return { last, close: () => monitor.close() }
}

/** Milliseconds that ovs-ofctl takes to delete a flow. */
const deleteByHand = async (host: Ovs): Promise<number> => {
  await host.ofctl('add-flow', 'br-int', 'table=200,actions=drop')
  const began = performance.now()
  await host.ofctl('del-flows', 'br-int', 'table=200')
  return performance.now() - began
}

/** Prints it, beside the time of the request itself, and beside what ovs-ofctl takes to delete a flow there. */
export const benchDeletion = async (): Promise<void> => {
  const data = mkdtempSync(join(tmpdir(), 'fr-bench-'))
  const started = await start(data)
  const { call, create } = started
  const host = await startOvs({ systemId: 'host1', externalIds: { 'flowright-tunnel-ip': '127.0.0.1' } })
  try {
    const group = await plugPorts(started, host)
    const { last, close } = await watchRules(host)
    const [requests, after, byHand]: [number[], number[], number[]] = [[], [], []]
    for (let i = 0; i < SAMPLES; i++) {
      const made = performance.now()
      const id = await create('security_group_rule', 'security-group-rules', {
        ...{ security_group_id: group, direction: 'ingress', protocol: 'tcp', remote_group_id: group },
        ...{ port_range_min: 1000 + i, port_range_max: 1000 + i },
      })
      await until('the flow to be there', () => last.added > made)
      const began = performance.now()
      await call('DELETE', `security-group-rules/${id}`)
      const answered = performance.now()
      await until('the flow to be gone', () => last.removed > began)
      requests.push(answered - began)
      after.push(last.removed - answered)
      if (i % 10 === 0) byHand.push(await deleteByHand(host))
    }
    await close()
    console.log(`a rule of ${PORTS} ports deleted: from the answer to the flow's removal ${show(after)}`)
    console.log(`  (the request itself: ${show(requests)}; ovs-ofctl deletes a flow there in: ${show(byHand)})`)
  } finally {
    await started.controller.stop()
    await host.stop()
    rmSync(data, { recursive: true })
  }
}
