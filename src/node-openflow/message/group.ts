// Groups: modification, description, counters and what a switch can do. OpenFlow 1.5 gave buckets ids and both buckets
// and groups properties; the values here are the same in every version.

import {
  ALL_GROUPS,
  BUCKET_ALL,
  type Bucket,
  bucketIds,
  type Group,
  type GroupMod,
  type GroupProperty,
  groupCommands,
  groupTypes,
  type SelectionMethod,
} from '../flow/group.ts'
import type { Action, Match, Version } from '../flow/index.ts'
import type { Codec, Reader, Writer } from '../wire/index.ts'
import { EncodeError, list, pad, text, u8, u16, u32, u64 } from '../wire/index.ts'
import { actions, bareMatch } from './parts.ts'
import { ANY_PORT } from './port.ts'
import {
  bits,
  type ExperimenterProperty,
  exhausted,
  length16,
  oneOf,
  openProperty,
  preset,
  putProperty,
  record,
  sized,
  type UnknownProperty,
} from './shape.ts'

const type8 = oneOf(u8, groupTypes)
const command16 = oneOf(u16, groupCommands)

type Raw = ExperimenterProperty | UnknownProperty
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function bucket13(list: Codec<readonly Action[]>, isSelect: boolean): Codec<Bucket> {
  return {
    size: 0,
    read: r => {
      const length = r.u16()
      if (length < 16) r.fail('bad-length', `a bucket of ${length} bytes`, r.offset - 2)
      const body = r.sub(length - 2)
      const weight = body.u16()
      const watchPort = body.u32()
      const watchGroup = body.u32()
      body.skip(4)
      return {
        ...((isSelect || weight !== 0) && { weight }),
        ...(watchPort !== ANY_PORT && { watchPort }),
        ...(watchGroup !== ANY_PORT && { watchGroup }),
        actions: list.read(body),
      }
    },
    write: (w, value) => {
      const start = w.reserve(2)
      w.u16(value.weight ?? (isSelect ? 1 : 0))
      w.u32(value.watchPort ?? ANY_PORT)
      w.u32(value.watchGroup ?? ANY_PORT)
      w.zeros(4)
      list.write(w, value.actions)
      w.patchU16(start, w.length - start)
    },
  }
}

const WEIGHT = 0
const WATCH_PORT = 1
const WATCH_GROUP = 2
const EXPERIMENTER = 0xffff

function readBucket15(r: Reader, list: Codec<readonly Action[]>): Bucket {
  const length = r.u16()
  if (length < 8) r.fail('bad-length', `a bucket of ${length} bytes`, r.offset - 2)
  const body = r.sub(length - 2)
  const actionsLength = body.u16()
  const value: Mutable<Bucket> = { bucketId: body.u32(), actions: list.read(body.sub(actionsLength)) }
  while (body.remaining > 0) {
    const { code, body: property } = openProperty(body)
    if (code === WEIGHT) value.weight = property.u16()
    else if (code === WATCH_PORT) value.watchPort = property.u32()
    else if (code === WATCH_GROUP) value.watchGroup = property.u32()
    else value.properties = [...(value.properties ?? []), readRaw(code, property)]
  }
  return value
}

function writeBucket15(w: Writer, value: Bucket, id: number, list: Codec<readonly Action[]>): void {
  const start = w.reserve(4)
  w.u32(id)
  const at = w.length
  list.write(w, value.actions)
  w.patchU16(start + 2, w.length - at)
  const { weight, watchPort, watchGroup } = value
  if (weight !== undefined) {
    putProperty(w, WEIGHT, () => {
      w.u16(weight)
      w.zeros(2)
    })
  }
  if (watchPort !== undefined) putProperty(w, WATCH_PORT, () => w.u32(watchPort))
  if (watchGroup !== undefined) putProperty(w, WATCH_GROUP, () => w.u32(watchGroup))
  for (const raw of value.properties ?? []) writeRaw(w, raw)
  w.patchU16(start, w.length - start)
}

function readRaw(code: number, body: Reader): Raw {
  if (code !== EXPERIMENTER) return { type: 'unknown', code, data: body.rest() }
  return { type: 'experimenter', experimenter: body.u32(), expType: body.u32(), data: body.rest() }
}

function writeRaw(w: Writer, value: Raw): void {
  putProperty(w, value.type === 'unknown' ? value.code : EXPERIMENTER, () => {
    if (value.type === 'experimenter') {
      w.u32(value.experimenter)
      w.u32(value.expType)
    }
    w.bytes(value.data)
  })
}

function buckets(v: Version, groupType: Group['groupType']): Codec<readonly Bucket[]> {
  const all = actions(v)
  if (v !== 6) return list(bucket13(all, groupType === 'select'))
  return {
    size: 0,
    read: r => {
      const values: Bucket[] = []
      while (r.remaining > 0) values.push(readBucket15(r, all))
      return values
    },
    write: (w, values) => {
      const ids = bucketIds(values)
      values.forEach((value, i) => {
        writeBucket15(w, value, ids[i] as number, all)
      })
    },
  }
}

const NETRONOME = 0x0000154d
const NETRONOME_OLD = 0x00001540
const SELECTION_METHOD = 1
const method16 = text(16)

function readProperties(r: Reader, v: Version): GroupProperty[] {
  const properties: GroupProperty[] = []
  while (r.remaining > 0) {
    const { code, body } = openProperty(r)
    properties.push(readSelection(code, body, v) ?? readRaw(code, body))
  }
  return properties
}

function readSelection(code: number, body: Reader, v: Version): SelectionMethod | undefined {
  if (code !== EXPERIMENTER || body.remaining < 36) return undefined
  const start = body.at
  const experimenter = body.u32()
  const expType = body.u32()
  if ((experimenter !== NETRONOME && experimenter !== NETRONOME_OLD) || expType !== SELECTION_METHOD) {
    body.at = start
    return undefined
  }
  body.skip(4)
  const method = method16.read(body)
  const param = body.u64()
  const old = experimenter === NETRONOME ? {} : { experimenter }
  return { type: 'selection_method', ...old, method, param, fields: bareMatch(v).read(body) }
}

function writeProperties(w: Writer, v: Version, properties: readonly GroupProperty[]): void {
  for (const property of properties) {
    if (property.type !== 'selection_method') {
      writeRaw(w, property)
      continue
    }
    putProperty(w, EXPERIMENTER, () => {
      w.u32(property.experimenter ?? NETRONOME)
      w.u32(SELECTION_METHOD)
      w.zeros(4)
      method16.write(w, property.method)
      w.u64(property.param)
      // The fields' order is the sender's own.
      for (const [name, mask] of Object.entries(property.fields)) bareMatch(v).write(w, { [name]: mask } as Match)
    })
  }
}

/** OFPT_GROUP_MOD by version. */
export function groupMod(v: Version): Codec<GroupMod> {
  return {
    size: 0,
    read: r => {
      const command = command16.read(r)
      const groupType = type8.read(r)
      r.skip(1)
      const groupId = r.u32()
      const head = { command, groupId, groupType }
      const all = buckets(v, groupType)
      if (v !== 6) return { ...head, buckets: all.read(r) }
      const length = r.u16()
      r.skip(2)
      const commandBucketId = r.u32()
      const value = { ...head, buckets: all.read(r.sub(length)) }
      const properties = readProperties(r, v)
      return {
        ...value,
        ...(commandBucketId !== BUCKET_ALL && { commandBucketId }),
        ...(properties.length > 0 && { properties }),
      }
    },
    write: (w, value) => {
      command16.write(w, value.command)
      type8.write(w, value.groupType)
      w.zeros(1)
      w.u32(value.groupId)
      const all = buckets(v, value.groupType)
      if (v !== 6) {
        if (value.command === 'insert_bucket' || value.command === 'remove_bucket') {
          throw new EncodeError('bad-version', 'command', `no ${value.command} before OpenFlow 1.5`)
        }
        return all.write(w, value.buckets ?? [])
      }
      const lengthAt = w.reserve(4)
      w.u32(value.commandBucketId ?? BUCKET_ALL)
      const start = w.length
      all.write(w, value.buckets ?? [])
      w.patchU16(lengthAt, w.length - start)
      writeProperties(w, v, value.properties ?? [])
    },
  }
}

/** A request about one group, or all. */
export const groupRequest = record({ groupId: preset(u32, ALL_GROUPS), _pad: pad(4) })

function groupDesc(v: Version): Codec<Group> {
  return {
    size: 0,
    read: r => {
      const length = r.u16()
      if (length < 8) r.fail('bad-length', `a group of ${length} bytes`, r.offset - 2)
      const body = r.sub(length - 2)
      const groupType = type8.read(body)
      body.skip(1)
      const groupId = body.u32()
      const all = buckets(v, groupType)
      if (v !== 6) return { groupId, groupType, buckets: all.read(body) }
      const bucketsLength = body.u16()
      body.skip(6)
      const value = { groupId, groupType, buckets: all.read(body.sub(bucketsLength)) }
      const properties = readProperties(body, v)
      exhausted(body, 'a group')
      return { ...value, ...(properties.length > 0 && { properties }) }
    },
    write: (w, value) => {
      const start = w.reserve(2)
      type8.write(w, value.groupType)
      w.zeros(1)
      w.u32(value.groupId)
      const all = buckets(v, value.groupType)
      if (v !== 6) all.write(w, value.buckets)
      else {
        const lengthAt = w.reserve(8)
        const at = w.length
        all.write(w, value.buckets)
        w.patchU16(lengthAt, w.length - at)
        writeProperties(w, v, value.properties ?? [])
      }
      w.patchU16(start, w.length - start)
    },
  }
}

/** OFPMP_GROUP_DESC, reply. */
export const groupDescReply = (v: Version) => record({ entries: list(groupDesc(v)) })

/** OFPMP_GROUP_STATS, reply. */
export const groupStatsReply = record({
  entries: list(
    sized(
      0,
      record({
        _length: length16,
        _pad: pad(2),
        groupId: u32,
        refCount: u32,
        _pad2: pad(4),
        packetCount: u64,
        byteCount: u64,
        durationSec: u32,
        durationNsec: u32,
        buckets: list(record({ packetCount: u64, byteCount: u64 })),
      }),
    ),
  ),
})

const perType = record({ all: u32, select: u32, indirect: u32, ff: u32 })

/** OFPMP_GROUP_FEATURES, reply; actions are bits of standard actions. */
export const groupFeatures = record({
  types: bits(u32, { all: 1, select: 2, indirect: 4, ff: 8 }),
  capabilities: bits(u32, { select_weight: 1, select_liveness: 2, chaining: 4, chaining_checks: 8 }),
  maxGroups: perType,
  actions: perType,
})
