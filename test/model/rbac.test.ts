// Whatever policies are made, changed and removed: who uses a network may.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createNetwork,
  createPort,
  createRbacPolicy,
  deletePort,
  deleteRbacPolicy,
  isGranted,
  modelKinds,
  networkOf,
  ports,
  Refusal,
  rbacPolicies,
  type Transaction,
  updateNetwork,
  updateRbacPolicy,
} from '#model'
import { openMemoryStore } from '#store'

const id = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const networkId = id(1)
const owned = (projectId: string) => ({ projectId, name: '', description: '' })

const addNetwork = (tx: Transaction) =>
  createNetwork(tx, {
    ...{ id: networkId, ...owned('owner'), adminStateUp: true, shared: false, external: false, isDefault: false },
    ...{ portSecurityEnabled: true, dnsDomain: '', availabilityZoneHints: [], segments: [] },
  })

const addPort = (tx: Transaction, n: number, projectId: string) =>
  createPort(tx, {
    ...{ id: id(n), networkId, ...owned(projectId), adminStateUp: true, deviceOwner: '', deviceId: '' },
    ...{ bindingHost: '', bindingVnicType: 'normal', bindingProfile: {}, extraDhcpOptions: [], dnsName: '' },
    ...{ allowedAddressPairs: [], securityGroups: [] },
  })

const project = fc.constantFrom('owner', 'a', 'b')
const target = fc.constantFrom('owner', 'a', 'b', '*')
const action = fc.constantFrom('access_as_shared' as const, 'access_as_external' as const)
const which = fc.nat(9)
const step = fc.oneof(
  fc.record({ do: fc.constant('plug' as const), project }),
  fc.record({ do: fc.constant('unplug' as const), which }),
  fc.record({ do: fc.constant('grant' as const), target, action }),
  fc.record({ do: fc.constant('change' as const), which, target }),
  fc.record({ do: fc.constant('withdraw' as const), which }),
  fc.record({ do: fc.constant('set' as const), shared: fc.boolean(), external: fc.boolean() }),
)

test('nobody loses what he uses, and a network is external exactly while a policy says so', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 30 }), async steps => {
      const store = openMemoryStore({ kinds: modelKinds })
      await store.transact({ source: 'test' }, addNetwork)
      let n = 2
      for (const s of steps) {
        const policies = [...store.all(rbacPolicies)]
        const policy = 'which' in s ? policies[s.which] : undefined
        const work = (tx: Transaction) => {
          if (s.do === 'plug') {
            const isUsable = s.project === 'owner' || isGranted(tx, 'access_as_shared', networkId, s.project)
            if (isUsable) addPort(tx, n++, s.project)
          }
          if (s.do === 'unplug') {
            const port = [...tx.all(ports)][s.which]
            if (port) deletePort(tx, port)
          }
          if (s.do === 'grant')
            createRbacPolicy(tx, {
              ...{ id: id(n++), projectId: 'owner', objectType: 'network', objectId: networkId },
              ...{ action: s.action, targetProject: s.target },
            })
          if (s.do === 'change' && policy) updateRbacPolicy(tx, policy, s.target)
          if (s.do === 'withdraw' && policy) deleteRbacPolicy(tx, policy)
          if (s.do === 'set') updateNetwork(tx, networkOf(tx, networkId), { shared: s.shared, external: s.external })
        }
        await store.transact({ source: 'test' }, work).catch(error => {
          if (!(error instanceof Refusal)) throw error
        })
        for (const { projectId } of store.all(ports))
          expect(projectId === 'owner' || isGranted(store, 'access_as_shared', networkId, projectId)).toBe(true)
        const says = [...store.all(rbacPolicies)].some(p => p.action === 'access_as_external')
        expect(networkOf(store, networkId).external).toBe(says)
      }
    }),
    { numRuns: 800 },
  )
})
