import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
let ids: string[]
const names = ['d', 'a', 'c', 'b', 'a']
beforeEach(async () => {
  api = testApi()
  ids = []
  for (const [i, name] of names.entries()) {
    const body = {
      network: { name, shared: i === 1, description: i === 2 ? 'third' : '', project_id: i < 3 ? 'p' : 'q' },
    }
    ids.push((await api.ok('POST', 'networks', body)).network.id)
  }
})
const list = async (query: string) => (await api.ok('GET', `networks?${query}`)).networks
const namesOf = async (query: string) => (await list(query)).map((n: { name: string }) => n.name)
const refused = async (query: string) => refusal(await api.call('GET', `networks?${query}`))

describe('a filter', () => {
  test('finds by any attribute, and a repeated one finds any of the values', async () => {
    expect(await namesOf('name=c')).toEqual(['c'])
    expect(await namesOf('name=c&name=d')).toEqual(['d', 'c'])
    expect(await namesOf(`id=${ids[0]}&id=${ids[2]}&id=none`)).toEqual(['d', 'c'])
    expect(await namesOf('tenant_id=q')).toEqual(['b', 'a'])
    expect(await namesOf('project_id=q&name=a')).toEqual(['a'])
    expect(await namesOf('shared=TRUE')).toEqual(['a'])
    expect(await namesOf('shared=1')).toEqual(['a'])
    expect(await namesOf('description=third')).toEqual(['c'])
    expect(await namesOf('revision_number=1')).toHaveLength(5)
    expect(await namesOf('name=')).toEqual([])
    expect(await namesOf('description=')).toHaveLength(4)
    expect(await namesOf('name=zzz')).toEqual([])
  })

  test('that does not exist, or has a wrong value, is refused', async () => {
    expect(await refused('nam=c')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('__proto__=c')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('constructor=c')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('subnets=c')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('shared=maybe')).toEqual([400, 'InvalidInput'])
  })

  test('finds by time of change', async () => {
    expect(await list('changed_since=2020-01-01T00:00:00')).toHaveLength(5)
    expect(await list('changed_since=2999-01-01T00:00:00')).toEqual([])
    expect(await refused('changed_since=yesterday')).toEqual([400, 'InvalidInput'])
  })

  test('finds by tags', async () => {
    await api.ok('PUT', `networks/${ids[0]}/tags`, { tags: ['red', 'blue'] })
    await api.ok('PUT', `networks/${ids[1]}/tags/red`)
    expect(await namesOf('tags=red')).toEqual(['d', 'a'])
    expect(await namesOf('tags=red,blue')).toEqual(['d'])
    expect(await namesOf('tags-any=blue,green')).toEqual(['d'])
    expect(await namesOf('not-tags=red,blue')).toEqual(['a', 'c', 'b', 'a'])
    expect(await namesOf('not-tags-any=red,blue')).toEqual(['c', 'b', 'a'])
  })
})

describe('a list', () => {
  test('has the fields asked for; unknown ones are passed over', async () => {
    expect((await list('fields=name&fields=mtu'))[0]).toEqual({ name: 'd', mtu: 1450 })
    expect((await list('fields=nothing'))[0]).toEqual({})
    const one = await api.ok('GET', `networks/${ids[0]}?fields=name`)
    expect(one).toEqual({ network: { name: 'd' } })
  })

  test('is sorted by several keys', async () => {
    expect(await namesOf('sort_key=name&sort_dir=asc')).toEqual(['a', 'a', 'b', 'c', 'd'])
    expect(await namesOf('sort_key=name&sort_dir=desc')).toEqual(['d', 'c', 'b', 'a', 'a'])
    const both = await list('sort_key=name&sort_key=tenant_id&sort_dir=asc&sort_dir=desc')
    expect(both.map((n: { id: string }) => n.id).slice(0, 2)).toEqual([ids[4], ids[1]])
    expect(await refused('sort_key=name')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('sort_key=nam&sort_dir=asc')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('sort_key=name&sort_dir=up')).toEqual([400, 'HTTPBadRequest'])
    expect(await refused('sort_key=subnets&sort_dir=asc')).toEqual([400, 'HTTPBadRequest'])
  })

  test('comes in pages, forth and back, by its own links', async () => {
    const walk = async (query: string, rel: string) => {
      const pages: string[][] = []
      let path = `networks?${query}`
      for (let i = 0; i < 10; i++) {
        const { networks, networks_links: links } = await api.ok('GET', path)
        pages.push(networks.map((n: { name: string }) => n.name))
        const link = links.find((l: { rel: string }) => l.rel === rel)
        if (!link || networks.length === 0) return { pages, links }
        const { pathname, search } = new URL(link.href)
        path = `${pathname}${search}`
      }
      throw new Error('endless')
    }
    const sort = 'sort_key=name&sort_dir=asc'
    const forth = await walk(`${sort}&limit=2&fields=name`, 'next')
    expect(forth.pages).toEqual([['a', 'a'], ['b', 'c'], ['d']])
    const even = await walk(`${sort}&limit=1&name=a`, 'next')
    expect(even.pages).toEqual([['a'], ['a'], []])
    expect(even.links.map((l: { rel: string }) => l.rel)).toEqual(['previous'])
    const back = await walk(`${sort}&limit=2&page_reverse=True`, 'previous')
    expect(back.pages).toEqual([['c', 'd'], ['a', 'b'], ['a']])
    expect(await api.ok('GET', 'networks?limit=0')).not.toHaveProperty('networks_links')
  })

  test('has links that repeat the query at the address the client used', async () => {
    const { body } = await api.call('GET', 'networks.json?limit=1&name=a', undefined, {
      host: 'neutron.example:9696',
      'x-forwarded-proto': 'https',
    })
    expect(body.networks_links[0]).toEqual({
      rel: 'next',
      href: `https://neutron.example:9696/v2.0/networks.json?limit=1&name=a&marker=${ids[1]}`,
    })
  })

  test('refuses a bad limit and an unknown marker', async () => {
    expect(await refused('limit=-1')).toEqual([400, 'BadRequest'])
    expect(await refused('limit=many')).toEqual([400, 'BadRequest'])
    expect(await refused('limit=1&marker=none')).toEqual([404, 'NetworkNotFound'])
  })
})
