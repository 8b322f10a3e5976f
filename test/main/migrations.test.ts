// Data files of older versions of the program, opened by this one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type AddressScope,
  addressScopes,
  type Doc,
  type Kind,
  modelKinds,
  modelPools,
  networks,
  policies,
  ports,
  rbacPolicies,
  remoteGroupBits,
  securityGroupRules,
  securityGroups,
} from '#model'
import { openStore, restoreBackup, type Store } from '#store'
import { testApi } from '#test/support/api'
import { aNetwork, aPort } from '#test/support/model'
import { migrations } from '../../src/main/migrations/index.ts'
import { reportUpgrade } from '../../src/main/upgrade-report.ts'

const declared = { kinds: modelKinds, pools: modelPools }
const nothing = () => []
const oldPorts = { ...ports, index: Object.fromEntries(Object.keys(ports.index).map(name => [name, nothing])) }
const oldKinds = modelKinds.map(kind => (kind.name === 'port' ? (oldPorts as unknown as Kind) : kind))

let dir: string
let store: Store | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fr-migrations-'))
})
afterEach(async () => {
  await store?.close()
  rmSync(dir, { recursive: true })
})

/** A port as it was before there were security groups. */
const oldPort = (id: string, key: number, projectId: string, portSecurityEnabled = true): Doc => {
  const { securityGroups: _, policy: __, ...port } = aPort(id, key, 'net', { projectId, portSecurityEnabled })
  return port
}

const dataDir = () => join(dir, 'data')

/** Writes a data file of the first version. */
const write = async (...docs: readonly Doc[]) => {
  const old = await openStore({ dataDir: dataDir(), ...declared, kinds: oldKinds })
  await old.transact({ source: 'test' }, tx => {
    tx.insert(networks, aNetwork('net', 1))
    for (const doc of docs) tx.insert(oldPorts as unknown as Kind, doc as never)
  })
  await old.close()
}

const opened = async () => {
  store = await openStore({ dataDir: dataDir(), ...declared, migrations, clock: () => 99 })
  return store
}

test('ports that were not filtered are let through by a group of their project that says so', async () => {
  await write(
    oldPort('p1', 1, 'a'),
    oldPort('p2', 2, 'a'),
    oldPort('p3', 3, 'b'),
    oldPort('p4', 4, 'a', false),
    oldPort('p5', 5, 'c', false),
  )
  const store = await opened()
  const named = (name: string) => [...store.all(securityGroups)].filter(g => g.name === name)
  const open = named('open-before-upgrade')
  expect(open.map(g => g.projectId)).toEqual(['a', 'b'])
  expect(named('default').map(g => g.projectId)).toEqual(['a', 'b'])
  const groupsOf = (id: string) => store.get(ports, id)?.securityGroups
  expect(['p1', 'p2', 'p3', 'p4', 'p5'].map(groupsOf)).toEqual([[open[0]!.id], [open[0]!.id], [open[1]!.id], [], []])
  const [p1, p2, p3, p4] = ['p1', 'p2', 'p3', 'p4'].map(id => store.get(ports, id)!.policy)
  expect([p1 === p2, p1 === p3, p4]).toEqual([true, false, 0])
  expect(store.holder(policies, `key ${p3}`)).toMatchObject({ groups: [open[1]!.id], stateful: true })
  const rules = [...store.by(securityGroupRules, 'group', open[0]!.id)]
  expect(rules.map(r => `${r.direction} IPv${r.ipVersion}`).sort()).toEqual([
    'egress IPv4',
    'egress IPv6',
    'ingress IPv4',
    'ingress IPv6',
  ])
  for (const rule of rules) expect(rule).toMatchObject({ protocolNumber: null, remoteGroupId: null })
  expect([...store.all(remoteGroupBits)].map(b => [b.projectId, b.bit])).toEqual([
    ['a', 0],
    ['b', 0],
  ])
})

test('what has been upgraded is worked with as if it had always been so', async () => {
  await write(oldPort('p1', 1, ''))
  const store = await opened()
  const api = testApi({ store })
  const { security_groups: groups } = await api.ok('GET', 'security-groups')
  expect(groups.map((g: { name: string }) => g.name)).toEqual(['default', 'open-before-upgrade'])
  expect(groups[1]).toMatchObject({ created_at: '1970-01-01T00:00:00Z', revision_number: 1 })
  expect(groups[1].security_group_rules).toHaveLength(4)
  const { security_group: made } = await api.ok('POST', 'security-groups', { security_group: { name: 'g' } })
  await api.ok('PUT', 'ports/p1', { port: { security_groups: [made.id, groups[0].id] } })
  await api.ok('DELETE', `security-groups/${groups[1].id}`)
  await api.ok('DELETE', 'ports/p1')
  for (const { id } of [made, groups[0]]) await api.ok('DELETE', `security-groups/${id}`)
  for (const kind of [securityGroups, securityGroupRules, policies, remoteGroupBits] as unknown as Kind[])
    expect([kind.name, store.count(kind)]).toEqual([kind.name, 0])
})

test('the upgrade report names the groups that let everything through', async () => {
  await write(oldPort('p1', 1, 'a'), oldPort('p2', 2, 'a'))
  const store = await opened()
  const lines: Record<string, unknown>[] = []
  reportUpgrade(store, pino({ base: null, timestamp: false }, { write: line => void lines.push(JSON.parse(line)) }))
  const [open] = [...store.all(securityGroups)].filter(g => g.name === 'open-before-upgrade')
  expect(lines).toContainEqual({
    level: 40,
    project: 'a',
    securityGroup: open!.id,
    ports: 2,
    msg: expect.stringMatching(/not filtered.*allows everything/),
  })
})

test('what was shared or external is so by policies', async () => {
  await write()
  const old = await openStore({ dataDir: dataDir(), ...declared, kinds: oldKinds })
  const marked = (id: string, key: number, marks: object) => ({ ...aNetwork(id, key), ...marks })
  await old.transact({ source: 'test' }, tx => {
    tx.insert(networks, marked('shared', 2, { shared: true, external: false }))
    tx.insert(networks, marked('outside', 3, { shared: false, external: true }))
    tx.insert(addressScopes, { id: 'scope', projectId: 'p', name: '', ipVersion: 4, shared: true } as AddressScope)
  })
  await old.close()
  const store = await opened()
  const told = Array.from(store.all(rbacPolicies), p => [p.objectType, p.objectId, p.action, p.targetProject])
  expect(told).toEqual([
    ['network', 'shared', 'access_as_shared', '*'],
    ['network', 'outside', 'access_as_external', '*'],
    ['address_scope', 'scope', 'access_as_shared', '*'],
  ])
  const api = testApi({ store })
  const { networks: found } = await api.ok('GET', 'networks?shared=true')
  expect(found).toMatchObject([{ id: 'shared', shared: true, 'router:external': false }])
  await api.ok('PUT', 'networks/shared', { network: { shared: false } })
  expect(store.get(networks, 'outside')).not.toHaveProperty('shared')
})

test('an old backup can be restored, and ports that have groups keep them', async () => {
  await write(oldPort('p1', 1, 'a'), { ...oldPort('p2', 2, 'a'), securityGroups: [], policy: 7 } as Doc)
  restoreBackup(join(dataDir(), 'flowright.db'), join(dir, 'new'), { ...declared, migrations })
  const store = await opened()
  expect(store.get(ports, 'p2')).toMatchObject({ securityGroups: [], policy: 7 })
})
