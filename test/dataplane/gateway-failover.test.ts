// Gateways that die and come back: two of them, a host that has none, and a VM there that goes on talking to the world.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Node } from '#test/support/cloud'
import { SERVER } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import { capture } from './capture.ts'
import { type Machine, type NorthSouth, PHYSNET, startNorthSouth, untilReached } from './north-south.ts'
import { ipOf, type Resource } from './world.ts'

/** What a ping every 10 ms came to. */
interface Run {
  readonly sent: number
  readonly received: number
  /** The longest time without an answer, from the first ping to the last, in milliseconds. */
  readonly gap: number
  /** Answers that came twice. */
  readonly twice: number
}

const told = ({ gap, sent, received, twice }: Run) =>
  `${gap} ms without an answer, ${sent - received} of ${sent} lost, ${twice} came twice`

/** Pings every 10 ms while `work` runs and for `after` ms more. */
const pingWhile = async (node: Pick<Node, 'netns'>, to: string, work: () => Promise<unknown>, after = 2500) => {
  const args = [`--net=/run/netns/${node.netns}`, 'ping', '-D', '-n', '-i', '0.01', to]
  const began = Date.now()
  const ping = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  ping.stdout.on('data', chunk => {
    text += chunk
  })
  await new Promise(resolve => setTimeout(resolve, 400))
  await work()
  await new Promise(resolve => setTimeout(resolve, after))
  const ended = once(ping, 'close')
  const end = Date.now()
  ping.kill('SIGINT')
  await ended
  const answers = [...text.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from/gm)].map(match => Number(match[1]) * 1000)
  // What is never answered again, or never was, is a silence too.
  const times = [began, ...answers, end]
  const [, sent, received] = text.match(/(\d+) packets transmitted, (\d+) received/) ?? []
  return {
    ...{ sent: Number(sent), received: Number(received), twice: text.match(/DUP!/g)?.length ?? 0 },
    gap: Math.round(Math.max(...times.slice(1).map((time, i) => time - times[i]!))),
  } satisfies Run
}

/**
 * Talks to the server in one TCP connection; resolves when it has been answered, with a promise of what the longest wait for
 * an answer was (ms), and how many there were.
 */
const talk = async (node: Pick<Node, 'netns'>, seconds: number) => {
  const script = [
    'import socket, time',
    `s = socket.create_connection(('${SERVER}', 7))`,
    's.settimeout(15)',
    'gap = count = 0',
    `end = time.monotonic() + ${seconds}`,
    'while time.monotonic() < end:',
    '    asked = time.monotonic()',
    "    s.sendall(b'x' * 1000)",
    "    said = b''",
    "    while said.count(b'x') < 1000: said += s.recv(65536)",
    '    gap = max(gap, time.monotonic() - asked)',
    '    count += 1',
    "    if count == 1: print('begun', flush=True)",
    '    time.sleep(0.002)',
    'print(round(gap * 1000), count)',
  ].join('\n')
  const args = [`--net=/run/netns/${node.netns}`, 'python3', '-c', script]
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    ended: ended.then(() => {
      const [, gap, count] = text.match(/begun\n(\d+) (\d+)/) ?? []
      return { gap: Number(gap), count: Number(count) }
    }),
  }
}

/**
 * Sends datagrams to an address every 10 ms, which a machine takes without an answer. `stop` ends both: how many came, and the
 * longest time between two of them (ms).
 */
const sendOneWay = async (from: Pick<Node, 'netns'>, to: string, at: Pick<Node, 'netns'>) => {
  const run = (node: Pick<Node, 'netns'>, ...script: readonly string[]) =>
    spawn('nsenter', [`--net=/run/netns/${node.netns}`, 'python3', '-u', '-c', script.join('\n')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const listening = run(
    at,
    'import socket, time',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    "s.bind(('', 7777))",
    "print('ready')",
    'while s.recv(100): print(time.monotonic())',
  )
  // A datagram that nobody listens for would be answered by ICMP.
  await once(listening.stdout, 'data')
  let text = ''
  listening.stdout.on('data', chunk => {
    text += chunk
  })
  const sending = run(
    from,
    'import socket, time',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    `while True: s.sendto(b'x', ('${to}', 7777)); time.sleep(0.01)`,
  )
  const times = () => text.split('\n').filter(Boolean).map(Number)
  return {
    count: () => times().length,
    stop: async () => {
      // Python's clock is this one.
      const now = Number(process.hrtime.bigint()) / 1e9
      const ended = once(sending, 'close')
      sending.kill('SIGKILL')
      await ended
      // What is under way still arrives: nothing tells when all of it has.
      await new Promise(resolve => setTimeout(resolve, 200))
      listening.kill('SIGKILL')
      const came = times()
      const gap = Math.max(...[...came.slice(1), now].map((time, i) => time - came[i]!))
      return { count: came.length, gap: Math.round(gap * 1000) }
    },
  }
}

describeDataplane('gateway failover', () => {
  let ns: NorthSouth
  let router: Resource
  let vm: Machine
  /** Of the router's gateway. */
  let mac: string
  /** The leg of each gateway in the physical network. */
  const legs = new Map<string, string>()
  const best = () => ns.host('gw1')

  beforeAll(async () => {
    ns = await startNorthSouth({ gw1: { gateway: 20 }, gw2: { gateway: 10 }, compute: {} })
    router = await ns.addRouter(['203.0.113.11'])
    const { ports } = await ns.world.call<{ ports: { mac_address: string }[] }>(
      'GET',
      `/v2.0/ports?device_id=${router.id}&device_owner=network:router_gateway`,
    )
    mac = ports[0]?.mac_address as string
    for (const name of ['gw1', 'gw2']) legs.set(name, await ns.legOf(name))
    vm = await ns.vmOn('compute', await ns.addNetwork(router, ['10.1.0.0/24']))
    await until('the way out', () => vm[0].ping(SERVER))
    await untilActive('gw1')
  }, 120_000)
  afterAll(() => ns?.stop())

  /** Where the switch outside last saw the router send from. */
  const activeNow = async () => {
    await vm[0].ping(SERVER, { wait: 0.2 })
    const fdb = await ns.world.cloud.wires.exec('bridge', '-j', 'fdb', 'show', 'br', PHYSNET)
    const leg = (JSON.parse(fdb) as { mac: string; ifname: string }[]).find(entry => entry.mac === mac)?.ifname
    return [...legs].find(([, its]) => its === leg)?.[0]
  }
  const untilActive = (name: string) =>
    until(`${name} to be the gateway`, async () => (await activeNow()) === name, 20_000)

  /** In its first two seconds a BFD session is slow: 3 s until it is found dead, as the guide says. */
  const untilQuick = () =>
    until('BFD sessions to speak every 100 ms', async () => {
      const shown = await Promise.all(['gw1', 'gw2', 'compute'].map(name => ns.host(name).ovs.appctl('bfd/show')))
      return shown.every(text => !/RX Interval: Approx (?!100ms)/.test(text))
    })

  test.each(['cut', 'killed'] as const)(
    'what only comes in is led to the next gateway by gratuitous ARP: the active one is %s',
    async how => {
      const floating = await ns.addFloatingIp({ port_id: vm[1].id })
      const ip = floating.floating_ip_address as string
      await untilReached(ns.internet.server, ip)
      await untilActive('gw1')
      const [arp, said] = [await ns.capture('arp'), await capture(vm[0], 'eth0', `src host ${ipOf(vm[1])}`)]
      const flow = await sendOneWay(ns.internet.server, ip, vm[0])
      await until('datagrams to come', () => flow.count() > 50)
      await untilQuick()
      if (how === 'cut') await best().exec('ip', 'link', 'set', 'phy0', 'down')
      else await best().ovs.kill9('ovs-vswitchd')
      // What is under way when the gateway dies is far less than this second's worth.
      const before = flow.count()
      await until('datagrams to come by the next gateway', () => flow.count() > before + 100)
      expect(await said.stop()).toEqual([])
      const { count, gap } = await flow.stop()
      console.log(`${how}: ${gap} ms without a datagram, ${count} came`)
      const announced = (await arp.stop()).filter(line => line.includes('> ff:ff:ff:ff:ff:ff'))
      for (const own of [ip, '203.0.113.11'])
        expect(announced.filter(line => line.split(own).length > 2).length, own).toBeGreaterThan(0)
      expect(gap).toBeLessThan(2000)
      if (how === 'cut') await best().exec('ip', 'link', 'set', 'phy0', 'up')
      else await best().ovs.start('ovs-vswitchd')
      await ns.world.call('DELETE', `/v2.0/floatingips/${floating.id}`)
      await untilActive('gw1')
      await untilQuick()
    },
    60_000,
  )

  // Gaps are 230 to 380 ms, but 740 to 820 ms where a gateway takes over twice within ten seconds and the controller is not there
  // to announce it: its provider bridge then still has the datapath flow of the first time, which teaches the bridge where the
  // gateway's MAC is only when counters are next collected, half a second later at most.
  describe.each([true, false])('with the controller running: %s', isRunning => {
    beforeAll(async () => {
      if (!isRunning) await ns.world.stopController()
    })
    afterAll(async () => {
      if (!isRunning) await ns.world.startController()
    })

    test('the link of the active gateway is cut and mended', async () => {
      const link = (state: string) => best().exec('ip', 'link', 'set', 'phy0', state)
      // Without a controller nobody lets the returning gateway forget the connection as it was.
      const talking = await talk(vm[0], isRunning ? 8 : 2)
      const cut = await pingWhile(vm[0], SERVER, () => link('down'))
      console.log(`cut: ${told(cut)}`)
      expect(cut.gap).toBeLessThan(1000)
      const mended = await pingWhile(vm[0], SERVER, () => link('up'))
      console.log(`mended: ${told(mended)}`)
      expect(mended.gap).toBeLessThan(1000)
      await untilActive('gw1')
      const talked = await talking.ended
      console.log(`one TCP connection all the while: ${talked.gap} ms at most between ${talked.count} answers`)
      expect(talked.count).toBeGreaterThan(50)
      expect(talked.gap).toBeLessThan(3000)
    })

    test('the active gateway is killed and comes back', async () => {
      const talking = await talk(vm[0], isRunning ? 8 : 2)
      const dying = await pingWhile(vm[0], SERVER, () => best().ovs.kill9('ovs-vswitchd'))
      console.log(`killed: ${told(dying)}`)
      expect(dying.gap).toBeLessThan(1000)
      expect(await activeNow()).toBe('gw2')
      if (isRunning) {
        const back = await pingWhile(vm[0], SERVER, () => best().ovs.start('ovs-vswitchd'), 4000)
        console.log(`back: ${told(back)}`)
        expect(back.gap).toBeLessThan(1000)
        await untilActive('gw1')
      }
      const talked = await talking.ended
      console.log(`one TCP connection all the while: ${talked.gap} ms at most between ${talked.count} answers`)
      expect(talked.count).toBeGreaterThan(50)
      expect(talked.gap).toBeLessThan(3000)
    })
  })

  test('two that hold themselves active, as they do not hear of one another, are shown', async () => {
    const conflict = async () => {
      const { gateways } = await ns.world.call<{ gateways: { conflict: string[] }[] }>('GET', '/flowright/v1/gateways')
      return gateways[0]?.conflict ?? []
    }
    await best().ovs.start('ovs-vswitchd')
    await untilActive('gw1')
    expect(await conflict()).toEqual([])
    await best().exec('ip', 'link', 'set', 'phy0', 'down')
    await until('the conflict to be found', async () => (await conflict()).length === 2, 20_000)
    await best().exec('ip', 'link', 'set', 'phy0', 'up')
    await until('the conflict to be over', async () => (await conflict()).length === 0, 10_000)
    await untilActive('gw1')
  }, 60_000)
})
