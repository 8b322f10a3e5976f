// A disk that is really full: a small tmpfs, filled up and freed again under a running API.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelKinds, modelPools } from '#model'
import { openStore, type Store } from '#store'
import { refusal, type TestApi, testApi } from '#test/support/api'

const dir = mkdtempSync(join(tmpdir(), 'flowright-full-'))
const mounted = () => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'flowright-full', dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const isMounted = mounted()

describe.skipIf(!isMounted)(`a full disk${isMounted ? '' : ' (skipped: needs root to mount a small tmpfs)'}`, () => {
  let store: Store
  let api: TestApi
  beforeAll(async () => {
    store = await openStore({ dataDir: join(dir, 'data'), kinds: modelKinds, pools: modelPools })
    api = testApi({ store })
  })
  afterAll(() => store.close())

  test('refuses writes by 503, keeps reading, and recovers by itself', async () => {
    const { network } = await api.network('10.0.0.0/16')
    const ballast = join(dir, 'ballast')
    const { bavail, bsize } = statfsSync(dir)
    writeFileSync(ballast, Buffer.alloc((bavail - 64) * bsize))
    const bulk = { ports: Array(100).fill({ network_id: network, description: 'x'.repeat(200) }) }
    let made = 0
    let refused = await api.call('POST', 'ports', bulk)
    for (; refused.status === 201 && made < 200; made++) refused = await api.call('POST', 'ports', bulk)
    expect(refusal(refused)).toEqual([503, 'ServiceUnavailable'])
    expect(refused.headers['retry-after']).toBe('5')
    expect(refused.body.NeutronError.message).toBe('The store cannot be written now. Try again later.')
    expect((await api.ok('GET', 'ports?fields=id')).ports).toHaveLength(100 * made)
    expect((await api.ok('GET', '/healthz')).status).toBe('degraded')
    rmSync(ballast)
    expect((await api.call('POST', 'ports', bulk)).status).toBe(201)
    expect((await api.ok('GET', 'ports?fields=id')).ports).toHaveLength(100 * (made + 1))
    expect((await api.ok('GET', '/healthz')).status).toBe('ok')
  }, 60_000)
})

afterAll(() => {
  if (isMounted) execFileSync('umount', [dir])
  rmSync(dir, { recursive: true })
})
