// What `flowright serve` accepts, what it assumes and what it refuses.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { addServeOptions, readServeOptions, type ServeOptions } from '#cli/serve-options'
import { neutronQuotas, unlimitedQuotas } from '#model/quota'

/** The options that a command line means. Throws what would be printed where it is refused. */
function parse(...argv: string[]): ServeOptions {
  let printed = ''
  let options: ServeOptions | undefined
  const command = addServeOptions(new Command('serve'))
    .exitOverride(() => {
      throw new Error(printed.trim())
    })
    .configureOutput({ writeErr: text => (printed += text) })
  command.action(() => {
    options = readServeOptions(command)
  })
  command.parse(argv, { from: 'user' })
  return options!
}

function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'flowright-cli-')), 'file')
  writeFileSync(path, text)
  return path
}

const pem = file('-----BEGIN CERTIFICATE-----\n')
const keys = ['--ca', pem, '--cert', pem, '--key', pem]

describe('serve', () => {
  test('without options listens on the loopback only and accepts any chassis there', () => {
    expect(parse()).toEqual({
      data: './flowright-data',
      api: { host: '127.0.0.1', port: 9696 },
      ovsdb: [{ protocol: 'ptcp', host: '127.0.0.1', port: 6640 }],
      openflow: [{ protocol: 'ptcp', host: '127.0.0.1', port: 6653 }],
      chassis: [],
      advertise: undefined,
      keystone: undefined,
      quotas: unlimitedQuotas,
      tls: undefined,
      autoApprove: true,
      logLevel: 'info',
    })
  })

  test('limits projects as Neutron does where Keystone tells them apart, or as it is told', () => {
    const quotas = (...argv: string[]) => parse(...argv).quotas
    const keystone = ['--auth', 'keystone', '--keystone', 'http://192.0.2.1:5000']
    expect(quotas(...keystone)).toEqual(neutronQuotas)
    expect(quotas(...keystone, '--quotas', 'unlimited')).toEqual(unlimitedQuotas)
    expect(quotas('--quotas', 'neutron')).toEqual(neutronQuotas)
    expect(quotas('--quotas', 'port=1000,network=-1')).toEqual({ ...neutronQuotas, port: 1000, network: -1 })
    expect(quotas('--config', file('{"quotas": "port=7"}'))).toEqual({ ...neutronQuotas, port: 7 })
    for (const wrong of ['none', 'port', 'port=', 'port=-2', 'pots=3'])
      expect(() => quotas('--quotas', wrong)).toThrow()
  })

  test('takes listeners and chassis several times, in place of the default', () => {
    const options = parse(
      '--ovsdb',
      'ptcp:7640:127.0.0.2',
      '--ovsdb',
      'ptcp:7641:[::1]',
      '--ovsdb',
      'punix:/run/flowright.sock',
      '--chassis',
      'tcp:192.0.2.1:6640',
      '--chassis',
      'unix:/run/db.sock',
    )
    expect(options.ovsdb).toEqual([
      { protocol: 'ptcp', host: '127.0.0.2', port: 7640 },
      { protocol: 'ptcp', host: '::1', port: 7641 },
      { protocol: 'punix', path: '/run/flowright.sock' },
    ])
    expect(options.chassis).toEqual(['tcp:192.0.2.1:6640', 'unix:/run/db.sock'])
  })

  test.each([
    [['--api', '192.0.2.1:9696'], 'API at 192.0.2.1:9696 would obey anyone'],
    [['--api', '[::]:9696'], 'API at [::]:9696 would obey anyone'],
    [['--ovsdb', 'ptcp:6640'], 'ptcp:6640:[::] would accept any switch from outside'],
    [['--openflow', 'ptcp:6653:0.0.0.0'], 'ptcp:6653:0.0.0.0 would accept any switch from outside'],
  ])('%j is refused off the loopback, unless --insecure says so', (argv, message) => {
    expect(() => parse(...argv)).toThrow(message)
    expect(parse(...argv, '--insecure').autoApprove).toBe(true)
  })

  test('listens off the loopback with Keystone and TLS, and then chassis wait for approval', () => {
    const options = parse(
      '--api',
      '192.0.2.1:9696',
      '--auth',
      'keystone',
      '--keystone',
      'http://192.0.2.9:5000/',
      '--ovsdb',
      'pssl:6640',
      ...keys,
    )
    expect(options).toMatchObject({
      keystone: 'http://192.0.2.9:5000',
      autoApprove: false,
      tls: { ca: '-----BEGIN CERTIFICATE-----\n' },
    })
    expect(parse('--ovsdb', 'pssl:6640', '--auto-approve', ...keys).autoApprove).toBe(true)
  })

  test.each([
    [['--api', '9696'], '"9696" is not HOST:PORT'],
    [['--api', '127.0.0.1:99999'], '"127.0.0.1:99999" is not HOST:PORT'],
    [['--ovsdb', 'tcp:127.0.0.1:6640'], 'is not ptcp:PORT[:HOST], pssl:PORT[:HOST] or punix:/PATH'],
    [['--chassis', 'ptcp:6640'], '"ptcp:6640" is not a remote'],
    [['--chassis', 'ssl:192.0.2.1:6640'], 'ssl:192.0.2.1:6640 needs --ca, --cert and --key'],
    [['--ovsdb', 'pssl:6640'], 'pssl:6640:[::] needs --ca, --cert and --key'],
    [['--ca', pem], '--ca, --cert and --key belong together'],
    [['--ca', '/nowhere', '--cert', pem, '--key', pem], '--ca /nowhere: ENOENT'],
    [['--ca', file('text'), '--cert', pem, '--key', pem], 'this is no PEM file'],
    [['--auth', 'keystone'], '--auth keystone needs --keystone URL'],
    [['--keystone', 'http://192.0.2.9:5000'], '--keystone is for --auth keystone'],
    [['--auth', 'basic'], 'Allowed choices are none, keystone'],
    [['--log-level', 'loud'], 'Allowed choices are trace, debug, info, warn, error'],
  ])('%j is refused with a reason', (argv, message) => {
    expect(() => parse(...argv)).toThrow(message)
  })
})

describe('--config', () => {
  test('gives what the command line does not', () => {
    const config = file(
      JSON.stringify({
        data: '/var/lib/flowright',
        api: '127.0.0.1:1',
        ovsdb: ['ptcp:1:127.0.0.1', 'ptcp:2:127.0.0.1'],
        insecure: true,
      }),
    )
    const options = parse('--config', config, '--api', '0.0.0.0:2')
    expect(options).toMatchObject({ data: '/var/lib/flowright', api: { host: '0.0.0.0', port: 2 } })
    expect(options.ovsdb).toMatchObject([{ port: 1 }, { port: 2 }])
  })

  test.each([
    ['{', 'not JSON'],
    ['[]', 'must be one JSON object'],
    ['{"apo": "127.0.0.1:1"}', 'there is no option "apo"'],
    ['{"ovsdb": "ptcp:1:127.0.0.1"}', '"ovsdb" must be a list of strings'],
    ['{"insecure": "yes"}', '"insecure" must be true or false'],
    ['{"api": 9696}', '"api" must be a string'],
    ['{"api": "9696"}', '"api": "9696" is not HOST:PORT'],
    ['{"auth": "basic"}', '"auth": Allowed choices are none, keystone'],
    ['{"api": "192.0.2.1:9696"}', 'would obey anyone'],
  ])('%s is refused with a reason', (text, message) => {
    expect(() => parse('--config', file(text))).toThrow(message)
  })
})
