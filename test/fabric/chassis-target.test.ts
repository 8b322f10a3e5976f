import { expect, test } from 'vitest'
import { controllerTarget, type ListenAt } from '#fabric/chassis/index'

const tcp = (host: string): ListenAt => ({ protocol: 'ptcp', host, port: 6653 })
const tls = (host: string): ListenAt => ({ protocol: 'pssl', host, port: 6654 })
const unix: ListenAt = { protocol: 'punix', path: '/run/openvswitch/flowright.sock' }
const at = (localAddress: string | undefined, isTls = false) => ({ localAddress, isTls })

test.each<[string, readonly ListenAt[], ReturnType<typeof at>, string | undefined, string | undefined]>([
  ['the address at which it reached us', [tcp('::')], at('192.0.2.9'), undefined, 'tcp:192.0.2.9:6653'],
  [
    'an IPv4 address seen by a dual-stack listener',
    [tcp('::')],
    at('::ffff:192.0.2.9'),
    undefined,
    'tcp:192.0.2.9:6653',
  ],
  ['an IPv6 address in brackets', [tcp('::')], at('2001:db8::9'), undefined, 'tcp:[2001:db8::9]:6653'],
  ['the only address that we listen on', [tcp('192.0.2.7')], at('192.0.2.9'), undefined, 'tcp:192.0.2.7:6653'],
  ['this machine for a Unix socket', [tcp('0.0.0.0')], at(undefined), undefined, 'tcp:127.0.0.1:6653'],
  ['the advertised host', [tcp('::')], at('10.0.0.1'), 'controller.example', 'tcp:controller.example:6653'],
  ['TLS where TLS was used', [tcp('::'), tls('::')], at('192.0.2.9', true), undefined, 'ssl:192.0.2.9:6654'],
  ['TLS where there is nothing else', [tls('::')], at('192.0.2.9'), undefined, 'ssl:192.0.2.9:6654'],
  [
    'the listener that is not on loopback',
    [tcp('127.0.0.1'), tls('::')],
    at('192.0.2.9'),
    undefined,
    'ssl:192.0.2.9:6654',
  ],
  ['a Unix socket where one was used', [tcp('::'), unix], at(undefined), undefined, 'unix:flowright.sock'],
  ['no Unix socket of another machine', [unix], at('192.0.2.9'), undefined, undefined],
  ['nothing, when all are on loopback and it is not', [tcp('127.0.0.1')], at('192.0.2.9'), undefined, undefined],
])('a switch is told %s', (_, listeners, reached, advertise, target) => {
  expect(controllerTarget(listeners, reached, advertise)).toBe(target)
})
