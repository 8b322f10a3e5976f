// Addresses that change hands under traffic: who had them hears no more, and who has them now is not held to what was.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '#test/support/cloud'
import { ask } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import { type Machine, type NorthSouth, startNorthSouth } from './north-south.ts'
import type { Resource } from './world.ts'

const FLOATING = '203.0.113.40'
const FORWARDING = '203.0.113.50'
/** By when (ms) a connection that runs is where it is to be. */
const SOON = 1000

describeDataplane('addresses that change hands', () => {
  let ns: NorthSouth
  let server: Node
  let network: Resource
  let floating: Resource
  const children: ChildProcess[] = []
  const vms: Machine[] = []
  /** When each VM last heard something, and on what port. */
  const heard = new Map<string, number>()

  const python = async (node: Pick<Node, 'netns'>, lines: readonly string[]) => {
    const args = [`--net=/run/netns/${node.netns}`, 'python3', '-u', '-c', lines.join('\n')]
    const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    return child
  }
  /** Hears datagrams at a port of a VM. */
  const listen = async (name: string, [vm]: Machine, port: number) => {
    const child = await python(vm, [
      'import socket',
      's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      `s.bind(('', ${port}))`,
      "print('ready')",
      "while True: said, peer = s.recvfrom(99); print('.'); s.sendto(said, peer)",
    ])
    child.stdout?.on('data', () => heard.set(`${name} ${port}`, Date.now()))
  }
  /** Says something to an address every 20 ms from one port, without an end. */
  const stream = (to: string, port: number, source: number) =>
    python(server, [
      'import socket, time',
      's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      `s.bind(('', ${source}))`,
      "print('ready')",
      'while True:',
      `    try: s.sendto(b'x', ('${to}', ${port}))`,
      '    except OSError: pass',
      '    time.sleep(0.02)',
    ])
  const hears = (name: string, port: number, since: number) => (heard.get(`${name} ${port}`) ?? 0) > since
  const untilHeard = (name: string, port: number, since: number, limit?: number) =>
    until(`${name} to hear at ${port}`, () => hears(name, port, since), limit)
  /** Nothing arrives there from a second after something was asked for. */
  const expectSilence = async (name: string, port: number, asked: number) => {
    await sleep(asked + SOON - Date.now())
    const quiet = Date.now()
    await sleep(700)
    expect(hears(name, port, quiet), `${name} hears at ${port}`).toBe(false)
  }
  const portOf = (n: number) => (vms[n] as Machine)[1]

  beforeAll(async () => {
    ns = await startNorthSouth({ gw: { gateway: 10 } })
    server = ns.internet.server
    network = await ns.addNetwork(await ns.addRouter(['203.0.113.11']), ['10.1.0.0/24'])
    for (const name of ['first', 'second']) {
      const vm = await ns.vmOn('gw', network)
      vms.push(vm)
      for (const port of [1000, 1001]) await listen(name, vm, port)
    }
    floating = await ns.addFloatingIp({ floating_ip_address: FLOATING, port_id: portOf(0).id })
  }, 120_000)
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await ns?.stop()
  })

  test('a stream to a floating IP goes to the VM that it stands for now, and to none when it stands for none', async () => {
    await stream(FLOATING, 1000, 4000)
    await untilHeard('first', 1000, Date.now())
    for (const [now, before, n] of [['second', 'first', 1] as const, ['first', 'second', 0] as const]) {
      const asked = Date.now()
      await ns.changeFloatingIp(floating, { port_id: portOf(n).id })
      await untilHeard(now, 1000, asked, SOON)
      console.log(`a stream went to the VM that a floating IP was given to ${Date.now() - asked} ms after that`)
      await expectSilence(before, 1000, asked)
    }
    const asked = Date.now()
    await ns.changeFloatingIp(floating, { port_id: null })
    await expectSilence('first', 1000, asked)
    expect(hears('second', 1000, asked)).toBe(false)
  })

  test('a stream to a forwarded port goes to the VM that it leads to now', async () => {
    const shared = await ns.addFloatingIp({ floating_ip_address: FORWARDING })
    const leadTo = (n: number) => ({
      internal_port_id: portOf(n).id,
      internal_ip_address: portOf(n).fixed_ips[0]?.ip_address,
    })
    const path = `/v2.0/floatingips/${shared.id}/port_forwardings`
    const { port_forwarding: made } = await ns.world.call<{ port_forwarding: Resource }>('POST', path, {
      port_forwarding: { protocol: 'udp', external_port: 2000, internal_port: 1001, ...leadTo(0) },
    })
    await stream(FORWARDING, 2000, 4001)
    await untilHeard('first', 1001, 0)
    const asked = Date.now()
    await ns.world.call('PUT', `${path}/${made.id}`, { port_forwarding: leadTo(1) })
    await untilHeard('second', 1001, asked, SOON)
    await expectSilence('first', 1001, asked)
    const removed = Date.now()
    await ns.world.call('DELETE', `${path}/${made.id}`)
    await expectSilence('second', 1001, removed)
  })

  test('a VM that replaces another may speak as that did, from the same address and port', async () => {
    const address = { fixed_ips: [{ ip_address: '10.1.0.77' }] }
    const peer = (vms[0] as Machine)[0]
    const to = portOf(0).fixed_ips[0]?.ip_address as string
    const serving = await python(peer, [
      'import socket, struct, threading',
      'l = socket.socket()',
      'l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
      "l.bind(('', 7))",
      'l.listen()',
      "print('ready')",
      's, _ = l.accept()',
      "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))",
      's.sendall(s.recv(99))',
      'threading.Event().wait()',
    ])
    const [vm, port] = await ns.vmOn('gw', network, address)
    // A connection that lasts, until its VM is no more.
    const held = await python(vm, [
      'import socket, threading',
      's = socket.socket()',
      "s.bind(('', 5555))",
      `s.connect(('${to}', 7))`,
      "s.sendall(b'hello')",
      'print(s.recv(99))',
      'threading.Event().wait()',
    ])
    await ns.world.call('DELETE', `/v2.0/ports/${port.id}`)
    held.kill('SIGKILL')
    // The peer gives up as well, unheard; so that conntrack alone holds it against the next.
    await peer.exec('ip', 'link', 'set', 'eth0', 'down')
    serving.kill('SIGKILL')
    await once(serving, 'close')
    await peer.exec('ip', 'link', 'set', 'eth0', 'up')
    await ns.internet.serve(peer)
    const [next] = await ns.vmOn('gw', network, address)
    await until('the next to reach what the former did', () =>
      ask(next, 'tcp', to, { source: 5555 }).catch(() => false),
    )
  })
})
