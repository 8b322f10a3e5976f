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
import { startOvs, until } from '#test/support/ovs'
import { startController } from '../../src/main/controller.ts'

const SAMPLES = 100
const PORTS = 100

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN
const show = (values: readonly number[]) =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms`

/** Prints it, beside the time of the request itself, and beside what ovs-ofctl takes to delete a flow there. */
export const benchDeletion = async (): Promise<void> => {
  const data = mkdtempSync(join(tmpdir(), 'fr-bench-'))
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
  const host = await startOvs({ systemId: 'host1', externalIds: { 'flowright-tunnel-ip': '127.0.0.1' } })
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`http://${controller.api}/v2.0/${path}`, { method, ...init })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (response.status === 204 ? undefined : await response.json()) as T
  }
  type Made<K extends string> = { readonly [k in K]: { readonly id: string } }
  const post = async <K extends string>(kind: K, path: string, body: object) =>
    (await call<Made<K>>('POST', path, { [kind]: body }))[kind].id
  try {
    const network = await post('network', 'networks', { name: 'net' })
    await post('subnet', 'subnets', { network_id: network, cidr: '10.0.0.0/16', ip_version: 4, gateway_ip: null })
    const group = await post('security_group', 'security-groups', { name: 'group' })
    const port = { network_id: network, security_groups: [group] }
    const made = await call<{ ports: { id: string }[] }>('POST', 'ports', { ports: Array(PORTS).fill(port) })
    await host.vsctl('set-manager', `tcp:127.0.0.1:${controller.ovsdbPorts[0]}`)
    await until('the host to be connected', () => controller.programming.isConnected('host1'))
    const plug = (id: string, i: number) =>
      ['--', 'add-port', 'br-int', `p${i}`, '--', 'set', 'Interface', `p${i}`].concat(`external_ids:iface-id=${id}`)
    await host.vsctl(...made.ports.flatMap(({ id }, i) => plug(id, i)).slice(1))
    const isActive = (id: string) => controller.store.get(ports, id)?.status === 'ACTIVE'
    await until('all ports to be ACTIVE', () => made.ports.every(({ id }) => isActive(id)), 30_000)

    const monitor = await connect({ path: join(host.dir, 'br-int.mgmt') }, { versions: [6] })
    let changed = 0
    let gone = 0
    monitor.on('flow_monitor_reply', ({ entries }) => {
      for (const { event } of entries) {
        if (event === 'added') changed++
        if (event === 'removed') gone = performance.now()
      }
    })
    const table = securityRules.number
    const flags = ['add', 'removed'] as const
    await monitor.request({
      type: 'flow_monitor_request',
      entries: [{ id: 1, command: 'add', flags: [...flags], table, match: {} }],
    })
    const [requests, after, bare]: [number[], number[], number[]] = [[], [], []]
    for (let i = 0; i < SAMPLES; i++) {
      const rule = { security_group_id: group, direction: 'ingress', protocol: 'tcp' }
      const tcp = { ...rule, port_range_min: 1000 + i, port_range_max: 1000 + i, remote_group_id: group }
      const before = changed
      const id = await post('security_group_rule', 'security-group-rules', tcp)
      await until('the flow to be there', () => changed > before)
      gone = 0
      const began = performance.now()
      await call('DELETE', `security-group-rules/${id}`)
      const answered = performance.now()
      await until('the flow to be gone', () => gone > 0)
      requests.push(answered - began)
      after.push(gone - answered)
    }
    for (let i = 0; i < 10; i++) {
      const flow = `table=200,priority=${i},actions=drop`
      await host.ofctl('add-flow', 'br-int', flow)
      const began = performance.now()
      await host.ofctl('--strict', 'del-flows', 'br-int', `table=200,priority=${i}`)
      bare.push(performance.now() - began)
    }
    await monitor.close()
    console.log(`a rule of ${PORTS} ports deleted: from the answer to the flow's removal ${show(after)}`)
    console.log(
      `  (the request itself: ${show(requests)}; ovs-ofctl deletes a flow of that switch in ` +
        `${quantile(bare, 0.5).toFixed(1)} ms)`,
    )
  } finally {
    await controller.stop()
    await host.stop()
    rmSync(data, { recursive: true })
  }
}
