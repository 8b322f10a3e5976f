// Flow tables: modification, status, description, counters and features.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { list, pad, rest, text, u8, u32, u64 } from '../wire/index.ts'
import { tableReasons } from './channel.ts'
import { actionIds, instructionIds, oxmIds } from './ids.ts'
import {
  bits,
  length16,
  nonzero,
  oneOf,
  optional,
  type PropertyOf,
  properties,
  property,
  record,
  sized,
} from './shape.ts'

/** OFPTT_ALL: every table. */
export const ALL_TABLES = 255

const config = { eviction: 1 << 2, vacancy_events: 1 << 3 } as const

const modRows = {
  eviction: property(2, record({ flags: bits(u32, { other: 1, importance: 2, lifetime: 4 }) })),
  vacancy: property(3, record({ vacancyDown: u8, vacancyUp: u8, vacancy: u8, _pad: pad(1) })),
}

/** How a table evicts flows and reports its vacancy, in percent. */
export type TableProperty = PropertyOf<typeof modRows>

const mod = { table: u8, _pad: pad(3), config: bits(u32, config) }
const none: readonly TableProperty[] = []

/** OFPT_TABLE_MOD (OpenFlow 1.5.1, 7.3.4.1). */
export const tableMod = (v: Version) =>
  record({
    ...mod,
    ...(v !== 4 && { properties: optional(emptyAsNone(properties(modRows)), none) }),
  }) as Codec<TableMod>

/** What a table is to become; 255 is all tables. */
export interface TableMod {
  readonly table: number
  readonly config: readonly (keyof typeof config | number)[]
  /** From OpenFlow 1.4 on. */
  readonly properties?: readonly TableProperty[]
}

function emptyAsNone(codec: Codec<readonly TableProperty[]>): Codec<readonly TableProperty[]> {
  return { ...codec, read: r => (r.remaining === 0 ? none : codec.read(r)) }
}

const tableDesc = sized(
  0,
  record({ _length: length16, table: u8, _pad: pad(1), config: bits(u32, config), properties: properties(modRows) }),
)

/** OFPMP_TABLE_DESC, reply. */
export const tableDescReply = record({ entries: list(tableDesc) })

/** OFPT_TABLE_STATUS (7.4.5). */
export const tableStatus = record({ reason: oneOf(u8, tableReasons), _pad: pad(7), table: tableDesc })

/** OFPMP_TABLE_STATS, reply. */
export const tableStatsReply = record({
  entries: list(record({ table: u8, _pad: pad(3), activeCount: u32, lookupCount: u64, matchedCount: u64 })),
})

const instructions = record({ instructions: instructionIds })
const actions = record({ actions: actionIds })
const oxms = record({ oxms: oxmIds })
const tables = record({ tables: list(u8) })

const featureRows = {
  instructions: property(0, instructions),
  instructions_miss: property(1, instructions),
  next_tables: property(2, tables),
  next_tables_miss: property(3, tables),
  write_actions: property(4, actions),
  write_actions_miss: property(5, actions),
  apply_actions: property(6, actions),
  apply_actions_miss: property(7, actions),
  match: property(8, oxms),
  wildcards: property(10, oxms),
  write_setfield: property(12, oxms),
  write_setfield_miss: property(13, oxms),
  apply_setfield: property(14, oxms),
  apply_setfield_miss: property(15, oxms),
  table_sync_from: property(16, tables),
  write_copyfield: property(18, oxms),
  write_copyfield_miss: property(19, oxms),
  apply_copyfield: property(20, oxms),
  apply_copyfield_miss: property(21, oxms),
  /** Match fields with values, byte for byte. */
  packet_types: property(22, record({ oxm: rest })),
}

/** What a table can do, one aspect at a time. */
export type TableFeatureProperty = PropertyOf<typeof featureRows>

const tableFeatures = sized(
  0,
  record({
    _length: length16,
    table: u8,
    command: optional(oneOf(u8, { replace: 0, modify: 1, enable: 2, disable: 3 }), 'replace'),
    features: nonzero(u32),
    name: text(32, false),
    metadataMatch: u64,
    metadataWrite: u64,
    capabilities: bits(u32, config),
    maxEntries: u32,
    properties: properties(featureRows, 0xfffe),
  }),
)

/** OFPMP_TABLE_FEATURES, request and reply; a request with no entries asks. */
export const tableFeaturesBody = record({ entries: list(tableFeatures) })
