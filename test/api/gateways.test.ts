// Where routers have their gateways, as the API tells it: those of all routers, or of the ones that are named.
import { beforeEach, expect, test } from 'vitest'
import type { GatewayStateView } from '#api/gateways'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
let ids: readonly string[]
beforeEach(async () => {
  const state = (router: string): GatewayStateView => ({
    ...{ router, network: 'public', candidates: [], active: 'host1', conflict: [] },
  })
  const snat = async () => new Map([[ids[0] ?? '', { connections: 3, exhausted: 1 }]])
  api = testApi({ gateways: { states: () => ids.map(state), state, snat } })
  const make = async (name: string) => (await api.ok('POST', 'routers', { router: { name } })).router.id as string
  ids = [await make('r1'), await make('r2'), await make('r2')]
})

const gateways = async (query = '') => (await api.ok('GET', `/flowright/v1/gateways${query}`)).gateways
const routers = async (query = '') =>
  (await gateways(query)).map(({ router }: { router: { id: string } }) => ids.indexOf(router.id))

test('all are told when none is named, with what was translated', async () => {
  expect(await routers()).toEqual([0, 1, 2])
  expect(await gateways()).toMatchObject([
    { router: { name: 'r1' }, active: 'host1', snat: { connections: 3, exhausted_packets: 1 } },
    { router: { name: 'r2' }, snat: { connections: 0, exhausted_packets: 0 } },
    {},
  ])
})

test('those that are named are told, by name or id', async () => {
  expect(await routers('?router=r1')).toEqual([0])
  expect(await routers('?router=r2')).toEqual([1, 2])
  expect(await routers(`?router=${ids[2]}&router=r1`)).toEqual([2, 0])
})

test.each(['r3', ''])('a router that there is not is not taken for all: %j', async name => {
  expect(refusal(await api.call('GET', `/flowright/v1/gateways?router=${name}`))).toEqual([404, 'RouterNotFound'])
})
