// What the data plane knows security groups by, derived from ports and rules, whatever is done to these.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createNetwork,
  createPort,
  createSecurityGroup,
  createSecurityGroupRule,
  deletePort,
  deleteSecurityGroup,
  deleteSecurityGroupRule,
  modelKinds,
  type PortRequest,
  policies,
  policyOf,
  ports,
  Refusal,
  remoteGroupBits,
  remoteOf,
  type SecurityGroupRuleRequest,
  securityGroupOf,
  securityGroupRules,
  securityGroups,
  type Transaction,
  updatePort,
  updateSecurityGroup,
} from '#model'
import { openMemoryStore, type Store } from '#store'

const origin = { source: 'test' }

const portRequest = (id: string, projectId: string, more: Partial<PortRequest> = {}): PortRequest => ({
  ...{ id, projectId, networkId: 'net', name: '', description: '', adminStateUp: true, deviceOwner: '', deviceId: '' },
  ...{ allowedAddressPairs: [], fixedIps: [], bindingHost: '', bindingVnicType: 'normal', bindingProfile: {} },
  ...{ extraDhcpOptions: [], dnsName: '', ...more },
})

const ruleRequest = (
  id: string,
  groupId: string,
  more: Partial<SecurityGroupRuleRequest> = {},
): SecurityGroupRuleRequest => ({
  ...{ id, groupId, projectId: 'a', direction: 'ingress', ipVersion: 4, protocol: '', description: '' },
  ...{ portRangeMin: null, portRangeMax: null, remoteIpPrefix: '', remoteGroupId: null, remoteAddressGroupId: null },
  ...more,
})

const opened = async (): Promise<Store> => {
  const store = openMemoryStore({ kinds: modelKinds })
  await store.transact(origin, tx =>
    createNetwork(tx, {
      ...{ id: 'net', projectId: 'a', name: 'net', description: '', adminStateUp: true, shared: true, external: false },
      ...{ isDefault: false, portSecurityEnabled: true, dnsDomain: '', availabilityZoneHints: [], segments: [] },
    }),
  )
  return store
}

const group = (tx: Transaction, id: string, projectId = 'a', stateful = true) =>
  createSecurityGroup(tx, { id, projectId, name: id, description: '', stateful })

const step = fc.record({
  do: fc.constantFrom('group', 'port', 'wear', 'security', 'drop port', 'rule', 'drop rule', 'drop group', 'stateful'),
  n: fc.nat(20),
  m: fc.nat(20),
  groups: fc.array(fc.nat(20), { maxLength: 3 }),
})

const at = <T>(all: Iterable<T>, n: number): T | undefined => {
  const list = [...all]
  return list[n % Math.max(list.length, 1)]
}

let counter = 0
const perform = (
  tx: Transaction,
  { do: what, n, m, groups }: typeof step extends fc.Arbitrary<infer S> ? S : never,
) => {
  const id = `${what} ${counter++}`
  const projectId = ['a', 'b'][n % 2]!
  const chosen = [...new Set(groups.flatMap(g => at(tx.all(securityGroups), g)?.id ?? []))]
  const [port, first, second] = [at(tx.all(ports), n), at(tx.all(securityGroups), n), at(tx.all(securityGroups), m)]
  if (what === 'group') group(tx, id, projectId, m % 3 > 0)
  else if (what === 'port') createPort(tx, portRequest(id, projectId, m % 4 === 0 ? {} : { securityGroups: chosen }))
  else if (what === 'wear' && port) updatePort(tx, port, { securityGroups: chosen })
  else if (what === 'security' && port)
    updatePort(tx, port, { portSecurityEnabled: m % 2 === 0, ...(m % 4 === 1 ? { securityGroups: [] } : {}) })
  else if (what === 'drop port' && port) deletePort(tx, port)
  else if (what === 'rule' && first && second)
    createSecurityGroupRule(tx, ruleRequest(id, first.id, { remoteGroupId: second.id, protocol: String(m) }))
  else if (what === 'drop rule') {
    const rule = at(tx.all(securityGroupRules), n)
    if (rule) deleteSecurityGroupRule(tx, rule)
  } else if (what === 'drop group' && first) deleteSecurityGroup(tx, first)
  else if (what === 'stateful' && first) updateSecurityGroup(tx, first, { stateful: !first.stateful })
}

/** Policies and bits are those that ports and rules ask for, no more and no less. */
const check = (store: Store) => {
  for (const port of store.all(ports)) {
    if (!port.portSecurityEnabled) expect([port.policy, port.securityGroups]).toEqual([0, []])
    else expect(store.holder(policies, `key ${port.policy}`)?.groups).toEqual([...port.securityGroups].sort())
  }
  for (const policy of store.all(policies)) {
    expect(store.countBy(ports, 'policy', policy.id)).toBeGreaterThan(0)
    for (const id of policy.groups) expect(securityGroupOf(store, id).stateful).toBe(policy.stateful)
  }
  const named = new Set<string>()
  for (const rule of store.all(securityGroupRules)) {
    const remote = remoteOf(rule)
    if (remote !== null) named.add(`${securityGroupOf(store, rule.groupId).projectId}/${remote}`)
  }
  expect(new Set(Array.from(store.all(remoteGroupBits), b => b.id))).toEqual(named)
  const owners = new Map<number, string>()
  for (const { page, projectId } of store.all(remoteGroupBits)) {
    expect(owners.get(page) ?? projectId).toBe(projectId)
    owners.set(page, projectId)
  }
}

test('policies and remote group bits are what ports and rules ask for, whatever happens', async () => {
  let refusals = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const store = await opened()
      for (const s of steps) {
        await store
          .transact(origin, tx => perform(tx, s))
          .catch(error => {
            if (!(error instanceof Refusal)) throw error
            refusals++
          })
        check(store)
      }
    }),
    { numRuns: 150 },
  )
  expect(refusals).toBeGreaterThan(0)
})

test('ports with the same groups in any order share a policy; the empty set is one too', async () => {
  const store = await opened()
  await store.transact(origin, tx => {
    group(tx, 'g1')
    group(tx, 'g2')
    createPort(tx, portRequest('p1', 'a', { securityGroups: ['g1', 'g2'] }))
    createPort(tx, portRequest('p2', 'a', { securityGroups: ['g2', 'g1'] }))
    createPort(tx, portRequest('p3', 'a', { securityGroups: [] }))
    createPort(tx, portRequest('p4', 'a', { portSecurityEnabled: false }))
    createPort(tx, portRequest('p5', 'a', { deviceOwner: 'network:dhcp' }))
  })
  const policy = (id: string) => store.get(ports, id)!.policy
  expect(policy('p1')).toBe(policy('p2'))
  expect(store.get(ports, 'p2')!.securityGroups).toEqual(['g2', 'g1'])
  expect(store.holder(policies, `key ${policy('p3')}`)?.groups).toEqual([])
  expect([policy('p4'), policy('p5')]).toEqual([0, 0])
  const key = policy('p1')
  await store.transact(origin, tx => updatePort(tx, tx.get(ports, 'p1')!, { securityGroups: ['g1'] }))
  expect(policy('p2')).toBe(key)
  await store.transact(origin, tx => deletePort(tx, tx.get(ports, 'p2')!))
  expect(store.holder(policies, `key ${key}`)).toBeUndefined()
})

test('a 129th remote group of a project gets a page of its own, and a bit given up is used again', async () => {
  const store = await opened()
  await store.transact(origin, tx => {
    for (let i = 0; i < 130; i++) {
      group(tx, `g${i}`)
      createSecurityGroupRule(tx, ruleRequest(`r${i}`, 'g0', { remoteGroupId: `g${i}` }))
    }
    // The default group names itself, so 131 are named.
  })
  const pages = () => {
    const bits = new Map<number, number[]>()
    for (const { page, bit } of store.all(remoteGroupBits)) bits.set(page, [...(bits.get(page) ?? []), bit])
    return [...bits.values()].map(list => list.length)
  }
  expect(pages()).toEqual([128, 3])
  await store.transact(origin, tx => {
    for (const i of [5, 127, 128, 129]) deleteSecurityGroupRule(tx, tx.get(securityGroupRules, `r${i}`)!)
  })
  expect(pages()).toEqual([127])
  await store.transact(origin, tx => createSecurityGroupRule(tx, ruleRequest('again', 'g1', { remoteGroupId: 'g127' })))
  expect(pages()).toEqual([128])
})

test('a rule of another project in a group counts for the project of the group', async () => {
  const store = await opened()
  await store.transact(origin, tx => {
    group(tx, 'g')
    group(tx, 'h', 'b')
    createSecurityGroupRule(tx, ruleRequest('r', 'g', { projectId: 'b', remoteGroupId: 'h' }))
    expect(policyOf(tx, { portSecurityEnabled: true, securityGroups: ['g'] })).toBeGreaterThan(0)
  })
  expect([...store.by(remoteGroupBits, 'remote', 'h')].map(b => b.projectId)).toEqual(['a'])
})
