// With --auth keystone nobody is obeyed whom Keystone does not vouch for.

import { mkdtempSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startController } from './running.ts'

let keystone: Server
let controller: Running

/** A Keystone that knows one token, of an administrator. */
beforeAll(async () => {
  keystone = createServer((request, response) => {
    const isKnown = request.headers['x-subject-token'] === 'good'
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
    const token = {
      expires_at: '2100-01-01T00:00:00Z',
      project: { id: 'p1' },
      user: { id: 'u1' },
      roles: [{ name: 'admin' }],
    }
    response.end(JSON.stringify(isKnown ? { token } : { error: { code: 401 } }))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => keystone.once('listening', resolve))
  const { port } = keystone.address() as { port: number }
  controller = await startController(
    ...['--data', mkdtempSync(join(tmpdir(), 'flowright-keystone-'))],
    ...['--ovsdb', 'ptcp:0:127.0.0.1', '--openflow', 'ptcp:0:127.0.0.1'],
    ...['--auth', 'keystone', '--keystone', `http://127.0.0.1:${port}/v3`],
  )
})

afterAll(async () => {
  await controller?.stop()
  keystone.close()
})

test.each(['/v2.0/networks', '/flowright/v1/chassis'])('%s needs a token that Keystone knows', async path => {
  const ask = (token?: string) => fetch(controller.api + path, { headers: token ? { 'x-auth-token': token } : {} })
  expect((await ask()).status).toBe(401)
  expect((await ask('bad')).status).toBe(401)
  expect((await ask('good')).status).toBe(200)
})

test('the command shows what a token may see', async () => {
  expect(await controller.flowright('chassis')).toMatchObject({ status: 1, out: '' })
  expect(await controller.flowright('chassis', '--token', 'good')).toMatchObject({ status: 0 })
})
