// The distribution's own clients against a listening API over the store on disk.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildApi } from '#api'
import { modelKinds, modelPools } from '#model'
import { openStore, type Store } from '#store'

const run = promisify(execFile)
const client = '/usr/bin/openstack'
const reason = existsSync(client) ? '' : ' (skipped: python3-openstackclient is not installed)'

let dataDir: string
let store: Store
let app: FastifyInstance
let port: number
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'flowright-api-'))
  store = await openStore({ dataDir, kinds: modelKinds, pools: modelPools })
  app = buildApi({ store })
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
})
afterAll(async () => {
  await app.close()
  await store.close()
  rmSync(dataDir, { recursive: true })
})

const env = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', PYTHONDONTWRITEBYTECODE: '1' }
const openstack = async (...args: string[]) => {
  const where = ['--os-auth-type', 'none', '--os-endpoint', `http://127.0.0.1:${port}`]
  const { stdout } = await run(client, [...where, ...args, '-f', 'json'], { env })
  return stdout === '' ? undefined : JSON.parse(stdout)
}

/** Each command is a Python that takes a second of a processor to start; the API answers it in a few milliseconds. */
const LONG = { timeout: 240_000 }

describe.skipIf(reason !== '')(`stock clients${reason}`, () => {
  test('openstack makes, shows, changes and deletes', LONG, async () => {
    const made = await openstack(
      'network',
      'create',
      '--provider-network-type',
      'vxlan',
      '--provider-segment',
      '99',
      'blue',
    )
    expect(made).toMatchObject({ name: 'blue', mtu: 1450, 'provider:segmentation_id': 99 })
    const subnet = [
      'subnet',
      'create',
      '--network',
      'blue',
      '--subnet-range',
      '10.6.0.0/24',
      '--allocation-pool',
      'start=10.6.0.10,end=10.6.0.20',
      'blue4',
    ]
    expect(await openstack(...subnet)).toMatchObject({ cidr: '10.6.0.0/24', gateway_ip: '10.6.0.1' })
    const createPort = [
      'port',
      'create',
      '--network',
      'blue',
      '--fixed-ip',
      'subnet=blue4,ip-address=10.6.0.15',
      '--host',
      'host9',
      '--tag',
      'red',
      'p1',
    ]
    expect(await openstack(...createPort)).toMatchObject({
      fixed_ips: [{ ip_address: '10.6.0.15' }],
      binding_host_id: 'host9',
      tags: ['red'],
    })
    expect(await openstack('port', 'list', '--network', 'blue')).toMatchObject([{ Name: 'p1', Status: 'DOWN' }])
    await run(
      client,
      [
        '--os-auth-type',
        'none',
        '--os-endpoint',
        `http://127.0.0.1:${port}`,
        'port',
        'set',
        '--name',
        'p2',
        '--no-security-group',
        '--disable-port-security',
        'p1',
      ],
      { env },
    )
    expect(await openstack('port', 'show', 'p2')).toMatchObject({ name: 'p2', port_security_enabled: false })
    expect(await openstack('network', 'agent', 'list')).toEqual([])
    expect((await openstack('extension', 'list', '--network')).length).toBeGreaterThan(20)
    await expect(openstack('subnet', 'delete', 'blue4')).rejects.toThrow()
  })

  test.each(['sdk.py', 'sdk-l3.py'])('openstacksdk does all that its users do: %s', LONG, async script => {
    const { stdout, stderr } = await run('/usr/bin/python3', [join(import.meta.dirname, script), String(port)], {
      env,
    }).catch(error => error as { stdout: string; stderr: string })
    expect(`${stdout}${stdout.includes('ok') ? '' : stderr}`).toBe('ok\n')
  })
})
