// Random security groups for random models: what the model would derive from them (policies, bits) is derived here too.
import {
  type AddressGroup,
  addressGroups,
  type Change,
  type Doc,
  type Kind,
  type Policy,
  type Port,
  policies,
  type RemoteGroupBit,
  remoteGroupBits,
  remoteOf,
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroupRules,
  securityGroups,
} from '#model'
import type { Dice } from './random.ts'

const GROUPS = 6

/** Security groups and what comes of them. */
export interface RandomGroups {
  /** The ports, with groups and policies. */
  readonly ports: readonly Port[]
  /** Changes that bring the rest into an empty model. */
  readonly changes: readonly Change[]
}

const PROTOCOLS = [
  ['', null],
  ['tcp', 6],
  ['tcp', 6],
  ['udp', 17],
  ['icmp', 1],
] as const

const randomRule = (roll: Dice, id: string, group: SecurityGroup): SecurityGroupRule => {
  const ipVersion = roll.chance(0.7) ? 4 : 6
  const [protocol, number] = roll.one(PROTOCOLS)
  const protocolNumber = number === 1 && ipVersion === 6 ? 58 : number
  const hasPorts = (number === 6 || number === 17) && roll.chance(0.7)
  const [min, max] = roll.one([
    [80, 80],
    [22, 443],
    [1, 65535],
    [1000, 9000],
  ] as const)
  const icmp = number === 1 && roll.chance(0.4) ? (ipVersion === 4 ? 8 : 128) : null
  const prefixes = ipVersion === 4 ? ['10.0.1.0/28', '10.0.2.5/32', '10.0.9.0/24'] : ['fd00:1::/64', 'fd00:2::5/128']
  const remote = roll.below(4)
  return {
    ...{ id, projectId: group.projectId, groupId: group.id, ipVersion, protocol, protocolNumber },
    direction: roll.chance(0.5) ? 'ingress' : 'egress',
    portRangeMin: hasPorts ? min : icmp,
    portRangeMax: hasPorts ? max : null,
    remoteIpPrefix: remote === 1 ? roll.one(prefixes) : null,
    remoteIpPrefixAsked: '',
    remoteGroupId: remote === 2 ? `group${roll.below(GROUPS)}` : null,
    remoteAddressGroupId: remote === 3 ? 'addresses' : null,
  }
}

const addition = <T extends Doc>(kind: Kind<T>, docs: readonly T[]): readonly Change[] =>
  docs.map(after => ({ kind: kind as unknown as Kind, id: after.id, before: undefined, after }))

/** Gives ports random groups: stateful ones mostly, or stateless ones, or none. */
export const randomGroups = (roll: Dice, bare: readonly Port[]): RandomGroups => {
  const groups = Array.from(
    { length: GROUPS },
    (_, i): SecurityGroup => ({
      ...{ id: `group${i}`, key: i + 1, projectId: i % 3 === 0 ? 'q' : 'p', name: `group${i}` },
      ...{ stateful: i < 4, isDefault: false },
    }),
  )
  const rules = groups.flatMap(group =>
    Array.from({ length: roll.below(6) }, (_, i) => randomRule(roll, `${group.id}-rule${i}`, group)),
  )
  const addresses: AddressGroup = {
    ...{ id: 'addresses', projectId: 'p', name: 'addresses' },
    addresses: ['10.0.1.0/29', '10.0.2.20/32', 'fd00:3::8/125'],
  }
  const known = new Map<string, Policy>()
  const policyOf = (ids: readonly string[], stateful: boolean): number => {
    const text = ids.join(' ')
    const key = known.get(text)?.key ?? known.size + 1
    known.set(text, { id: String(key), key, groups: ids, stateful })
    return key
  }
  const ports = bare.map(port => {
    if (!port.portSecurityEnabled) return port
    const stateful = roll.chance(0.75)
    const choice = groups.filter(group => group.stateful === stateful && roll.chance(0.5))
    const ids = choice.map(group => group.id).sort()
    return {
      ...port,
      securityGroups: ids,
      policy: policyOf(
        ids,
        choice.every(group => group.stateful),
      ),
    }
  })
  const bits = new Map<string, RemoteGroupBit>()
  for (const rule of rules) {
    const remote = remoteOf(rule)
    if (remote === null) continue
    const { projectId } = rule
    const id = `${projectId}/${remote}`
    if (!bits.has(id)) bits.set(id, { id, projectId, remote, page: projectId === 'p' ? 1 : 2, bit: bits.size })
  }
  return {
    ports,
    changes: [
      ...addition(securityGroups, groups),
      ...addition(securityGroupRules, rules),
      ...addition(addressGroups, [addresses]),
      ...addition(policies, [...known.values()]),
      ...addition(remoteGroupBits, [...bits.values()]),
    ],
  }
}
