// The incremental law: whatever the changes and their order, the flow sets kept incrementally equal those compiled from
// scratch, and the deltas told on the way lead from one to the other.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CompileDelta, Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Change, Commit, Doc, FloatingIp, Kind, PortForwarding, SubnetPool } from '#model'
import { aFirewallGroup, aFirewallPolicy, aFirewallRule } from '#test/support/firewalled'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, aRule, aSecurityGroup, kinds } from '#test/support/model'
import { aRouter, aSubnet } from '#test/support/routing'

type KindName = keyof typeof kinds

const small = (n: number) => fc.integer({ min: 1, max: n })

const segments = fc.constantFrom(
  [{ networkType: 'vxlan' as const, segmentationId: 7 }],
  [{ networkType: 'gre' as const, segmentationId: 7 }],
  [{ networkType: 'vlan' as const, physicalNetwork: 'phys', segmentationId: 50 }],
  [{ networkType: 'flat' as const, physicalNetwork: 'phys' }],
  [
    { networkType: 'vlan' as const, physicalNetwork: 'phys', segmentationId: 50 },
    { networkType: 'vxlan' as const, segmentationId: 8 },
  ],
  [],
)

const groupIds = fc.subarray(['g1', 'g2', 'g3'])
const prefixes = fc.subarray(['10.0.0.2/32', '10.0.0.0/28', '10.0.0.0/24', '0.0.0.0/0', 'fd00::/64', 'fd00::/60'])

/** What security groups are made of: as loosely connected as the rest, so that groups, bits and members come and go. */
const security: fc.Arbitrary<readonly [KindName, Doc]> = fc.oneof(
  fc
    .tuple(small(3), fc.boolean())
    .map(([g, stateful]) => ['securityGroup', aSecurityGroup(`g${g}`, g, { stateful })] as const),
  fc
    .tuple(
      ...([small(5), small(3), fc.boolean(), fc.constantFrom(null, 1, 6, 17, 132)] as const),
      ...([fc.constantFrom(null, 80, 83), fc.constantFrom(null, 'g1', 'g2', 'a1')] as const),
    )
    .map(([r, g, ingress, protocolNumber, max, remote]) => {
      const more = {
        ...{ direction: ingress ? ('ingress' as const) : ('egress' as const), protocolNumber },
        ...(max === null ? {} : { portRangeMin: 80, portRangeMax: max }),
        ...(remote === 'a1' ? { remoteAddressGroupId: remote } : { remoteGroupId: remote }),
      }
      return ['securityGroupRule', aRule(`r${r}`, `g${g}`, more)] as const
    }),
  prefixes.map(addresses => ['addressGroup', { id: 'a1', projectId: 'p', name: '', addresses }] as const),
  fc
    .tuple(small(3), groupIds, fc.boolean())
    .map(([p, groups, stateful]) => ['policy', { id: `${p}`, key: p, groups, stateful }] as const),
  fc.tuple(fc.constantFrom('g1', 'g2', 'a1'), small(2), fc.nat(3)).map(([remote, page, bit]) => {
    return ['remoteGroupBit', { id: `p/${remote}`, projectId: 'p', remote, page, bit }] as const
  }),
  fc
    .tuple(small(5), small(3), groupIds, fc.nat(3), fc.array(small(8), { maxLength: 2 }), prefixes)
    .map(([p, n, securityGroups, policy, ips, pairs]) => {
      const allowedAddressPairs = pairs.map(ipAddress => ({ ipAddress, macAddress: 'fa:16:3e:ff:ff:01' }))
      const more = { securityGroups, policy, fixedIps: ips.map(address), allowedAddressPairs }
      return ['port', aPort(`p${p}`, p, `n${n}`, more)] as const
    }),
)

const aPool: SubnetPool = {
  ...{ id: 'pool', projectId: 'p', name: '', ipVersion: 4, prefixes: [], defaultPrefixLength: 24 },
  ...{ minPrefixLength: 8, maxPrefixLength: 32, defaultQuota: null, addressScopeId: null, isDefault: false },
}

const address = (key: number) => ({ subnetId: 's', ipAddress: key % 2 ? `10.0.0.${key}` : `fd00::${key}` })

/** Routers: interfaces that are one, two or none, on networks that a port of theirs is on or not. */
const routing: fc.Arbitrary<readonly [KindName, Doc]> = fc.oneof(
  fc
    .tuple(
      ...([small(2), fc.boolean(), fc.subarray(['10.0.0.0/24', '10.9.0.0/16', '0.0.0.0/0', 'fd09::/64'])] as const),
      ...([fc.boolean(), fc.boolean()] as const),
    )
    .map(([r, adminStateUp, prefixes, enableSnat, distributed]) => {
      const routes = prefixes.map(destination => ({
        destination,
        nexthop: destination.includes(':') ? 'fd00::2' : '10.0.0.3',
      }))
      return ['router', aRouter(`r${r}`, r, { adminStateUp, routes, enableSnat, distributed })] as const
    }),
  fc
    .tuple(
      fc.constantFrom(...[['s', '10.0.0.0/24'] as const, ['s', '10.0.0.0/28'] as const, ['t', 'fd00::/64'] as const]),
      ...([small(2), fc.boolean(), fc.constantFrom(null, 'pool')] as const),
    )
    .map(([[id, cidr], n, hasGateway, subnetPoolId]) => {
      const gatewayIp = hasGateway ? cidr.replace(/[.:]0?\/.*/, id === 's' ? '.1' : ':1') : null
      return ['subnet', { ...aSubnet(cidr, `n${n}`), id, gatewayIp, subnetPoolId }] as const
    }),
  fc.tuple(small(5), small(3), small(8), fc.boolean()).map(([p, n, key, isPaired]) => {
    const { ipAddress: ip } = address(key)
    const macAddress = isPaired ? 'fa:16:3e:ff:ff:01' : 'fa:16:3e:ff:ff:02'
    return ['virtualAddress', { id: `n${n}/${ip}`, networkId: `n${n}`, ip, macAddress, portId: `p${p}` }] as const
  }),
  fc.constantFrom(null, 'scope').map(addressScopeId => ['subnetPool', { ...aPool, addressScopeId }] as const),
  fc
    .tuple(small(5), small(2), small(3), fc.constantFrom('interface' as const, 'gateway' as const))
    .map(([p, r, n, role]) => ['routerPort', { id: `p${p}`, routerId: `r${r}`, networkId: `n${n}`, role }] as const),
  fc.tuple(small(5), small(3), small(8), fc.boolean()).map(([p, n, ip, adminStateUp]) => {
    const fixedIps = [{ subnetId: ip % 2 ? 's' : 't', ipAddress: address(ip).ipAddress }]
    const more = { deviceOwner: 'network:router_interface', adminStateUp, fixedIps }
    return ['port', aPort(`p${p}`, p, `n${n}`, more)] as const
  }),
)

/** What is outside: gateways, floating IPs of ports or of forwarded ports, the chassis where they may be. */
const outside: fc.Arbitrary<readonly [KindName, Doc]> = fc.oneof(
  fc.tuple(small(5), small(2), small(3)).map(([p, r, n]) => {
    return ['routerPort', { id: `p${p}`, routerId: `r${r}`, networkId: `n${n}`, role: 'gateway' as const }] as const
  }),
  fc.tuple(small(5), small(3), fc.constantFrom('network:router_gateway', 'network:floatingip')).map(([p, n, owner]) => {
    const fixedIps = [address(1), { ...address(2), subnetId: 't' }]
    return ['port', aPort(`p${p}`, p, `n${n}`, { deviceOwner: owner, deviceId: 'f1', fixedIps })] as const
  }),
  fc
    .tuple(small(2), small(3), small(5), fc.option(small(5)), fc.option(small(2)))
    .map(([f, n, holder, p, r]): readonly [KindName, Doc] => {
      const floatingIp: FloatingIp = {
        ...{ id: `f${f}`, key: f, projectId: 'p', floatingNetworkId: `n${n}`, floatingIpAddress: `10.0.0.${20 + f}` },
        ...{ floatingPortId: `p${holder}`, portId: p === null ? null : `p${p}`, dnsName: '', dnsDomain: '' },
        ...{ fixedIpAddress: p === null ? null : `10.0.0.${p}`, routerId: r === null ? null : `r${r}` },
      }
      return ['floatingIp', floatingIp]
    }),
  fc
    .tuple(small(3), small(2), fc.constantFrom(80, 81, 90), fc.constantFrom(80, 90))
    .map(([id, f, last, internal]): readonly [KindName, Doc] => {
      const forwarding: PortForwarding = {
        ...{ id: `w${id}`, projectId: 'p', floatingIpId: `f${f}`, protocol: 'tcp' },
        ...{ internalPortId: 'p1', internalIpAddress: '10.0.0.1', externalPorts: { first: 80, last } },
        internalPorts: { first: internal, last: internal + (id === 1 ? 0 : last - 80) },
      }
      return ['portForwarding', forwarding]
    }),
  fc.tuple(small(3), fc.nat(2), fc.boolean()).map(([c, gatewayPriority, mapped]) => {
    const more = { gatewayPriority, providerPorts: mapped ? { phys: 9 } : {} }
    return ['chassis', aChassis(`c${c}`, c, { ...more, tunnelTypes: ['vxlan', 'gre'] })] as const
  }),
  fc.tuple(small(3), segments, fc.constantFrom(1400, 1500)).map(([n, list, mtu]) => {
    return ['network', aNetwork(`n${n}`, n, { segments: list, mtu, external: true })] as const
  }),
)

/** Firewalls of ports and of routers; a port is in one group at most. */
const firewalls: fc.Arbitrary<readonly [KindName, Doc]> = fc.oneof(
  fc
    .tuple(small(2), fc.subarray([1, 2, 3]), fc.boolean(), fc.option(small(2)), fc.option(small(2)))
    .map(([g, ports, adminStateUp, ingress, egress]) => {
      const policyOf = (p: number | null) => (p === null ? null : `f${p}`)
      const more = { adminStateUp, ingressPolicyId: policyOf(ingress), egressPolicyId: policyOf(egress) }
      return [
        'firewallGroup',
        aFirewallGroup(`g${g}`, g, { ...more, ports: ports.map(p => `p${2 * p - 2 + g}`) }),
      ] as const
    }),
  fc
    .tuple(small(2), fc.shuffledSubarray(['q1', 'q2', 'q3']))
    .map(([p, rules]) => ['firewallPolicy', aFirewallPolicy(`f${p}`, p, rules)] as const),
  fc
    .tuple(
      ...([small(3), fc.boolean(), fc.constantFrom(null, 6, 17), fc.constantFrom(null, 80, 83)] as const),
      fc.constantFrom('allow' as const, 'deny' as const, 'reject' as const),
    )
    .map(([q, enabled, protocolNumber, last, action]) => {
      const destinationPorts = protocolNumber === null || last === null ? null : { first: 80, last }
      return ['firewallRule', aFirewallRule(`q${q}`, { enabled, action, protocolNumber, destinationPorts })] as const
    }),
)

/** One record of any kind, of a few identities, so that records meet: valid or half-made, in any order. */
const record: fc.Arbitrary<readonly [KindName, Doc]> = fc.oneof(
  { arbitrary: security, weight: 4 },
  { arbitrary: routing, weight: 4 },
  { arbitrary: outside, weight: 5 },
  { arbitrary: firewalls, weight: 3 },
  fc
    .tuple(small(3), fc.boolean(), segments, fc.string({ maxLength: 1 }))
    .map(
      ([n, up, list, name]) => ['network', aNetwork(`n${n}`, n, { adminStateUp: up, segments: list, name })] as const,
    ),
  fc
    .tuple(small(5), small(3), fc.boolean(), fc.boolean(), fc.array(small(8), { maxLength: 3 }), fc.option(small(8)))
    .map(([p, n, up, secured, ips, pair]) => {
      const more = {
        adminStateUp: up,
        portSecurityEnabled: secured,
        fixedIps: ips.map(address),
        allowedAddressPairs:
          pair === null
            ? []
            : [{ ...address(pair), macAddress: 'fa:16:3e:ff:ff:01' }].map(({ subnetId: _, ...rest }) => rest),
      }
      return ['port', aPort(`p${p}`, p, `n${n}`, more)] as const
    }),
  fc
    .tuple(small(3), fc.constantFrom('approved' as const, 'waiting' as const), fc.boolean(), fc.boolean())
    .map(([c, admission, reachable, mapped]) => {
      const more = { admission, tunnelIp: reachable ? `192.0.2.${c}` : '', providerPorts: mapped ? { phys: 9 } : {} }
      return ['chassis', aChassis(`c${c}`, c, { ...more, tunnelTypes: ['vxlan', 'gre'] })] as const
    }),
  fc.tuple(small(5), small(3), small(3), fc.boolean()).map(([p, n, c, active]) => {
    const at = aBinding(aPort(`p${p}`, p, `n${n}`), aChassis(`c${c}`, c), 10 + p, active ? 'active' : 'pending')
    return ['binding', at] as const
  }),
  fc.tuple(small(3), small(3), small(9), fc.boolean()).map(([n, c, vlan, isMember]) => {
    const attachment = anAttachment(aNetwork(`n${n}`, n), aChassis(`c${c}`, c), vlan)
    return ['attachment', { ...attachment, isMember }] as const
  }),
)

const step = fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 4 })

/** What each chassis would hold if it did as it is told. */
class Followers {
  private readonly sets = new Map<string, Map<string, string>>()
  private readonly held = new Map<string, Set<string>>()

  follow(delta: CompileDelta): void {
    for (const { flowSet, added, removed } of delta.flowSets) {
      const set = this.sets.get(flowSet) ?? new Map<string, string>()
      for (const entry of removed) expect(set.delete(entry.slot)).toBe(true)
      for (const entry of added) {
        expect(set.has(entry.slot)).toBe(false)
        set.set(entry.slot, Buffer.from(entry.instructions).toString('hex'))
      }
      this.sets.set(flowSet, set)
    }
    for (const { chassis, flowSet } of delta.unsubscribed) expect(this.held.get(chassis)?.delete(flowSet)).toBe(true)
    for (const { chassis, flowSet } of delta.subscribed) {
      const held = this.held.get(chassis) ?? new Set()
      expect(held.has(flowSet)).toBe(false)
      this.held.set(chassis, held.add(flowSet))
    }
  }

  content() {
    const sets = [...this.sets].filter(([, set]) => set.size > 0).map(([id, set]) => [id, [...set].sort()] as const)
    const held = [...this.held].filter(([, set]) => set.size > 0).map(([id, set]) => [id, [...set].sort()] as const)
    return { sets: sets.sort(byId), held: held.sort(byId) }
  }
}

const byId = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1)

test('flow sets kept incrementally equal flow sets compiled from scratch', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), steps => {
      const incremental = new Compiler(pipeline)
      const followers = new Followers()
      incremental.onDelta(delta => followers.follow(delta))
      const model = new Map<string, { readonly kind: Kind; readonly doc: Doc }>()
      let revision = 0
      for (const operations of steps) {
        const changes: Change[] = []
        for (const [[name, doc], keep] of operations) {
          const kind = kinds[name] as unknown as Kind
          const key = `${name} ${doc.id}`
          const before = model.get(key)?.doc
          if (!keep && before === undefined) continue
          changes.push({ kind, id: doc.id, before, after: keep ? doc : undefined })
          if (keep) model.set(key, { kind, doc })
          else model.delete(key)
        }
        const commit: Commit = { revision: ++revision, at: 0, origin: { source: 'test' }, changes }
        incremental.apply(commit)
      }

      const scratch = new Compiler(pipeline)
      const fresh = new Followers()
      scratch.onDelta(delta => fresh.follow(delta))
      const changes = [...model.values()].map(({ kind, doc }) => ({ kind, id: doc.id, before: undefined, after: doc }))
      scratch.apply({ revision, at: 0, origin: { source: 'test' }, changes })

      expect(followers.content()).toEqual(fresh.content())
      for (const [id] of followers.content().sets) {
        const [a, b] = [incremental.flowSet(id), scratch.flowSet(id)]
        expect(a?.digest).toEqual(b?.digest)
        const cookies = (set: typeof a) => [...(set?.entries.values() ?? [])].map(e => [e.slot, e.cookie]).sort()
        expect(cookies(a)).toEqual(cookies(b))
        const sources = (set: typeof a) =>
          [...(set?.entries.values() ?? [])].map(e => [e.slot, JSON.stringify(e.sources)]).sort()
        expect(sources(a)).toEqual(sources(b))
      }
    }),
    { numRuns: 300 },
  )
}, 120_000)

/** A delta as text, with the entries by what they are. */
const contentOf = ({ flowSets, subscribed, unsubscribed }: Omit<CompileDelta, 'revision'>) => {
  const flows = (entries: CompileDelta['flowSets'][number]['added']) =>
    entries.map(e => [e.slot, e.cookie, Buffer.from(e.instructions).toString('hex'), sourcesOf(e)]).sort()
  const pairs = (of: CompileDelta['subscribed']) => of.map(pair => `${pair.chassis} ${pair.flowSet}`).sort()
  return {
    flowSets: flowSets.map(set => [set.flowSet, flows(set.added), flows(set.removed)] as const).sort(byId as never),
    ...{ subscribed: pairs(subscribed), unsubscribed: pairs(unsubscribed) },
  }
}
const entriesOf = (compiler: Compiler) =>
  new Map([...compiler.flowSetIds()].sort().map(id => [id, new Set(compiler.flowSet(id)?.entries.values())] as const))
const sourcesOf = ({ sources }: { readonly sources: readonly object[] }) =>
  sources
    .map(source => JSON.stringify(source))
    .sort()
    .join()

test('a preview says what a commit then does, and leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), steps => {
      const compiler = new Compiler(pipeline)
      compiler.apply({ revision: 0, at: 0, origin: { source: 'test' }, changes: [] })
      let told = 0
      compiler.onDelta(() => told++)
      const model = new Map<string, Doc>()
      const changesOf = (operations: (typeof steps)[number]) => {
        const changes = new Map<string, Change>()
        for (const [[name, doc], keep] of operations) {
          const key = `${name} ${doc.id}`
          const before = model.get(key)
          if (keep || before !== undefined)
            changes.set(key, {
              kind: kinds[name] as unknown as Kind,
              id: doc.id,
              before,
              after: keep ? doc : undefined,
            })
        }
        return changes
      }
      steps.forEach((operations, i) => {
        const before = entriesOf(compiler)
        const changes = changesOf(operations)
        const preview = compiler.preview([...changes.values()])
        const content = contentOf(preview)
        expect(told).toBe(i)
        const after = entriesOf(compiler)
        expect([...after.keys()]).toEqual([...before.keys()])
        // Entries are compared as objects; printing one would print the whole model.
        for (const [id, entries] of after)
          expect([id, entries.symmetricDifference(before.get(id)!).size]).toEqual([id, 0])
        for (const [key, change] of changes) {
          if (change.after === undefined) model.delete(key)
          else model.set(key, change.after)
        }
        const commit = { revision: i + 1, at: 0, origin: { source: 'test' }, changes: [...changes.values()] }
        const removed = preview.flowSets.flatMap(set => set.removed)
        const delta = compiler.apply(commit)
        expect(contentOf({ ...delta, flowSets: delta.flowSets.map(set => ({ ...set, removed: [] })) })).toEqual({
          ...content,
          flowSets: content.flowSets.map(([id, added]) => [id, added, []]),
        })
        const gone = new Set(delta.flowSets.flatMap(set => set.removed))
        expect(gone.symmetricDifference(new Set(removed)).size).toBe(0)
      })
    }),
    { numRuns: 150 },
  )
})

test('a change that no flow depends on sends nothing', () => {
  const compiler = new Compiler(pipeline)
  const network = aNetwork('n1', 1)
  const commit = (before: Doc | undefined, after: Doc): Commit => ({
    revision: 1,
    at: 0,
    origin: { source: 'test' },
    changes: [{ kind: kinds.network as unknown as Kind, id: 'n1', before, after }],
  })
  compiler.apply(commit(undefined, network))
  expect(compiler.apply(commit(network, aNetwork('n1', 1, { name: 'renamed' })))).toEqual({
    revision: 1,
    flowSets: [],
    subscribed: [],
    unsubscribed: [],
  })
})
