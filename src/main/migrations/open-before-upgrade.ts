// Ports get security groups. Those of older data files were not filtered: with port security they get a group that allows
// everything, one a project and easy to find, so that an upgrade cuts no traffic and leaves nothing open unseen.
import { type Doc, derivedId, ports, type Reader, securityGroups } from '#model'
import type { Docs, Migration } from '#store'

/** The name of the groups. */
export const OPEN_BEFORE_UPGRADE = 'open-before-upgrade'

interface OldPort extends Doc {
  readonly projectId: string
  readonly portSecurityEnabled: boolean
  readonly securityGroups?: readonly string[]
}

interface NumberDoc extends Doc {
  readonly pool: string
  readonly value: number
}

/** Gives the ports of older data files security groups. */
export const openBeforeUpgrade: Migration = {
  name: 'ports have security groups',
  run(docs, now) {
    const old = ((docs.port ?? []) as readonly OldPort[]).filter(p => p.securityGroups === undefined)
    const added = newRecords(docs, now)
    const open = new Map<string, Pick<OldPort & { policy: number }, 'securityGroups' | 'policy'>>()
    for (const projectId of new Set(old.filter(p => p.portSecurityEnabled).map(p => p.projectId))) {
      added.defaultGroup(projectId)
      const group = added.group(projectId, OPEN_BEFORE_UPGRADE, DESCRIPTION)
      for (const direction of ['egress', 'ingress']) for (const version of [4, 6]) added.rule(group, direction, version)
      open.set(projectId, { securityGroups: [group.id], policy: added.policy(group) })
    }
    const none = { securityGroups: [], policy: 0 }
    const port = ((docs.port ?? []) as readonly OldPort[]).map(p =>
      p.securityGroups === undefined ? { ...p, ...((p.portSecurityEnabled && open.get(p.projectId)) || none) } : p,
    )
    return { ...docs, ...added.docs, port }
  },
}

/** A port of an older data file as one of today that is not filtered. */
export const unfiltered = <T extends Doc>(port: T): T => ({ securityGroups: [], policy: 0, ...port })

/** The groups that let everything through since an upgrade, and how many ports bear each. */
export const openSinceUpgrade = (
  reader: Reader,
): readonly { readonly project: string; readonly securityGroup: string; readonly ports: number }[] =>
  Array.from(reader.all(securityGroups))
    .filter(group => group.name === OPEN_BEFORE_UPGRADE)
    .map(({ projectId, id }) => ({
      project: projectId,
      securityGroup: id,
      ports: reader.countBy(ports, 'securityGroup', id),
    }))

const DESCRIPTION =
  'Allows everything, as was so for these ports before security groups came: give them other groups, then remove this one'

interface Group {
  readonly id: string
  readonly projectId: string
}

/** Collects records that are added to those that are there. */
function newRecords(docs: Docs, now: number) {
  const kinds = ['security_group', 'security_group_rule', 'standard', 'policy', 'remote_group_bit', '#number'] as const
  const lists = Object.fromEntries(kinds.map(kind => [kind, [...(docs[kind] ?? [])]])) as Record<
    (typeof kinds)[number],
    Doc[]
  >
  const number = (pool: string, value: number, scope = '') => {
    lists['#number'].push({ id: `${pool}/${value}/${scope}`, pool, value, scope, free: false } as Doc)
    return value
  }
  const next = (pool: string) => {
    const used = (lists['#number'] as NumberDoc[]).filter(n => n.pool === pool).map(n => n.value)
    return number(pool, Math.max(0, ...used) + 1)
  }
  const standard = (id: string, description: string, revision: number) =>
    lists.standard.push({ ...{ id, description, tags: [], createdAt: now, updatedAt: now }, revision } as Doc)
  const group = (projectId: string, name: string, description: string, isDefault = false): Group => {
    const id = derivedId(name, projectId, String(now))
    const key = next('security_group_key')
    lists.security_group.push({ ...{ id, key, projectId, name, stateful: true }, isDefault } as Doc)
    standard(id, description, 1)
    return { id, projectId }
  }
  const rule = ({ id: groupId, projectId }: Group, direction: string, ipVersion: number, remote?: string) => {
    const id = derivedId(groupId, `${direction} IPv${ipVersion}`)
    lists.security_group_rule.push({
      ...{ id, projectId, groupId, direction, ipVersion, protocol: '', protocolNumber: null },
      ...{ portRangeMin: null, portRangeMax: null, remoteIpPrefix: null, remoteIpPrefixAsked: '' },
      ...{ remoteGroupId: remote ?? null, remoteAddressGroupId: null },
    } as Doc)
    standard(id, '', 0)
  }
  return {
    docs: lists,
    group,
    rule,
    /** The policy of a group alone: its key. */
    policy({ id }: Group): number {
      const key = next('policy_key')
      lists.policy.push({ ...{ id: String(key), key, groups: [id] }, stateful: true } as Doc)
      return key
    },
    /** The group that ports of a project get from now on, unless there is one. */
    defaultGroup(projectId: string): void {
      const groups = lists.security_group as (Group & { readonly isDefault: boolean })[]
      if (groups.some(g => g.isDefault && g.projectId === projectId)) return
      const made = group(projectId, 'default', 'Default security group', true)
      for (const version of [4, 6]) rule(made, 'egress', version)
      for (const version of [4, 6]) rule(made, 'ingress', version, made.id)
      const page = next('remote_group_page')
      const bit = number('remote_group_page_bit', 0, String(page))
      lists.remote_group_bit.push({
        ...{ id: `${projectId}/${made.id}`, projectId, remote: made.id },
        page,
        bit,
      } as Doc)
    },
  }
}
