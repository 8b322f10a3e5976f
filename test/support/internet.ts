// What lies outside of the cloud, for tests of north-south traffic: a foreign router that forwards by its own kernel, and
// a server behind it that tells everybody who they seem to be.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Cloud, Node } from './cloud.ts'

/** How the foreign router is on the physical network. */
interface InternetOptions {
  /** The VLAN of the external network; untagged when absent. */
  readonly vlan?: number
  /** Addresses of the router there. Default: 203.0.113.1/24 and 2001:db8:113::1/64. */
  readonly addresses?: readonly string[]
}

/** The world outside. */
export interface Internet {
  /** On the external network with `eth0`, to the server with `inside`. */
  readonly router: Node
  /** SERVER and SERVER6, with port 7 (TCP, UDP) and 80 (HTTP): see echo.py. */
  readonly server: Node
  /** Serves the same at a machine. */
  serve(node: Node): Promise<void>
  /** Ends the server's processes; the machines are the cloud's. */
  stop(): void
}

/** The addresses of the server. */
export const SERVER = '198.51.100.10'
/** Its IPv6 one. */
export const SERVER6 = '2001:db8:100::10'

/** Makes a node forward packets of both families, and send every ICMP error that is due. */
export const makeRouter = async (node: Node): Promise<void> => {
  for (const setting of ['ipv4.ip_forward=1', 'ipv6.conf.all.forwarding=1', 'ipv4.icmp_ratelimit=0'])
    await node.exec('sysctl', '-qw', `net.${setting}`)
}

/** Puts a foreign router on a physical network, and a server behind it. */
export const startInternet = async (
  cloud: Cloud,
  physicalNetwork: string,
  { vlan, addresses = ['203.0.113.1/24', '2001:db8:113::1/64'] }: InternetOptions = {},
): Promise<Internet> => {
  const router = await cloud.addOutsider(physicalNetwork, { addresses, ...(vlan === undefined ? {} : { vlan }) })
  await router.exec('ip', 'link', 'set', 'eth0', 'mtu', '1500')
  await makeRouter(router)
  const server = await cloud.addBehind(router, 'inside')
  for (const [node, device, host] of [[router, 'inside', '1'] as const, [server, 'eth0', '10'] as const]) {
    await node.exec('ip', 'addr', 'add', `198.51.100.${host}/24`, 'dev', device)
    await node.exec('ip', 'addr', 'add', `2001:db8:100::${host}/64`, 'dev', device, 'nodad')
  }
  await server.exec('ip', 'route', 'add', 'default', 'via', '198.51.100.1')
  await server.exec('ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:100::1')

  const children: ChildProcess[] = []
  const serve = async (node: Node) => {
    const script = resolve(import.meta.dirname, 'echo.py')
    const child = spawn('nsenter', [`--net=/run/netns/${node.netns}`, 'python3', '-u', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
  }
  await serve(server)
  return {
    router,
    server,
    serve,
    stop: () => {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

const CONVERSE = [
  "s.sendall(b'x' * SIZE)",
  "said = b''",
  "while said.count(b'x') < SIZE: said += s.recv(65536) or sys.exit('closed')",
]

/** Datagrams may be lost: the first ones that are larger than the path takes are, and the socket hears of it (EMSGSIZE). */
const EXCHANGE = [
  's.settimeout(0.7)',
  'for left in (2, 1, 0):',
  "    try: s.send(b'x' * SIZE); said = s.recv(65536); break",
  '    except OSError as error:',
  '        if not left or error.errno not in (None, 90): raise',
]

/** Says something to port 7 of an address over TCP or UDP: who one seems to be there, or what went wrong. */
export const ask = async (
  node: Pick<Node, 'exec'>,
  protocol: 'tcp' | 'udp',
  to: string,
  { port = 7, source = 0, size = 5 }: { port?: number; source?: number; size?: number } = {},
): Promise<{ readonly ip: string; readonly port: number }> => {
  const kind = protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM'
  const family = to.includes(':') ? 'AF_INET6' : 'AF_INET'
  const script = [
    'import socket, sys',
    `s = socket.socket(socket.${family}, socket.${kind})`,
    's.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
    's.settimeout(2)',
    `s.bind(('', ${source}))`,
    `s.connect(('${to}', ${port}))`,
    ...(protocol === 'tcp' ? CONVERSE : EXCHANGE).map(line => line.replaceAll('SIZE', `${size}`)),
    "print(' '.join(said.decode().split()[:2]))",
  ].join('\n')
  const [ip = '', seen = ''] = (await node.exec('python3', '-c', script)).trim().split(' ')
  return { ip, port: Number(seen) }
}
