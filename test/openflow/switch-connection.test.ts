// Connections to a real Open vSwitch, both ways.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import {
  type Connection,
  type ConnectionClosed,
  connect,
  encodeBundleAdd,
  listen,
  type MessageFor,
  type OpenFlowError,
  PERMANENT_XID,
  stayConnected,
} from 'node-openflow'
import { arp, move, output, setField } from 'node-openflow/flow'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addBridge, describeOvs, hasOvs, type Ovs, startOvs } from './ovs.ts'
import { until } from './peer.ts'

let ovs: Ovs
const ending: (() => Promise<unknown> | unknown)[] = []

beforeAll(() => {
  if (!hasOvs) return
  ovs = startOvs()
  addBridge(ovs, 'br0', 3)
})
afterAll(() => ovs?.stop())
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function dial(options: Parameters<typeof connect>[1] = {}): Promise<Connection> {
  const connection = await connect({ path: join(ovs.dir, 'br0.mgmt') }, options)
  ending.push(() => connection.close())
  return connection
}

const dump = (bridge = 'br0') =>
  ovs
    .ofctl('-OOpenFlow15', '--no-stats', 'dump-flows', join(ovs.dir, `${bridge}.mgmt`))
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)

describeOvs('a switch that we dial', () => {
  test.each([4, 5, 6] as const)('speaks version %i and answers', async version => {
    const connection = await dial({ versions: [version] })
    expect(connection.version).toBe(version)
    expect(connection.datapathId).toBe(0xa1n)
    expect(connection.features.tables).toBe(254)
    const ports = await connection.request({ type: 'port_desc_request' })
    expect(ports.entries.map(p => p.name).sort()).toEqual(['br0', 'br0-p1', 'br0-p2', 'br0-p3'])
    expect((await connection.request({ type: 'desc_request' })).software).toMatch(/^\d+\./)
    const config = await connection.request({ type: 'get_config_request' })
    expect(config.fragments).toBe('normal')
    const features = await connection.request({ type: 'table_features_request', entries: [] })
    expect(features.entries.length).toBe(254)
    expect(features.entries[0]?.maxEntries).toBe(1_000_000)
    await connection.barrier()
  })

  test('agrees on the highest common version', async () => {
    expect((await dial()).version).toBe(6)
    expect((await dial({ versions: [5, 4] })).version).toBe(5)
  })

  test('is dialled again after it was killed', async () => {
    const dialer = stayConnected({ path: join(ovs.dir, 'br0.mgmt') }, { minDelay: 20, maxDelay: 100 })
    ending.push(() => dialer.close())
    const next = () => new Promise<Connection>(resolve => dialer.once('connection', resolve))
    const first = await next()
    const again = next()
    const barrier = first.barrier()
    ovs.restart()
    await barrier.catch(() => {})
    const second = await again
    expect(first.isOpen).toBe(false)
    expect(second.datapathId).toBe(0xa1n)
    await second.barrier()
  })
})

describeOvs('a switch that dials us', () => {
  test('over TCP, and its ports tell of themselves', async () => {
    const server = await listen({ port: 0 })
    ending.push(() => server.close())
    const connected = new Promise<Connection>(resolve => server.once('connection', resolve))
    addBridge(ovs, 'br1', 1)
    ending.push(() => ovs.vsctl('del-br', 'br1'))
    ovs.vsctl('set-controller', 'br1', `tcp:127.0.0.1:${server.address?.port}`)
    const connection = await connected
    expect(connection.peer.address).toBe('127.0.0.1')
    const states: MessageFor<'port_status'>[] = []
    connection.on('port_status', m => states.push(m))
    ovs.vsctl('add-port', 'br1', 'br1-p9', '--', 'set', 'interface', 'br1-p9', 'type=dummy', 'ofport_request=9')
    await until(() => states.some(m => m.reason === 'add' && m.port.port === 9), 'the port is told')
    expect(states.find(m => m.port.port === 9)?.port.name).toBe('br1-p9')
    ovs.vsctl('del-port', 'br1', 'br1-p9')
    await until(() => states.some(m => m.reason === 'delete' && m.port.port === 9), 'its end is told')
    const gone = new Promise(resolve => server.once('disconnection', resolve))
    ovs.vsctl('del-controller', 'br1')
    expect(await gone).toBe(connection)
    expect(server.datapaths.size).toBe(0)
  })

  test('over TLS, with certificates on both sides', async () => {
    const pki = makePki(ovs.dir)
    const server = await listen({ port: 0, tls: pki.controller })
    ending.push(() => server.close())
    const refused: Error[] = []
    server.on('refused', error => refused.push(error))
    const connected = new Promise<Connection>(resolve => server.once('connection', resolve))
    ovs.vsctl('set-ssl', pki.files.switchKey, pki.files.switchCert, pki.files.ca)
    addBridge(ovs, 'br2')
    ending.push(() => ovs.vsctl('del-br', 'br2', '--', 'del-ssl'))
    ovs.vsctl('set-controller', 'br2', `ssl:127.0.0.1:${server.address?.port}`)
    const connection = await connected
    expect(connection.peer.certificate?.subject.CN).toBe('switch-7')
    await connection.barrier()
    // A stranger, whose certificate another authority signed, does not get in.
    const stranger = connect({ port: server.address?.port as number, tls: pki.stranger }, { handshakeTimeout: 2_000 })
    await expect(stranger).rejects.toThrow()
    // Nor does one who speaks plainly.
    const plain = connect({ port: server.address?.port as number }, { handshakeTimeout: 2_000 })
    await expect(plain).rejects.toThrow()
    await until(() => refused.length >= 2, 'both are told')
  })
})

/** A port of the loopback that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

describeOvs('a switch that listens', () => {
  test('is reached over TCP and over TLS, its certificate verified', async () => {
    const pki = makePki(ovs.dir)
    const [port, tlsPort] = [await freePort(), await freePort()]
    ovs.vsctl('set-ssl', pki.files.switchKey, pki.files.switchCert, pki.files.ca)
    addBridge(ovs, 'br3')
    ending.push(() => ovs.vsctl('del-br', 'br3', '--', 'del-ssl'))
    ovs.vsctl('set-controller', 'br3', `ptcp:${port}:127.0.0.1`, `pssl:${tlsPort}:127.0.0.1`)
    const plain = await connect({ host: '127.0.0.1', port })
    ending.push(() => plain.close())
    await plain.barrier()
    const secure = await connect({ host: '127.0.0.1', port: tlsPort, tls: pki.controller })
    ending.push(() => secure.close())
    expect(secure.peer.certificate?.subject.CN).toBe('switch-7')
    await secure.barrier()
    // The stranger's authority did not sign the switch's certificate.
    const other = { ...pki.stranger, ca: pki.otherCa }
    await expect(connect({ host: '127.0.0.1', port: tlsPort, tls: other })).rejects.toThrow(/certificate/)
  })
})

describeOvs('bundles on a real switch', () => {
  const flow = (priority: number, cookie = 1n) =>
    ({
      type: 'flow_mod',
      command: 'add',
      table: 3,
      priority,
      cookie,
      match: arp({ arp_op: 1 }),
      actions: [output(2)],
    }) as const

  test.each([4, 5, 6] as const)('install all or nothing, in version %i', async version => {
    const connection = await dial({ versions: [version] })
    ovs.ofctl('-OOpenFlow15', 'del-flows', join(ovs.dir, 'br0.mgmt'))
    await connection.bundle([flow(1), flow(2), flow(3)])
    expect(dump().length).toBe(3)
    const overlap = { ...flow(3), flags: 2, match: {} }
    const attempt = connection.bundle([flow(4), overlap, flow(5)])
    await expect(attempt).rejects.toThrow(/not committed: OFPFMFC_OVERLAP for flow_mod/)
    const error = await attempt.catch(e => e)
    expect(error.errors).toHaveLength(1)
    expect(error.errors[0].failed).toMatchObject({ type: 'flow_mod', priority: 3 })
    expect(dump().length).toBe(3)
    await connection.bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
    expect(dump()).toEqual([])
  })

  test('take encoded messages, whose refusals come back by xid', async () => {
    const connection = await dial()
    const xid = PERMANENT_XID + 17
    const good = encodeBundleAdd(flow(10), 6, xid)
    const bad = encodeBundleAdd({ ...flow(11), command: 99 }, 6, xid + 1)
    await connection.bundle([good])
    const error = await connection.bundle([good, bad]).catch(e => e)
    expect(error.errors.map((e: OpenFlowError) => [e.xid, e.error])).toEqual([[xid + 1, 'OFPFMFC_BAD_COMMAND']])
    await connection.bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
  })

  test('encoded once go to many switches as the same bytes', async () => {
    addBridge(ovs, 'br4', 3)
    ending.push(() => ovs.vsctl('del-br', 'br4'))
    const bytes = Buffer.concat(
      Array.from({ length: 200 }, (_, i) => encodeBundleAdd(flow(i + 1), 6, PERMANENT_XID + i)),
    )
    const before = bytes.toString('hex')
    const other = await connect({ path: join(ovs.dir, 'br4.mgmt') })
    ending.push(() => other.close())
    await Promise.all([(await dial()).bundle([bytes]), other.bundle([bytes])])
    expect(bytes.toString('hex')).toBe(before)
    expect(dump('br4')).toEqual(dump('br0'))
    expect(dump().length).toBe(200)
    await (await dial()).bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
  })

  test('whose connection is lost in the middle leave all or nothing', async () => {
    const flows = Array.from({ length: 20_000 }, (_, i) => ({ ...flow(7), match: { metadata: BigInt(i) } }))
    for (const ms of [0, 5, 20, 60, 120, 200, 350]) {
      const connection = await dial()
      const outcome = connection.bundle(flows).then(
        () => 'committed',
        error => (error as ConnectionClosed).outcome,
      )
      await new Promise(resolve => setTimeout(resolve, ms))
      connection.destroy(new Error('pulled'))
      const told = await outcome
      const judge = await dial()
      const { flowCount } = await judge.request({ type: 'aggregate_stats_request', table: 3 })
      const possible = { committed: [20_000], none: [0], unknown: [0, 20_000] }[told]
      expect(possible, told).toContain(flowCount)
      await judge.bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
    }
  })

  test('run one after the other, however they are asked for', async () => {
    const connection = await dial()
    await Promise.all([1, 2, 3, 4, 5].map(n => connection.bundle([flow(n), flow(n + 10)])))
    expect(dump().length).toBe(10)
    await connection.bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
  })

  test('a rewriting ARP responder reads back as ovs-ofctl shows it', async () => {
    const connection = await dial()
    const actions = [
      move('eth_src', 'eth_dst'),
      setField('eth_src', 'fa:16:3e:00:00:05'),
      setField('arp_op', 2),
      output(0xfffffff8),
    ]
    await connection.bundle([
      { type: 'flow_mod', command: 'add', table: 21, priority: 1, match: arp({ metadata: 3n, arp_op: 1 }), actions },
    ])
    expect(dump()).toEqual([
      'table=21, priority=1,arp,metadata=0x3,arp_op=1 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:fa:16:3e:00:00:05->eth_src,set_field:2->arp_op,IN_PORT',
    ])
    await connection.bundle([{ type: 'flow_mod', command: 'delete', table: 255, match: {}, actions: [] }])
  })
})

interface Pki {
  readonly controller: { key: string; cert: string; ca: string }
  readonly stranger: { key: string; cert: string; ca: string }
  readonly otherCa: string
  readonly files: { switchKey: string; switchCert: string; ca: string }
}

/** Two authorities, a controller's and a switch's certificate from the first, a stranger's from the second. */
function makePki(dir: string): Pki {
  const file = (name: string) => join(dir, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.pem`),
    )
  const certificate = (name: string, ca: string) => {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`))
    const by = ['-CA', file(`${ca}.pem`), '-CAkey', file(`${ca}.key`), '-CAcreateserial']
    openssl('x509', '-req', '-in', file(`${name}.csr`), ...by, '-days', '2', '-out', file(`${name}.pem`))
  }
  authority('ca')
  authority('other-ca')
  certificate('controller', 'ca')
  certificate('switch-7', 'ca')
  certificate('stranger', 'other-ca')
  const text = (name: string) => readFileSync(file(name), 'utf8')
  const identity = (name: string) => ({ key: text(`${name}.key`), cert: text(`${name}.pem`), ca: text('ca.pem') })
  return {
    controller: identity('controller'),
    stranger: identity('stranger'),
    otherCa: text('other-ca.pem'),
    files: { switchKey: file('switch-7.key'), switchCert: file('switch-7.pem'), ca: file('ca.pem') },
  }
}
