import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { chassis } from '#model/chassis'
import { approveChassis, removeChassis } from '#model/chassis-report'
import { describeOvs, type Ovs, type OvsOptions, startOvs, until } from '#test/support/ovs'
import {
  addNetwork,
  addPort,
  type Controller,
  change,
  startController,
  untilBound,
  untilUp,
} from './chassis-support.ts'

describeOvs('a chassis joins', () => {
  const ends: (() => Promise<unknown>)[] = []
  const ovs = async (options: OvsOptions): Promise<Ovs> => {
    const started = await startOvs(options)
    ends.push(started.stop)
    return started
  }
  const controllerWith = async (options: Parameters<typeof startController>[0]): Promise<Controller> => {
    const started = await startController(options)
    ends.push(started.stop)
    return started
  }
  let controller: Controller
  beforeEach(async () => {
    controller = await controllerWith({})
  })
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  const host = (n: number, more: Record<string, string> = {}, options: OvsOptions = {}) =>
    ovs({
      systemId: `host${n}`,
      externalIds: { hostname: `host${n}.example`, 'flowright-tunnel-ip': `192.0.2.${n}`, ...more },
      ...options,
    })
  const record = (id = 'host1') => controller.store.get(chassis, id)
  const ofport = (at: Ovs, name: string) => at.vsctl('--if-exists', 'get', 'Interface', name, 'ofport')

  test('by dialling in: it gets bridges, patch and tunnel ports with fixed numbers, and a controller', async () => {
    const one = await host(1, { 'flowright-tunnel-types': 'vxlan,gre,geneve', 'flowright-gateway': '7' })
    await one.vsctl('set-manager', controller.manager)
    await untilUp(controller, 'host1')
    await until('tunnel ports', async () => (await ofport(one, 'fr-geneve')) === '4')
    expect(await ofport(one, 'patch-tun')).toBe('1')
    expect(await ofport(one, 'patch-int')).toBe('1')
    expect(await ofport(one, 'fr-vxlan')).toBe('2')
    expect(await ofport(one, 'fr-gre')).toBe('3')
    expect(record()).toMatchObject({
      hostname: 'host1.example',
      tunnelIp: '192.0.2.1',
      tunnelTypes: ['vxlan', 'gre', 'geneve'],
      gatewayPriority: 7,
      ovsVersion: /^3\./,
      admission: 'approved',
      problems: [/^flowright-gateway is set, but no provider bridge is mapped/],
    })
    expect(await ofport(one, `frgw-${record()!.key}`)).toBe(`${0x4000 + record()!.key}`)
    const key = record()!.key.toString(16)
    for (const [bridge, n] of [['br-int', 1] as const, ['br-tun', 2] as const]) {
      const get = (column: string) => one.vsctl('get', 'Bridge', bridge, column)
      expect(await get('fail_mode')).toBe('secure')
      expect(await get('protocols')).toBe('[OpenFlow15]')
      expect(await get('other_config:disable-in-band')).toBe('"true"')
      expect(await get('datapath_id')).toBe(`"464c5752${key.padStart(6, '0')}0${n}"`)
      expect(await one.vsctl('get-controller', bridge)).toBe('tcp:127.0.0.1:6')
    }
    expect(await one.vsctl('get', 'Interface', 'fr-vxlan', 'options')).toBe(
      '{key=flow, local_ip="192.0.2.1", remote_ip=flow}',
    )
    expect(await one.vsctl('--columns=connection_mode,max_backoff', '--format=csv', 'list', 'Controller')).toBe(
      'connection_mode,max_backoff\nout-of-band,1000\nout-of-band,1000',
    )
    expect(controller.sessions.state('host1')).toMatchObject({ isUp: true, reason: '', problems: [] })
  })

  test('by being dialled, also when it is there only later; over a Unix socket', async () => {
    const one = await host(1)
    await one.kill9('ovsdb-server')
    controller = await controllerWith({ dial: [one.db] })
    await until('a failure', () => controller.sessions.strangers().length === 1)
    expect(controller.sessions.strangers()[0]).toMatchObject({
      remote: one.db,
      reason: /cannot be reached: .*ECONN|ENOENT/,
    })
    await one.start('ovsdb-server')
    await untilUp(controller, 'host1')
    await until('a tunnel port', async () => (await ofport(one, 'fr-vxlan')) === '2')
    expect(controller.sessions.state('host1')?.remote).toBe(one.db)
    expect(controller.sessions.strangers()).toEqual([])
  })

  test('over TLS under the name in its certificate only', async () => {
    const pki = mkdtempSync(join(tmpdir(), 'fr-pki-'))
    ends.push(async () => rmSync(pki, { recursive: true }))
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: pki, stdio: 'ignore' })
    openssl(...'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2'.split(' '))
    for (const name of ['controller', 'host1']) {
      openssl(...`req -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`.split(' '))
      openssl(
        ...`x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem -days 2`.split(' '),
      )
    }
    const read = (file: string) => readFileSync(join(pki, file))
    controller = await controllerWith({
      listen: [{ protocol: 'pssl', host: '127.0.0.1', port: 0 }],
      tls: { ca: read('ca.pem'), cert: read('controller.pem'), key: read('controller.key') },
    })
    const manager = controller.manager.replace('tcp:', 'ssl:')
    const ssl = ['set-ssl', `${pki}/host1.key`, `${pki}/host1.pem`, `${pki}/ca.pem`]
    const one = await host(1)
    const liar = await ovs({ systemId: 'host2' })
    await liar.vsctl(...ssl, '--', 'set-manager', manager)
    await until('the liar to be turned away', () => controller.sessions.strangers().length === 1)
    expect(controller.sessions.strangers()[0]?.reason).toBe('its certificate is for host1, but it calls itself host2')
    await one.vsctl(...ssl, '--', 'set-manager', manager)
    await untilUp(controller, 'host1')
    expect(controller.store.get(chassis, 'host2')).toBeUndefined()
    const browser = connect(Number(manager.split(':')[2]), '127.0.0.1').on('error', () => {})
    browser.end('GET / HTTP/1.1\r\n\r\n')
    await until('its mistake', () =>
      controller.log.some(line => line.includes('"it speaks no TLS that we take: http request"')),
    )
  })

  test('with a system-id only; it may be given one later', async () => {
    const one = await ovs({})
    await one.vsctl('set-manager', controller.manager)
    await until('a stranger', () => controller.sessions.strangers().length === 1)
    expect(controller.sessions.strangers()[0]).toMatchObject({ systemId: '', reason: /has no system-id/ })
    await one.vsctl('set', 'Open_vSwitch', '.', 'external_ids:system-id=host9')
    await untilUp(controller, 'host9')
    expect(controller.sessions.strangers()).toEqual([])
  })

  test('and waits for approval, untouched until then, if so configured', async () => {
    controller = await controllerWith({ autoApprove: false })
    const one = await host(1)
    await one.vsctl('set-manager', controller.manager)
    await untilUp(controller, 'host1')
    await until('a record', () => record()?.admission === 'waiting')
    expect(await one.vsctl('list-br')).toBe('')
    expect(controller.log.filter(line => line.includes('flowright chassis approve host1'))).toHaveLength(1)
    await change(controller.store, tx => approveChassis(tx, 'host1'))
    await until('bridges', async () => (await one.vsctl('list-br')) === 'br-int\nbr-tun')
    await until('the tunnel port', async () => (await ofport(one, 'fr-vxlan')) === '2')
  })

  test.each<[string, OvsOptions, Record<string, string>, RegExp]>([
    ['an old Open vSwitch', { version: '2.17.9' }, {}, /3\.1\.0 or later is needed/],
    ['an unknown datapath type', {}, { 'flowright-datapath-type': 'quantum' }, /'quantum', which its switch does not/],
  ])('not with %s: it is shown with the reason and left alone', async (_, options, settings, problem) => {
    const one = await host(1, settings, options)
    await one.vsctl('set-manager', controller.manager)
    await until('a problem', () => record()?.problems.some(text => problem.test(text)))
    expect(await one.vsctl('list-br')).toBe('')
    expect(controller.log.filter(line => problem.test(line))).toHaveLength(1)
    const two = await host(2)
    await two.vsctl('set-manager', controller.manager)
    await until('the other to work', async () => (await ofport(two, 'fr-vxlan')) === '2')
  })

  test('in vain while its switch makes no bridges, which is shown until it does', async () => {
    const one = await host(1, {}, { noSwitch: true })
    await one.vsctlNoWait('set', 'Open_vSwitch', '.', 'datapath_types=["system"]')
    await one.vsctlNoWait('set-manager', controller.manager)
    const problems = () => controller.sessions.state('host1')?.problems ?? []
    await until('the reason', () => problems().some(text => /has not made br-int and br-tun: .*kernel/.test(text)))
    await one.start('ovs-vswitchd')
    await until('no such problem', () => problems().every(text => !text.includes('has not made')))
    const astray = 'br-int and br-tun cannot reach the controller at tcp:127.0.0.1:6: is it let through?'
    await until('the next one', () => problems().includes(astray), 20_000)
  })

  test('with provider bridges that are the operator’s: we own one patch port there, for the VLANs in use', async () => {
    const one = await host(1, { 'flowright-bridge-mappings': 'physnet1:br-ex,physnet2:br-gone,nonsense' })
    await one.vsctl('add-br', 'br-ex', '--', 'add-port', 'br-ex', 'eth7')
    const before = await one.vsctl('list', 'Port', 'eth7')
    await one.vsctl('set-manager', controller.manager)
    await until('the patch', () => (record()?.providerPorts.physnet1 ?? 0) > 0)
    expect(record()?.problems).toEqual([
      "flowright-bridge-mappings: 'nonsense' is not PHYSICAL_NETWORK:BRIDGE",
      'bridge br-gone of physical network physnet2 does not exist',
    ])
    const trunks = () => one.vsctl('get', 'Port', 'phy-br-ex', 'trunks')
    expect(await trunks()).toBe('[4095]')
    expect(Number(await ofport(one, 'int-br-ex'))).toBe(record()?.providerPorts.physnet1)
    const vlan = { networkType: 'vlan', physicalNetwork: 'physnet1', segmentationId: 7 } as const
    await addNetwork(controller.store, 'net', 1, { segments: [vlan] })
    await addPort(controller.store, 'a', 1, 'net')
    await one.vsctl('add-port', 'br-int', 'tapa', '--', 'set', 'Interface', 'tapa', 'external_ids:iface-id=a')
    await until('the VLAN to pass', async () => (await trunks()) === '[7]')
    await one.vsctl('del-port', 'tapa')
    await until('no VLAN to pass', async () => (await trunks()) === '[4095]')
    expect(await one.vsctl('list', 'Port', 'eth7')).toBe(before)
    expect(await one.vsctl('get', 'Bridge', 'br-ex', 'controller')).toBe('[]')
    expect(await one.vsctl('get', 'Bridge', 'br-ex', 'fail_mode')).toBe('[]')
    // A bridge that comes later is used, one that goes takes its patch along.
    await one.vsctl('add-br', 'br-gone')
    await until('the second patch', () => (record()?.providerPorts.physnet2 ?? 0) > 0)
    await one.vsctl('del-br', 'br-ex')
    await until('no first patch', () => record()?.providerPorts.physnet1 === undefined)
    expect(await ofport(one, 'int-br-ex')).toBe('')
  })

  test('and its VTEP address is followed; a taken one leaves the holder alone', async () => {
    const one = await host(1)
    const two = await host(2)
    for (const each of [one, two]) await each.vsctl('set-manager', controller.manager)
    const localIp = async (at: Ovs) =>
      (await at.vsctl('get', 'Interface', 'fr-vxlan', 'options:local_ip')).replaceAll('"', '')
    const has = (at: Ovs) => ofport(at, 'fr-vxlan').then(port => port === '2')
    await until('both', async () => (await has(one)) && (await has(two)))
    await one.vsctl('set', 'Open_vSwitch', '.', 'external_ids:flowright-tunnel-ip=192.0.2.99')
    await until('the new address', async () => (await localIp(one)) === '192.0.2.99')
    expect(record()?.tunnelIp).toBe('192.0.2.99')
    await two.vsctl('set', 'Open_vSwitch', '.', 'external_ids:flowright-tunnel-ip=192.0.2.99')
    await until('a problem', () => record('host2')?.problems.length === 1)
    await until('no tunnel port', async () => (await ofport(two, 'fr-vxlan')) === '')
    expect(record('host1')).toMatchObject({ tunnelIp: '192.0.2.99', problems: [] })
    expect(await localIp(one)).toBe('192.0.2.99')
    await one.vsctl('set', 'Open_vSwitch', '.', 'external_ids:flowright-tunnel-ip=192.0.2.1')
    await until('the heir', async () => (await has(two)) && (await localIp(two)) === '192.0.2.99')
    expect(controller.log.filter(line => line.includes('"host2"') && !line.startsWith('chassis connected'))).toEqual([
      'VTEP address 192.0.2.99 is in use by chassis host1 {"chassis":"host2"}',
      'what it reports is in order again {"chassis":"host2"}',
    ])
  })

  test('what others undo of ours is repaired, what is theirs stays', async () => {
    const one = await host(1)
    await one.vsctl('set-manager', controller.manager)
    await until('the tunnel port', async () => (await ofport(one, 'fr-vxlan')) === '2')
    await one.vsctl(
      ...['add-port', 'br-int', 'theirs', '--', 'set', 'Bridge', 'br-int', 'external_ids:theirs=1', 'other_config:x=y'],
      ...['--', 'set', 'Interface', 'fr-vxlan', 'options:tos=inherit'],
    )
    await one.vsctlNoWait('del-port', 'patch-tun', '--', 'set', 'Bridge', 'br-tun', 'fail_mode=standalone')
    await one.vsctlNoWait('del-controller', 'br-int', '--', 'clear', 'Bridge', 'br-int', 'protocols')
    await until('repair', async () => (await one.vsctl('get-controller', 'br-int')) !== '')
    await until('the patch', async () => (await ofport(one, 'patch-tun')) === '1')
    await until('secure', async () => (await one.vsctl('get', 'Bridge', 'br-tun', 'fail_mode')) === 'secure')
    expect(await one.vsctl('get', 'Bridge', 'br-int', 'protocols')).toBe('[OpenFlow15]')
    expect(await one.vsctl('get', 'Bridge', 'br-int', 'external_ids:theirs')).toBe('"1"')
    expect(await one.vsctl('get', 'Bridge', 'br-int', 'other_config:x')).toBe('y')
    expect(await one.vsctl('get', 'Interface', 'fr-vxlan', 'options:tos')).toBe('inherit')
    expect(await one.vsctl('list-ports', 'br-int')).toContain('theirs')
    await one.vsctl('set', 'Open_vSwitch', '.', 'external_ids:flowright-tunnel-types=gre')
    await until('gre', async () => (await ofport(one, 'fr-gre')) === '3')
    expect(await ofport(one, 'fr-vxlan')).toBe('')
  })

  test('a bridge of our name that another controller holds, and a port of our name, are left alone and shown', async () => {
    const one = await host(1, { 'flowright-bridge-mappings': 'physnet1:br-ex' })
    await one.vsctl('add-br', 'br-int', '--', 'set-controller', 'br-int', 'tcp:192.0.2.200:6653')
    await one.vsctl('add-br', 'br-ex', '--', 'add-port', 'br-ex', 'phy-br-ex')
    const before = await one.vsctl('list', 'Bridge', 'br-int')
    await one.vsctl('set-manager', controller.manager)
    const problems = () => controller.sessions.state('host1')?.problems.join()
    await until('a problem', () => problems())
    expect(problems()).toBe(
      'bridge br-int belongs to another controller (tcp:192.0.2.200:6653); delete it, and it will be made anew',
    )
    expect(await one.vsctl('list-br')).toBe('br-ex\nbr-int')
    expect(await one.vsctl('list', 'Bridge', 'br-int')).toBe(before)
    await one.vsctl('del-br', 'br-int')
    await until('a bridge of ours', async () => (await ofport(one, 'patch-tun')) === '1')
    const taken = 'the name phy-br-ex is taken by a port that is not ours; rename or delete it'
    await until('the other problem', () => problems()?.includes(taken))
    await one.vsctl('del-port', 'phy-br-ex')
    await until('the patch', () => (record()?.providerPorts.physnet1 ?? 0) > 0)
    await until('no problem', () => problems() === '')
  })

  test('no switch changes when the controller is started again', async () => {
    const one = await host(1, { 'flowright-bridge-mappings': 'physnet1:br-ex' })
    await one.vsctl('add-br', 'br-ex')
    await addNetwork(controller.store, 'net', 1)
    await addPort(controller.store, 'a', 1, 'net')
    await one.vsctl('set-manager', controller.manager)
    await until('the patch', () => (record()?.providerPorts.physnet1 ?? 0) > 0)
    await one.vsctl('add-port', 'br-int', 'tapa', '--', 'set', 'Interface', 'tapa', 'external_ids:iface-id=a')
    await untilBound(controller.store, 'a', 'host1 active')
    const transactions = async () =>
      (await one.exec('ovsdb-tool', 'show-log', `${one.dir}/conf.db`)).match(/^record/gm)?.length
    const { store, manager } = controller
    const [before, revision] = [await transactions(), store.revision]
    await controller.stop()
    const listen = [{ protocol: 'ptcp', host: '127.0.0.1', port: Number(manager.split(':')[2]) }] as const
    controller = await controllerWith({ store, listen })
    await untilUp(controller, 'host1')
    await store.settled()
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(await transactions()).toBe(before)
    expect(store.revision).toBe(revision)
  })

  test('one that is removed comes back as a new one, with another key', async () => {
    const one = await host(1)
    await one.vsctl('set-manager', controller.manager)
    await until('the tunnel port', async () => (await ofport(one, 'fr-vxlan')) === '2')
    const key = record()?.key
    await change(controller.store, tx => removeChassis(tx, 'host1'))
    await until('its return', () => record() !== undefined && record()?.key !== key)
  })

  test('garbage and silence on the port are closed, logged once, and delay nobody', async () => {
    controller = await controllerWith({ patience: 300 })
    const port = Number(controller.manager.split(':')[2])
    const ended: Promise<unknown>[] = []
    for (const text of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00', '{"id":0,"method":"echo"', '', '']) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      ended.push(new Promise(resolve => socket.on('close', resolve)))
      socket.write(text)
      socket.resume()
    }
    // A slow one: an endless string, a byte at a time.
    const slow = connect(port, '127.0.0.1')
    slow.on('error', () => {})
    slow.write('{"method":"')
    const drip = setInterval(() => slow.write('x'), 20)
    ended.push(new Promise(resolve => slow.on('close', resolve)))
    const one = await host(1)
    await one.vsctl('set-manager', controller.manager)
    await until('the tunnel port', async () => (await ofport(one, 'fr-vxlan')) === '2')
    await Promise.all(ended)
    clearInterval(drip)
    expect(controller.sessions.strangers()).toEqual([])
    const lines = controller.log.filter(line => line.startsWith('connection is no chassis'))
    expect(new Set(lines).size).toBe(lines.length)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThanOrEqual(4)
  })

  test('a port that cannot be listened on is an error at the start', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    const listen = [{ protocol: 'ptcp', host: '127.0.0.1', port }] as const
    await expect(startController({ listen })).rejects.toThrow(/EADDRINUSE/)
    taken.close()
  })
})
