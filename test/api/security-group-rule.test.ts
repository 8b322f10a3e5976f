// Rules of security groups: what Neutron takes, keeps and refuses.
import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
let group: string
beforeEach(async () => {
  api = testApi()
  group = (await api.ok('POST', 'security-groups', { security_group: { name: 'g' } })).security_group.id
})

const bodyOf = (rule: object) => ({ security_group_id: group, direction: 'ingress', ...rule })
const post = (rule: object) => api.call('POST', 'security-group-rules', { security_group_rule: bodyOf(rule) })
const made = async (rule: object) => {
  const answer = await post(rule)
  expect(answer.status, answer.text).toBe(201)
  return answer.body.security_group_rule
}

describe('a rule', () => {
  test('has the defaults of Neutron, and shows what it was made of', async () => {
    expect(await made({ description: 'd' })).toEqual({
      id: expect.any(String),
      project_id: '',
      tenant_id: '',
      security_group_id: group,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: null,
      remote_address_group_id: null,
      normalized_cidr: null,
      belongs_to_default_sg: false,
      description: 'd',
      tags: [],
      revision_number: 0,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
  })

  test('is listed in its group, which changes with it', async () => {
    const shown = async () => (await api.ok('GET', `security-groups/${group}`)).security_group
    const before = await shown()
    const rule = await made({ protocol: 'tcp', port_range_min: 80, port_range_max: 80 })
    const during = await shown()
    expect(during.security_group_rules[2]).toEqual(rule)
    expect(during.revision_number).toBe(before.revision_number + 1)
    expect((await api.call('DELETE', `security-group-rules/${rule.id}`)).status).toBe(204)
    expect((await shown()).revision_number).toBe(before.revision_number + 2)
    expect(refusal(await api.call('DELETE', `security-group-rules/${rule.id}`))).toEqual([
      404,
      'SecurityGroupRuleNotFound',
    ])
    const put = await api.call('PUT', `security-group-rules/${rule.id}`, { security_group_rule: {} })
    expect(put.status).toBe(405)
  })

  test.each([
    [{ protocol: 'TCP' }, { protocol: 'tcp' }],
    [{ protocol: 'any' }, { protocol: null }],
    [{ protocol: 132 }, { protocol: '132' }],
    [{ protocol: '0' }, { protocol: '0' }],
    [{ protocol: 'vrrp' }, { protocol: 'vrrp' }],
    [
      { ethertype: 'ipv6', protocol: 'icmp' },
      { ethertype: 'IPv6', protocol: 'ipv6-icmp' },
    ],
    [{ ethertype: 'IPv6', protocol: 'icmpv6' }, { protocol: 'ipv6-icmp' }],
    [{ ethertype: 'IPv6', protocol: '1' }, { protocol: '58' }],
    [{ ethertype: 'IPv6', protocol: 'ipv6-frag' }, { protocol: 'ipv6-frag' }],
    [
      { protocol: 'tcp', port_range_min: '22', port_range_max: 23 },
      { port_range_min: 22, port_range_max: 23 },
    ],
    [
      { protocol: 'udp', port_range_min: 1, port_range_max: 65535 },
      { port_range_min: null, port_range_max: null },
    ],
    [{ protocol: 'udplite', port_range_min: 7, port_range_max: 7 }, { protocol: 'udplite' }],
    [
      { protocol: 'icmp', port_range_min: 0 },
      { port_range_min: 0, port_range_max: null },
    ],
    [
      { protocol: 'icmp', port_range_min: 3, port_range_max: 255 },
      { port_range_min: 3, port_range_max: 255 },
    ],
    [{ remote_ip_prefix: '10.1.2.3' }, { remote_ip_prefix: '10.1.2.3/32', normalized_cidr: '10.1.2.3/32' }],
    [{ remote_ip_prefix: '10.1.2.3/24' }, { remote_ip_prefix: '10.1.2.3/24', normalized_cidr: '10.1.2.0/24' }],
    [{ remote_ip_prefix: '0.0.0.0/0' }, { remote_ip_prefix: '0.0.0.0/0', normalized_cidr: '0.0.0.0/0' }],
    [{ remote_ip_prefix: '' }, { remote_ip_prefix: null, normalized_cidr: null }],
    [
      { ethertype: 'IPv6', remote_ip_prefix: 'FD00::0:1/64' },
      { remote_ip_prefix: 'fd00::1/64', normalized_cidr: 'fd00::/64' },
    ],
  ])('is made of %j', async (given, shown) => {
    expect(await made(given)).toMatchObject(shown)
  })

  test.each([
    [{ direction: 'both' }, 'HTTPBadRequest'],
    [{ ethertype: 'ARP' }, 'SecurityGroupRuleInvalidEtherType'],
    [{ protocol: 'nonsense' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: 256 }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: '-1' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: '' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: ['tcp'] }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ protocol: '43' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ port_range_min: 80, port_range_max: 80 }, 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'tcp', port_range_min: 80 }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', port_range_min: 81, port_range_max: 80 }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', port_range_min: 0, port_range_max: 80 }, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'tcp', port_range_min: 80, port_range_max: 65536 }, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'tcp', port_range_min: -1, port_range_max: 80 }, 'SecurityGroupInvalidPortValue'],
    [{ port_range_min: 70000 }, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'tcp', port_range_min: 'http', port_range_max: 80 }, 'InvalidInput'],
    [{ protocol: 'gre', port_range_min: 80, port_range_max: 80 }, 'SecurityGroupInvalidProtocolForPort'],
    [{ protocol: 'icmp', port_range_min: 256 }, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'icmp', port_range_min: 3, port_range_max: 256 }, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'icmp', port_range_max: 3 }, 'SecurityGroupMissingIcmpType'],
    [{ remote_ip_prefix: '10.0.0.0/33' }, 'InvalidCIDR'],
    [{ remote_ip_prefix: 'here' }, 'InvalidCIDR'],
    [{ remote_ip_prefix: 'fd00::/8' }, 'SecurityGroupRuleParameterConflict'],
    [{ ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' }, 'SecurityGroupRuleParameterConflict'],
  ])('is not made of %j', async (given, type) => {
    expect(refusal(await post(given))).toEqual([400, type])
  })

  test('names one other end at most, that is there', async () => {
    const unknown = '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c'
    expect(refusal(await post({ remote_group_id: unknown }))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await post({ remote_address_group_id: unknown }))).toEqual([404, 'AddressGroupNotFound'])
    expect(refusal(await post({ security_group_id: unknown }))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await post({ remote_group_id: group, remote_ip_prefix: '10.0.0.0/8' }))).toEqual([
      400,
      'SecurityGroupMultipleRemoteEntites',
    ])
    expect(await made({ remote_group_id: group })).toMatchObject({ remote_group_id: group })
  })

  test.each([
    [{}, { protocol: 'any' }],
    [{}, { remote_ip_prefix: '0.0.0.0/0' }],
    [{ protocol: 'tcp' }, { protocol: '6' }],
    [{ protocol: 'tcp' }, { protocol: 'tcp', port_range_min: 1, port_range_max: 65535 }],
    [
      { ethertype: 'IPv6', protocol: 'icmp' },
      { ethertype: 'IPv6', protocol: '58' },
    ],
    [{ remote_ip_prefix: '10.0.0.1' }, { remote_ip_prefix: '10.0.0.1/32' }],
    [{ description: 'one' }, { description: 'other' }],
  ])('%j means the same as %j: a conflict', async (first, second) => {
    const { id } = await made(first)
    const again = await post(second)
    expect(refusal(again)).toEqual([409, 'SecurityGroupRuleExists'])
    expect(again.body.NeutronError.message).toContain(id)
    expect(refusal(await api.call('POST', 'security-group-rules', bulk(second, second)))[0]).toBe(409)
  })

  test.each([
    [{}, { ethertype: 'IPv6' }],
    [{}, { direction: 'egress', remote_ip_prefix: '10.0.0.0/8' }],
    [{ protocol: 'tcp' }, { protocol: 'udp' }],
    [
      { protocol: 'icmp', port_range_min: 0 },
      { protocol: 'icmp', port_range_min: 0, port_range_max: 0 },
    ],
  ])('%j means other than %j', async (first, second) => {
    await made(first)
    await made(second)
  })
})

const bulk = (...rules: object[]) => ({ security_group_rules: rules.map(bodyOf) })

describe('rules', () => {
  test('are made in bulk, all or none, of one group and project', async () => {
    const [tcp, udp] = [{ protocol: 'tcp' }, { protocol: 'udp' }]
    const together = (...rules: object[]) => api.call('POST', 'security-group-rules', bulk(...rules))
    expect((await together(tcp, udp)).body.security_group_rules).toMatchObject([tcp, udp])
    expect(refusal(await together({ protocol: 'sctp' }, tcp))).toEqual([409, 'SecurityGroupRuleExists'])
    const { security_group_rules } = await api.ok('GET', `security-group-rules?security_group_id=${group}`)
    expect(security_group_rules).toHaveLength(4)
    const gre = { protocol: 'gre' }
    expect(refusal(await together(gre, { ...gre, protocol: 47 }))).toEqual([409, 'DuplicateSecurityGroupRuleInPost'])
    const other = (await api.ok('POST', 'security-groups', { security_group: {} })).security_group.id
    expect(refusal(await together(gre, { ...gre, security_group_id: other }))).toEqual([
      400,
      'SecurityGroupNotSingleGroupRules',
    ])
    expect(refusal(await together(gre, { protocol: 'ah', project_id: 'p' }))).toEqual([
      400,
      'SecurityGroupRulesNotSingleProject',
    ])
  })

  test('are found by what they are made of', async () => {
    await made({ protocol: 'tcp', port_range_min: 22, port_range_max: 23, remote_ip_prefix: '10.0.0.9/8' })
    await made({ ethertype: 'IPv6', protocol: 'icmp', remote_group_id: group })
    const found = async (query: string) => {
      const path = `security-group-rules?security_group_id=${group}&${query}`
      return (await api.ok('GET', path)).security_group_rules.map((r: { protocol: string }) => r.protocol)
    }
    expect(await found('protocol=tcp')).toEqual(['tcp'])
    expect(await found('direction=ingress&ethertype=IPv6')).toEqual(['ipv6-icmp'])
    expect(await found('port_range_min=22&port_range_max=23')).toEqual(['tcp'])
    expect(await found('remote_ip_prefix=10.0.0.9/8')).toEqual(['tcp'])
    expect(await found('normalized_cidr=10.0.0.0/8')).toEqual(['tcp'])
    expect(await found(`remote_group_id=${group}`)).toEqual(['ipv6-icmp'])
    expect(await found('belongs_to_default_sg=true')).toEqual([])
    expect(await found('sort_key=protocol&sort_dir=desc')).toEqual(['tcp', 'ipv6-icmp', null, null])
  })
})
