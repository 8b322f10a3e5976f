// Addresses on the command line: where the API listens, and where chassis may dial in (ovsdb(7)'s passive remotes).
import { BlockList, isIP } from 'node:net'
import { InvalidArgumentError } from 'commander'

/** A host and a TCP port. */
export interface HostPort {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** Where switches dial in: `ptcp:` in the clear, `pssl:` with TLS, `punix:` on this machine. */
export type Listener =
  | (HostPort & { readonly protocol: 'ptcp' | 'pssl' })
  | { readonly protocol: 'punix'; readonly path: string }

const hostAndPort = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/
const passive = /^(ptcp|pssl):(\d{1,5})(?::(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)))?$/

/** Parses `HOST:PORT`; port 0 is any free one. */
export function parseHostPort(text: string): HostPort {
  const match = hostAndPort.exec(text)
  if (!match || !isPort(match[3]!)) {
    throw new InvalidArgumentError(`"${text}" is not HOST:PORT, as in 127.0.0.1:9696 or [::1]:9696.`)
  }
  return { host: match[1] ?? match[2]!, port: Number(match[3]) }
}

/**
 * Parses `ptcp:PORT[:HOST]`, `pssl:PORT[:HOST]` or `punix:PATH`; without a host it is all addresses, as in Open vSwitch.
 */
export function parseListener(text: string): Listener {
  if (text.startsWith('punix:/')) return { protocol: 'punix', path: text.slice('punix:'.length) }
  const match = passive.exec(text)
  if (!match || !isPort(match[2]!)) {
    throw new InvalidArgumentError(
      `"${text}" is not ptcp:PORT[:HOST], pssl:PORT[:HOST] or punix:/PATH, as in ptcp:6640:127.0.0.1.`,
    )
  }
  return { protocol: match[1] as 'ptcp' | 'pssl', port: Number(match[2]), host: match[3] ?? match[4] ?? '::' }
}

/** Prints a listener the way it is given. */
export function showListener(listener: Listener): string {
  if (listener.protocol === 'punix') return `punix:${listener.path}`
  return `${listener.protocol}:${listener.port}:${bracketed(listener.host)}`
}

/** `host:port`, with brackets around IPv6. */
export function showHostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`
}

/** Whether only this machine can reach the address. A name other than localhost counts as reachable from outside. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  if (family === 0) return host === 'localhost'
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const isPort = (text: string) => Number(text) <= 65535
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
