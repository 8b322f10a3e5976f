// Where a host's switch finds us: the OpenFlow listener, at the address at which the host's database reached us.
import { BlockList, isIP, isIPv6 } from 'node:net'
import { basename } from 'node:path'

/** Where hosts and their switches dial in: `ptcp:` in the clear, `pssl:` with TLS, `punix:` on this machine (ovsdb(7)). */
export type ListenAt =
  | { readonly protocol: 'ptcp' | 'pssl'; readonly host: string; readonly port: number }
  | { readonly protocol: 'punix'; readonly path: string }

/** How a host's database and we are connected. */
export interface Reached {
  readonly isTls: boolean
  /** Our own address on that connection; undefined for a Unix socket: the host is this machine. */
  readonly localAddress: string | undefined
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can reach the address. A name other than localhost counts as reachable from outside. */
export const isLoopback = (host: string): boolean => {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

const isAny = (host: string) => host === '' || host === '0.0.0.0' || host === '::'
const bracketed = (host: string) => (isIPv6(host) ? `[${host}]` : host)

/**
 * The controller target for a host, e.g. `tcp:192.0.2.100:6653`; undefined when no listener can be reached from it. A
 * listener of the kind by which its database reached us is taken first. `advertise` replaces the address. Switches
 * connect only to Unix sockets in their own run directory, so such a socket is told by its name there.
 */
export const controllerTarget = (
  listeners: readonly ListenAt[],
  { isTls, localAddress }: Reached,
  advertise?: string,
): string | undefined => {
  if (advertise?.startsWith('unix:')) return advertise
  const here = (localAddress ?? '127.0.0.1').replace(/^::ffff:(?=\d+\.)/, '')
  const preferred = localAddress === undefined ? 'punix' : isTls ? 'pssl' : 'ptcp'
  const byPreference = [...listeners].sort(
    (a, b) => Number(b.protocol === preferred) - Number(a.protocol === preferred),
  )
  for (const listener of byPreference) {
    if (listener.protocol === 'punix') {
      if (localAddress === undefined) return `unix:${basename(listener.path)}`
      continue
    }
    const { protocol, host, port } = listener
    if (isLoopback(host) && !isLoopback(here) && advertise === undefined) continue
    const address = advertise ?? (isAny(host) ? here : host)
    return `${protocol === 'pssl' ? 'ssl' : 'tcp'}:${bracketed(address)}:${port}`
  }
  return undefined
}
