import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keystone } from '#api'
import { modelKinds } from '#model'
import { openMemoryStore, type Store, StoreUnavailable } from '#store'
import { testApi } from '#test/support/api'

let server: Server
let url: string
let asked: number
let now: number
beforeEach(async () => {
  asked = 0
  now = Date.UTC(2026, 0, 1)
  server = createServer((request, reply) => {
    asked++
    const token = String(request.headers['x-subject-token'])
    const role = { admin1: 'admin', member1: 'member' }[token]
    if (token === 'broken') return reply.writeHead(500).end()
    if (!role || request.url !== '/v3/auth/tokens') return reply.writeHead(404).end()
    const found = {
      expires_at: '2026-01-01T00:10:00.000000Z',
      project: { id: `project-of-${token}` },
      user: { id: 'u' },
      roles: [{ name: role }],
    }
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: found }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`
})
afterEach(() => server.close())

const open = (store: Store = openMemoryStore({ kinds: modelKinds })) => {
  const api = testApi({ store, authenticate: keystone({ url, clock: () => now }) })
  return (method: string, path: string, token?: string, body?: object) =>
    api.call(method, path, body, token === undefined ? {} : { 'x-auth-token': token })
}

test('a request without a valid token is turned away, except for the list of versions', async () => {
  const call = open()
  for (const token of [undefined, 'forged']) {
    const answer = await call('GET', 'networks', token)
    expect(answer).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': `Keystone uri="${url.replace('/v3', '')}"` },
      body: { error: { code: 401, title: 'Unauthorized' } },
    })
    expect((await call('GET', '/v2.0/', token)).status).toBe(401)
    expect((await call('GET', '/', token)).status).toBe(200)
  }
})

test('a token tells the project and the rights', async () => {
  const call = open()
  const { network } = (await call('POST', 'networks', 'member1', { network: {} })).body
  expect(network.project_id).toBe('project-of-member1')
  expect(network).not.toHaveProperty('provider:network_type')
  expect((await call('POST', 'networks', 'member1', { network: { 'provider:network_type': 'gre' } })).status).toBe(403)
  expect((await call('GET', `networks/${network.id}`, 'admin1')).body.network['provider:network_type']).toBe('vxlan')
})

test('an answer is believed for a minute, and not beyond the token', async () => {
  const call = open()
  await Promise.all([1, 2, 3].map(() => call('GET', 'networks', 'member1')))
  expect(asked).toBe(1)
  now += 61_000
  await call('GET', 'networks', 'member1')
  expect(asked).toBe(2)
  now = Date.UTC(2026, 0, 1, 0, 9, 59)
  await call('GET', 'networks', 'member1')
  now += 2000
  await call('GET', 'networks', 'member1')
  expect(asked).toBe(4)
})

test('a Keystone that fails is told as 503, and asked again', async () => {
  const call = open()
  for (let i = 0; i < 2; i++) expect((await call('GET', 'networks', 'broken')).status).toBe(503)
  expect(asked).toBe(2)
})

test('the place of a data file that cannot be written is told to administrators alone', async () => {
  const store = openMemoryStore({ kinds: modelKinds })
  const trouble = new StoreUnavailable(
    'disk-full',
    'cannot write /var/lib/x/flowright.db: no space is left on the disk',
  )
  Object.defineProperties(store, {
    trouble: { value: trouble },
    transact: { value: () => Promise.reject(trouble) },
  })
  const call = open(store)
  const words = 'The store cannot be written now. Try again later.'
  const reasons = [undefined, 'forged', 'broken', 'member1', 'admin1'].map(
    async token => (await call('GET', '/healthz', token)).body.reason,
  )
  expect(await Promise.all(reasons)).toEqual([words, words, words, words, trouble.message])
  for (const token of ['member1', 'admin1']) {
    const { status, body } = await call('POST', 'networks', token, { network: {} })
    expect([status, body.NeutronError.message]).toEqual([503, words])
  }
  expect((await testApi({ store }).ok('GET', '/healthz')).reason).toBe(trouble.message)
})
