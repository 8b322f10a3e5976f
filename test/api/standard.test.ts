import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
beforeEach(() => {
  api = testApi()
})
const revisionOf = async (path: string, root: string) => (await api.ok('GET', path))[root].revision_number

describe('a revision number', () => {
  test('grows with the resource and with its children', async () => {
    const { network, subnet } = await api.network('10.0.0.0/24')
    const revision = () => revisionOf(`networks/${network}`, 'network')
    let last = await revision()
    expect(last).toBe(2)
    const grows = async (method: string, path: string, body?: object) => {
      await api.ok(method, path, body)
      const next = await revision()
      expect(next, `${method} ${path}`).toBeGreaterThan(last)
      last = next
    }
    await grows('PUT', `networks/${network}`, { network: { name: 'x' } })
    await grows('PUT', `subnets/${subnet}`, { subnet: { name: 'x' } })
    await grows('POST', 'ports', { port: { network_id: network } })
    const { ports } = await api.ok('GET', 'ports')
    await grows('PUT', `ports/${ports[0].id}`, { port: { name: 'x' } })
    await grows('DELETE', `ports/${ports[0].id}`)
    await grows('PUT', `networks/${network}/tags/red`)
    await grows('DELETE', `subnets/${subnet}`)
  })

  test('guards an update and a deletion', async () => {
    const { network } = await api.network()
    const at = (n: number | string) => ({ 'if-match': `revision_number=${n}` })
    const put = (n: number | string) => api.call('PUT', `networks/${network}`, { network: { name: 'x' } }, at(n))
    expect(refusal(await put(7))).toEqual([412, 'RevisionNumberConstraintFailed'])
    expect((await put(1)).body.network.revision_number).toBe(2)
    expect(refusal(await put('two'))).toEqual([400, 'BadRequest'])
    expect(refusal(await put('2, revision_number=3'))).toEqual([400, 'BadRequest'])
    expect(refusal(await api.call('DELETE', `networks/${network}`, undefined, at(1)))).toEqual([
      412,
      'RevisionNumberConstraintFailed',
    ])
    expect((await api.call('DELETE', `networks/${network}`, undefined, at(2))).status).toBe(204)
  })
})

describe('tags', () => {
  test('are set, added, looked up and taken away', async () => {
    const { network } = await api.network()
    const tags = (method: string, tag = '', body?: unknown) => api.call(method, `networks/${network}/tags${tag}`, body)
    expect(await tags('PUT', '', { tags: ['red', 'blue'] })).toMatchObject({
      status: 200,
      body: { tags: ['red', 'blue'] },
    })
    expect((await tags('PUT', '/green')).status).toBe(201)
    expect((await tags('PUT', '/green')).status).toBe(201)
    expect((await tags('GET')).body).toEqual({ tags: ['red', 'blue', 'green'] })
    expect((await tags('GET', '/red')).status).toBe(204)
    expect(refusal(await tags('GET', '/pink'))).toEqual([404, 'TagNotFound'])
    expect((await tags('DELETE', '/red')).status).toBe(204)
    expect(refusal(await tags('DELETE', '/red'))).toEqual([404, 'TagNotFound'])
    expect((await tags('DELETE')).status).toBe(204)
    expect((await api.ok('GET', `networks/${network}`)).network.tags).toEqual([])
  })

  test('are refused in other forms', async () => {
    const { network } = await api.network()
    const put = (body: unknown) => api.call('PUT', `networks/${network}/tags`, body)
    for (const body of [{}, [], { tags: 'red' }, { tags: [1] }, { tags: ['a', 'a'] }, { tags: ['x'.repeat(256)] }])
      expect(refusal(await put(body)), JSON.stringify(body)).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await api.call('PUT', 'networks/none/tags', { tags: [] }))).toEqual([404, 'NetworkNotFound'])
  })
})
