// Addresses on the command line: where the API listens, and where chassis may dial in (ovsdb(7)'s passive remotes).
import { InvalidArgumentError } from 'commander'
import type { ListenAt } from '#fabric/chassis/controller-target'

/** A host and a TCP port. */
export interface HostPort {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

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
export function parseListener(text: string): ListenAt {
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
export function showListener(listener: ListenAt): string {
  if (listener.protocol === 'punix') return `punix:${listener.path}`
  return `${listener.protocol}:${listener.port}:${bracketed(listener.host)}`
}

/** `host:port`, with brackets around IPv6. */
export function showHostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`
}

const isPort = (text: string) => Number(text) <= 65535
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
