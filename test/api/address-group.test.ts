// Address groups, as Neutron's clients see them.
import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
beforeEach(() => {
  api = testApi()
})
const post = (group: object) => api.call('POST', 'address-groups', { address_group: group })
const put = (id: string, what: string, body: unknown) => api.call('PUT', `address-groups/${id}${what}`, body)

describe('an address group', () => {
  test('is made of prefixes, each kept once', async () => {
    const addresses = ['10.0.0.7/24', '10.0.0.0/24', '10.1.0.1/32', 'FD00::1/128', 'fd00:1::/64']
    const { address_group: group } = (await post({ name: 'a', description: 'd', addresses, project_id: 'p' })).body
    expect(group).toMatchObject({ name: 'a', description: 'd', project_id: 'p', shared: false, revision_number: 0 })
    expect(group.addresses).toEqual(['10.0.0.0/24', '10.1.0.1/32', 'fd00::1/128', 'fd00:1::/64'])
    expect((await post({})).body.address_group.addresses).toEqual([])
    expect((await post({ addresses: null })).body.address_group.addresses).toEqual([])
    expect(refusal(await post({ addresses: ['here'] }))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await post({ addresses: '10.0.0.0/8' }))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await post({ addresses: ['10.0.0.1'] }))).toEqual([400, 'HTTPBadRequest'])
  })

  test('gets more addresses, and loses some', async () => {
    const { id } = (await post({ addresses: ['10.0.0.0/24'] })).body.address_group
    const more = await put(id, '/add_addresses', { addresses: ['10.0.1.9', 'fd00::/64'] })
    expect(more.status).toBe(200)
    expect(more.body.address_group).toMatchObject({
      addresses: ['10.0.0.0/24', '10.0.1.9/32', 'fd00::/64'],
      revision_number: 1,
    })
    expect(refusal(await put(id, '/add_addresses', { addresses: ['10.0.1.9/32'] }))).toEqual([
      400,
      'AddressesAlreadyExist',
    ])
    const less = await put(id, '/remove_addresses', { addresses: ['10.0.1.9', '10.0.0.0/24'] })
    expect(less.body.address_group.addresses).toEqual(['fd00::/64'])
    expect(refusal(await put(id, '/remove_addresses', { addresses: ['10.0.0.0/24'] }))).toEqual([
      404,
      'AddressesNotFound',
    ])
    for (const body of [undefined, {}, { addresses: ['x'] }, []])
      expect(refusal(await put(id, '/add_addresses', body))[0]).toBe(400)
    expect(refusal(await put(id, '', { address_group: { addresses: [] } }))).toEqual([400, 'HTTPBadRequest'])
    expect((await put(id, '', { address_group: { name: 'n' } })).body.address_group.name).toBe('n')
  })

  test('stays while a rule names it', async () => {
    const { id } = (await post({ addresses: ['10.0.0.0/24'] })).body.address_group
    const [{ id: security_group_id }] = (await api.ok('GET', 'security-groups')).security_groups
    const rule = { security_group_id, direction: 'ingress', remote_address_group_id: id }
    const made = (await api.ok('POST', 'security-group-rules', { security_group_rule: rule })).security_group_rule
    expect(made.remote_address_group_id).toBe(id)
    expect(refusal(await api.call('DELETE', `address-groups/${id}`))).toEqual([409, 'AddressGroupInUse'])
    await api.ok('DELETE', `security-group-rules/${made.id}`)
    expect((await api.call('DELETE', `address-groups/${id}`)).status).toBe(204)
    expect(refusal(await api.call('GET', `address-groups/${id}`))).toEqual([404, 'AddressGroupNotFound'])
  })
})
