import { connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { claims, rebind, setPortStatus } from '#model/binding'
import { attachments, bindings, chassis } from '#model/chassis'
import { modelKinds } from '#model/declared'
import { ports } from '#model/port'
import type { Commit } from '#model/transaction'
import { openMemoryStore } from '#store/memory-store'
import { describeOvs, type Ovs, startOvs, until } from '#test/support/ovs'
import {
  addNetwork,
  addPort,
  type Controller,
  change,
  removePort,
  startController,
  untilBound,
  untilUp,
  whereIs,
} from './chassis-support.ts'

describeOvs('a session follows a chassis', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  const controllerWith = async (options: Parameters<typeof startController>[0] = {}): Promise<Controller> => {
    const controller = await startController(options)
    ends.push(controller.stop)
    if (controller.store.count(ports) === 0) {
      await addNetwork(controller.store, 'net', 1)
      for (const [i, id] of ['a', 'b'].entries()) await addPort(controller.store, id, i + 1, 'net')
    }
    return controller
  }
  const newHost = async (n: number, systemId = `host${n}`): Promise<Ovs> => {
    const ovs = await startOvs({ systemId, externalIds: { 'flowright-tunnel-ip': `192.0.2.${n}` } })
    ends.push(ovs.stop)
    return ovs
  }
  /** A host that has joined. */
  const hostOf = async (controller: Controller, n: number): Promise<Ovs> => {
    const ovs = await newHost(n)
    await ovs.vsctl('set-manager', controller.manager)
    await until('br-int', async () => (await ovs.vsctl('list-br')).includes('br-int'))
    return ovs
  }
  const plug = (at: Ovs, port: string, name = `tap${port}`) =>
    at.vsctl('add-port', 'br-int', name, '--', 'set', 'Interface', name, `external_ids:iface-id=${port}`)
  const unplug = (at: Ovs, port: string) => at.vsctl('del-port', 'br-int', `tap${port}`)
  const ofport = async (at: Ovs, name: string) => Number(await at.vsctl('get', 'Interface', name, 'ofport'))

  test('plug and unplug', async () => {
    const controller = await controllerWith()
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    expect(controller.store.get(bindings, 'a@host1')).toMatchObject({
      interface: 'tapa',
      ofport: await ofport(one, 'tapa'),
      network: 'net',
    })
    expect(controller.store.get(attachments, 'host1/net')?.localVlan).toBe(1)
    await unplug(one, 'a')
    await untilBound(controller.store, 'a')
    expect(controller.store.count(attachments)).toBe(0)
  })

  test('an interface gets its iface-id late, another one, another number, and loses it', async () => {
    const controller = await controllerWith()
    const one = await hostOf(controller, 1)
    await one.vsctl('add-port', 'br-int', 'tap0')
    await one.vsctl('set', 'Interface', 'tap0', 'external_ids:iface-id=a')
    await untilBound(controller.store, 'a', 'host1 active')
    await one.vsctl('set', 'Interface', 'tap0', 'external_ids:iface-id=b')
    await untilBound(controller.store, 'b', 'host1 active')
    expect(whereIs(controller.store, 'a')).toEqual([])
    await one.vsctl('set', 'Interface', 'tap0', 'ofport_request=77')
    await until('the number', () => controller.store.get(bindings, 'b@host1')?.ofport === 77)
    await one.vsctl('remove', 'Interface', 'tap0', 'external_ids', 'iface-id')
    await untilBound(controller.store, 'b')
  })

  test('an interface elsewhere than on br-int claims nothing, one that cannot be opened says so', async () => {
    const controller = await controllerWith()
    const one = await hostOf(controller, 1)
    await one.vsctl('add-br', 'br-other', '--', 'add-port', 'br-other', 'tapa')
    await one.vsctl('set', 'Interface', 'tapa', 'external_ids:iface-id=a')
    await one.vsctlNoWait(
      ...['add-port', 'br-int', 'tapb', '--', 'set', 'Interface', 'tapb', 'type=nonsense', 'external_ids:iface-id=b'],
    )
    await until('a problem', () => controller.store.get(claims, 'host1/tapb')?.problem)
    expect(controller.store.get(claims, 'host1/tapb')?.problem).toMatch(
      /the switch cannot use interface tapb: could not open/,
    )
    expect(controller.store.get(claims, 'host1/tapa')).toBeUndefined()
  })

  test('plugged before it exists, deleted while plugged, switched off while plugged', async () => {
    const controller = await controllerWith()
    const { store } = controller
    const one = await hostOf(controller, 1)
    await plug(one, 'early')
    await until('the claim', () => store.count(claims) === 1)
    await addPort(store, 'early', 3, 'net')
    expect(whereIs(store, 'early')).toEqual(['host1 active'])
    await change(store, tx => setPortStatus(tx, 'early', 'ACTIVE'))
    await change(store, tx => {
      tx.replace(ports, { ...tx.get(ports, 'early')!, adminStateUp: false })
      rebind(tx, 'early')
    })
    expect(whereIs(store, 'early')).toEqual(['host1 active'])
    expect(store.get(ports, 'early')?.status).toBe('DOWN')
    await removePort(store, 'early')
    expect(store.count(bindings) + store.count(attachments)).toBe(0)
    await unplug(one, 'early')
    await until('no claim', () => store.count(claims) === 0)
  })

  test('two hosts claim a port: the second waits, and has it when the first unplugs', async () => {
    const controller = await controllerWith()
    const [one, two] = [await hostOf(controller, 1), await hostOf(controller, 2)]
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    await plug(two, 'a')
    await untilBound(controller.store, 'a', 'host1 active', 'host2 pending')
    await unplug(one, 'a')
    await untilBound(controller.store, 'a', 'host2 active')
  })

  test('what one OVSDB transaction plugs is one transaction of the model', async () => {
    const controller = await controllerWith()
    const { store } = controller
    const one = await hostOf(controller, 1)
    const ids = Array.from({ length: 100 }, (_, i) => `p${i}`)
    for (const [i, id] of ids.entries()) await addPort(store, id, i + 10, 'net')
    const commits: Commit[] = []
    store.follow(commit => commits.push(commit))
    await one.vsctl(
      ...ids.flatMap(id => [
        '--',
        'add-port',
        'br-int',
        id,
        '--',
        'set',
        'Interface',
        id,
        `external_ids:iface-id=${id}`,
      ]),
    )
    await until('all bound', () => store.count(bindings) === 100)
    await store.settled()
    expect(commits.length).toBeLessThanOrEqual(3)
    await one.vsctl(...ids.flatMap(id => ['--', 'del-port', id]))
    await until('none bound', () => store.count(bindings) === 0)
  })

  test('ovsdb-server ends and returns: nothing is withdrawn, and what changed meanwhile is followed', async () => {
    const controller = await controllerWith()
    const { store, sessions } = controller
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await plug(one, 'b')
    await untilBound(store, 'b', 'host1 active')
    const changes: string[] = []
    sessions.watch(id => changes.push(`${id} ${sessions.state(id)?.isUp}`))
    await one.kill9('ovsdb-server')
    await untilUp(controller, 'host1', false)
    expect(sessions.state('host1')).toMatchObject({ isUp: false, reason: /closed|ended|lost/ })
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
    // Manager rows would bring it back before the change: a database changed offline stands for a long absence.
    await one.exec('ovsdb-tool', 'transact', `${one.dir}/conf.db`, JSON.stringify(unplugOffline('tapa')))
    await one.start('ovsdb-server')
    await untilUp(controller, 'host1')
    await untilBound(store, 'a')
    expect(whereIs(store, 'b')).toEqual(['host1 active'])
    expect(changes).toEqual(['host1 false', 'host1 true'])
  })

  const unplugOffline = (name: string) => [
    'Open_vSwitch',
    { op: 'update', table: 'Interface', where: [['name', '==', name]], row: { external_ids: ['map', []] } },
  ]

  test('ovs-vswitchd is killed and returns: its ports are the same, or follow', async () => {
    const controller = await controllerWith()
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    await controller.store.settled()
    const { revision } = controller.store
    await one.kill9('ovs-vswitchd')
    await one.vsctlNoWait('add-port', 'br-int', 'tapb', '--', 'set', 'Interface', 'tapb', 'external_ids:iface-id=b')
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(whereIs(controller.store, 'b')).toEqual([])
    expect(controller.store.revision).toBe(revision)
    await one.start('ovs-vswitchd')
    await untilBound(controller.store, 'b', 'host1 active')
    for (const port of ['a', 'b']) {
      expect(controller.store.get(bindings, `${port}@host1`)?.ofport).toBe(await ofport(one, `tap${port}`))
    }
    expect(controller.sessions.state('host1')).toMatchObject({ isUp: true, problems: [] })
  })

  test('the controller is away: what was plugged and unplugged meanwhile is found', async () => {
    const controller = await controllerWith()
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    await controller.stop()
    await unplug(one, 'a')
    await plug(one, 'b')
    const port = Number(controller.manager.split(':')[2])
    const listen = [{ protocol: 'ptcp', host: '127.0.0.1', port }] as const
    const next = await controllerWith({ store: controller.store, listen })
    expect(next.sessions.state('host1')).toMatchObject({ isUp: false, reason: /not connected since/ })
    await untilBound(next.store, 'b', 'host1 active')
    expect(whereIs(next.store, 'a')).toEqual([])
  })

  test('a lost session: ports go DOWN after the stated time, stay bound, and are not touched before', async () => {
    const controller = await controllerWith({ downAfter: 300 })
    const { store } = controller
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(store, 'a', 'host1 active')
    await change(store, tx => setPortStatus(tx, 'a', 'ACTIVE'))
    await one.kill9('ovsdb-server')
    await untilUp(controller, 'host1', false)
    expect(store.get(ports, 'a')?.status).toBe('ACTIVE')
    await until('the port to be DOWN', () => store.get(ports, 'a')?.status === 'DOWN')
    expect(whereIs(store, 'a')).toEqual(['host1 active'])
    expect(store.get(attachments, 'host1/net')).toBeDefined()
  })

  test('a second host with the system-id of a live one is shown and not accepted; it has its place when that stays away', async () => {
    const controller = await controllerWith({ rivalAfter: 3000 })
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    const two = await newHost(2, 'host1')
    await two.vsctl('add-br', 'br-int', '--', 'add-port', 'br-int', 'tapb')
    await two.vsctl('set', 'Interface', 'tapb', 'external_ids:iface-id=b', '--', 'set-manager', controller.manager)
    await until('a problem', () => controller.sessions.state('host1')?.problems.length === 1)
    expect(controller.sessions.state('host1')?.problems[0]).toMatch(
      /another host, at tcp:127.0.0.1:\d+, reports the same/,
    )
    expect(controller.store.get(chassis, 'host1')?.tunnelIp).toBe('192.0.2.1')
    expect(whereIs(controller.store, 'b')).toEqual([])
    expect(await two.vsctl('get', 'Bridge', 'br-int', 'fail_mode')).toBe('[]')
    // The first one's place is kept for it while it restarts.
    await one.kill9('ovsdb-server')
    await untilUp(controller, 'host1', false)
    await one.start('ovsdb-server')
    await untilUp(controller, 'host1')
    expect(whereIs(controller.store, 'a')).toEqual(['host1 active'])
    await one.stop()
    await untilBound(controller.store, 'b', 'host1 active')
    expect(whereIs(controller.store, 'a')).toEqual([])
    await until('no problem', () => controller.sessions.state('host1')?.problems.length === 0)
  })

  test('a port that was plugged before we came makes room for the numbers that we need', async () => {
    const controller = await controllerWith()
    const one = await newHost(1)
    await one.vsctl('add-br', 'br-int', '--', 'add-port', 'br-int', 'tapa')
    await one.vsctl('set', 'Interface', 'tapa', 'external_ids:iface-id=a')
    expect(await ofport(one, 'tapa')).toBe(1)
    await one.vsctl('set-manager', controller.manager)
    await until(
      'the patch',
      async () => (await one.vsctl('--if-exists', 'get', 'Interface', 'patch-tun', 'ofport')) === '1',
    )
    await until('the new number', async () => {
      const number = controller.store.get(bindings, 'a@host1')?.ofport
      return number !== 1 && number === (await ofport(one, 'tapa'))
    })
    await until('no problem', () => controller.sessions.state('host1')?.problems.length === 0)
  })

  test('a host that returns replaces its own dead connection', async () => {
    const controller = await controllerWith()
    const one = await newHost(1)
    const proxy = await pausable(Number(controller.manager.split(':')[2]))
    ends.push(proxy.stop)
    await one.vsctl('set-manager', `tcp:127.0.0.1:${proxy.port}`)
    await untilUp(controller, 'host1')
    const before = controller.sessions.state('host1')?.remote
    proxy.pause()
    await one.vsctl('set-manager', controller.manager)
    await until('the new connection', () => {
      const state = controller.sessions.state('host1')
      return state?.isUp && state.remote !== before
    })
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    expect(controller.sessions.strangers()).toEqual([])
  })

  test('a store that refuses for a while loses nothing that was plugged', async () => {
    let isBroken = false
    const delay = async () => {
      if (isBroken) throw new Error('no space left on device')
    }
    const controller = await controllerWith({ store: openMemoryStore({ kinds: modelKinds, delay }) })
    const one = await hostOf(controller, 1)
    await plug(one, 'a')
    await untilBound(controller.store, 'a', 'host1 active')
    isBroken = true
    await unplug(one, 'a')
    await plug(one, 'b')
    await until('a problem', () => controller.sessions.state('host1')?.problems.length === 1)
    expect(controller.sessions.state('host1')?.problems[0]).toMatch(/cannot record its state: .*no space left/)
    // That the bridges are looked at meanwhile puts off nothing.
    await one.vsctl('set', 'Open_vSwitch', '.', 'external_ids:unrelated=1')
    await until('a look at the bridges', () => controller.sessions.state('host1')?.problems.length === 0)
    isBroken = false
    await untilBound(controller.store, 'b', 'host1 active')
    expect(whereIs(controller.store, 'a')).toEqual([])
    await until('no problem', () => controller.sessions.state('host1')?.problems.length === 0)
  })
})

/** A TCP proxy that can stop passing anything on, both ways, with its connections open: a host that lost its network. */
const pausable = async (to: number) => {
  const sockets: Socket[] = []
  const server = createServer(inner => {
    const outer = connect(to, '127.0.0.1')
    for (const [from, into] of [[inner, outer] as const, [outer, inner] as const]) {
      sockets.push(from)
      from.on('error', () => {})
      from.pipe(into)
    }
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return {
    port: (server.address() as { port: number }).port,
    pause: () => {
      for (const socket of sockets) {
        socket.unpipe()
        socket.pause()
      }
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
