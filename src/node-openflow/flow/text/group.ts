// Groups in text: what `ovs-ofctl dump-groups` prints, and what `ovs-ofctl add-group` and the like take.

import { brief } from '../../wire/index.ts'
import { type Field, findField } from '../field.ts'
import type { AnyValue } from '../fields.ts'
import { type Bucket, bucketIds, type Group, type GroupMod, type SelectionMethod } from '../group.ts'
import type { LooseMatch, Match } from '../match.ts'
import { isExact, isMasked } from '../value.ts'
import { type Names, parseGroupId, parsePort, printPort } from './names.ts'
import { bigOf, numberOf, type Pair, pairs, refuse } from './pairs.ts'
import { parseActions } from './parse-actions.ts'
import { printActions } from './print-actions.ts'
import { parseValue, printValue } from './value.ts'

const types = ['all', 'select', 'indirect', 'ff'] as const
const places: { readonly [name: string]: number } = { first: 0xfffffffd, last: 0xfffffffe, all: 0xffffffff }
const placeNames = new Map(Object.entries(places).map(([name, id]) => [id, name]))

/** How a group is printed. */
export interface GroupPrintOptions {
  /** With the ids of buckets, which OpenFlow 1.5 has. */
  readonly bucketIds?: boolean
  readonly names?: Names
}

function printFields(fields: Match): string {
  const given = fields as LooseMatch
  const names = Object.keys(given).filter(name => findField(name) !== undefined)
  const parts = names
    .map(name => ({ field: findField(name) as Field, given: given[name] }))
    .sort((a, b) => a.field.index - b.field.index)
    .map(({ field, given }) => {
      const mask = isMasked(given) ? given.value : given
      if (mask === undefined || isExact(field, mask)) return field.name
      return `${field.name}=${printValue(field, mask, undefined)}`
    })
  if (parts.length === 0) return ''
  return parts.length === 1 ? `,fields=${parts[0]}` : `,fields(${parts.join(',')})`
}

function printSelection({ method, param, fields }: SelectionMethod): string {
  return `,selection_method=${method}${param ? `,selection_method_param=${param}` : ''}${printFields(fields)}`
}

function printBucket(bucket: Bucket, id: number, isSelect: boolean, options: GroupPrintOptions): string {
  const { names, bucketIds: withIds = false } = options
  let text = 'bucket='
  if (withIds) text += `bucket_id:${id},`
  const usual = isSelect ? 1 : 0
  if ((bucket.weight ?? usual) !== usual) text += `weight:${bucket.weight},`
  if (bucket.watchPort !== undefined && bucket.watchPort !== 0xffffffff) {
    text += `watch_port:${printPort(bucket.watchPort, names)},`
  }
  if (bucket.watchGroup !== undefined && bucket.watchGroup !== 0xffffffff) text += `watch_group:${bucket.watchGroup},`
  return `${text}actions=${printActions(bucket.actions, names)}`
}

/** A group as `ovs-ofctl dump-groups` prints it. */
export function printGroup(group: Group, options: GroupPrintOptions = {}): string {
  let text = `group_id=${group.groupId},type=${group.groupType}`
  for (const property of group.properties ?? [])
    if (property.type === 'selection_method') text += printSelection(property)
  const isSelect = group.groupType === 'select'
  const ids = bucketIds(group.buckets)
  const buckets = group.buckets.map((bucket, i) => printBucket(bucket, ids[i] as number, isSelect, options))
  return [text, ...buckets].join(',')
}

const commands = ['add', 'modify', 'add_or_mod', 'delete', 'insert_bucket', 'remove_bucket'] as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function parseBucket(text: string, groupType: Draft['groupType'], names: Names | undefined): Bucket {
  const bucket: Mutable<Bucket> = { ...(groupType === 'select' && { weight: 1 }), actions: [] }
  let actions = ''
  for (const { key, value } of pairs(text)) {
    const word = key.toLowerCase()
    if (word === 'weight') bucket.weight = numberOf(value, 16, word)
    else if (word === 'watch_port') bucket.watchPort = parsePort(value, names)
    else if (word === 'watch_group') bucket.watchGroup = numberOf(value, 32, word)
    else if (word === 'bucket_id') bucket.bucketId = numberOf(value, 32, word)
    else if (word === 'action' || word === 'actions') actions += `${value},`
    else actions += `${key}(${value}),`
  }
  if (actions === '') refuse(`a bucket needs actions: ${brief(text)}`)
  if (groupType === 'ff' && bucket.watchPort === undefined && bucket.watchGroup === undefined) {
    refuse('a bucket of a fast failover group needs watch_port or watch_group')
  }
  return { ...bucket, actions: parseActions(actions, names) }
}

function parseFields(text: string, names: Names | undefined): Match {
  const fields: { [name: string]: AnyValue } = {}
  for (const { key, value } of pairs(text)) {
    const field = findField(key)
    if (!field) refuse(`there is no field ${brief(key)}; ovs-fields(7) lists them`)
    const mask = value === '' ? field.allOnes : parseValue(field, value, names)
    if (mask === undefined || isMasked(mask)) refuse(`fields: ${brief(value)} is no mask for ${key}`)
    fields[field.name] = mask
  }
  return fields as Match
}

interface Draft {
  groupId?: number
  groupType?: Group['groupType']
  commandBucketId?: number
  method?: string
  param?: bigint
  fields?: Match
}

function takeOption(draft: Draft, { key, value }: Pair, names: Names | undefined): void {
  if (key === 'group_id') draft.groupId = parseGroupId(value)
  else if (key === 'type') {
    const name = value === 'fast_failover' ? 'ff' : value
    draft.groupType = types.find(type => type === name) ?? refuse(`${brief(value)} is none of ${types.join(', ')}`)
  } else if (key === 'command_bucket_id') draft.commandBucketId = places[value] ?? numberOf(value, 32, key)
  else if (key === 'selection_method') {
    if (value.length > 15) refuse(`a selection method of more than 15 bytes: ${brief(value)}`)
    draft.method = value
  } else if (key === 'selection_method_param') draft.param = bigOf(value, 64, key)
  else if (key === 'fields') draft.fields = parseFields(value, names)
  else refuse(`a group has no part ${brief(key)}`)
}

function selection({ method, param, fields }: Draft): Pick<Group, 'properties'> {
  if (method === undefined) {
    if (param !== undefined || fields !== undefined) refuse('a selection_method is missing')
    return {}
  }
  return { properties: [{ type: 'selection_method', method, param: param ?? 0n, fields: fields ?? {} }] }
}

function parse(text: string, command: (typeof commands)[number], names: Names | undefined): GroupMod {
  const [head, ...buckets] = text.split(/\bbucket=/)
  const draft: Draft = {}
  for (const pair of pairs(head as string)) takeOption(draft, pair, names)
  if (draft.groupId === undefined && command === 'delete') draft.groupId = 0xfffffffc
  if (draft.groupId === undefined) refuse('a group needs a group_id')
  const needsType = command === 'add' || command === 'modify' || command === 'add_or_mod'
  if (needsType && draft.groupType === undefined) refuse('a group needs a type')
  if (draft.groupType === 'indirect' && buckets.length > 1) refuse('an indirect group has one bucket')
  const change: Mutable<GroupMod> = {
    command,
    groupId: draft.groupId,
    groupType: draft.groupType ?? 'all',
    buckets: buckets.map(bucket => parseBucket(bucket, draft.groupType, names)),
    ...selection(draft),
  }
  if (draft.commandBucketId !== undefined) change.commandBucketId = draft.commandBucketId
  return change
}

/** The group that a text says: `group_id=1,type=select,bucket=weight:2,actions=output:1,bucket=…`. */
export function parseGroup(text: string, names?: Names): Group {
  const { command, commandBucketId, ...group } = parse(text, 'add', names)
  if (commandBucketId !== undefined) refuse('command_bucket_id says where to insert or remove buckets')
  return group
}

/** The change that a text says: a group after `add` (or nothing), `modify`, `delete`, `insert_bucket` and so on. */
export function parseGroupMod(text: string, names?: Names): GroupMod {
  const found = /^\s*([a-z_]+)(?=[,\s]|$)[,\s]*/.exec(text)
  const command = commands.find(word => word === found?.[1])
  return command ? parse(text.slice((found as RegExpExecArray)[0].length), command, names) : parse(text, 'add', names)
}

/** A change of a group: its command as ovs-ofctl takes it, then the group. */
export function printGroupMod(change: GroupMod, options: GroupPrintOptions = {}): string {
  const { command, commandBucketId, ...group } = change
  if (command !== 'insert_bucket' && command !== 'remove_bucket') return `${command} ${printGroup(group, options)}`
  const place = commandBucketId ?? 0xffffffff
  const where = `command_bucket_id=${placeNames.get(place) ?? place}`
  const ids = bucketIds(group.buckets)
  const buckets = group.buckets.map((bucket, i) => printBucket(bucket, ids[i] as number, false, options))
  return `${command} ${[`group_id=${group.groupId}`, where, ...buckets].join(',')}`
}
