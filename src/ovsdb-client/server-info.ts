/**
 * What a server says about itself in its `_Server` database (ovsdb-server(5)): the databases it has, and its part in
 * their clusters. Servers before Open vSwitch 2.9 have none of this.
 */
import { boolean, ifPresent, integer, optional, string, uuid } from './column.ts'
import { RpcError } from './errors.ts'
import { Monitor, type MonitorSession } from './monitor.ts'
import type { Row } from './operation.ts'
import { checkSchema, parseSchema } from './schema.ts'

const serverTables = {
  Database: {
    name: string,
    model: ifPresent(string),
    connected: ifPresent(boolean),
    leader: ifPresent(boolean),
    schema: ifPresent(optional(string)),
    cid: ifPresent(optional(uuid)),
    sid: ifPresent(optional(uuid)),
    index: ifPresent(optional(integer)),
  },
}

/**
 * A database as its server sees it. `model` is standalone, clustered or relay; `leader` and `index` (of the log) say
 * how far it is in its cluster `cid`.
 */
export type DatabaseStatus = Row<(typeof serverTables)['Database']>

/** What a server says about itself; undefined if it says nothing. */
export interface ServerInfo {
  database(name: string): DatabaseStatus | undefined
}

/**
 * Reads `_Server` and follows it. Also makes the session change-aware, so that databases may come, go and change
 * without the server closing the connection.
 */
export async function watchServer(session: MonitorSession, onChange: () => void): Promise<ServerInfo | undefined> {
  try {
    await session.rpc.request('set_db_change_aware', [true])
    const schema = checkSchema(parseSchema(await session.rpc.request('get_schema', ['_Server'])), serverTables)
    const monitor = new Monitor('_Server', { Database: '*' }, serverTables)
    const { replica } = monitor
    replica.on('change', onChange)
    await monitor.start(session, schema)
    const rows = replica.table('Database')
    return { database: name => [...rows.values()].find(row => row.name === name) }
  } catch (error) {
    if (error instanceof RpcError) return undefined
    throw error
  }
}

/** What a caller demands of a server of a cluster. */
export interface Demands {
  /** Only the leader will do. */
  readonly leaderOnly: boolean
  /** The id of the cluster that it must belong to. */
  readonly clusterId: string | undefined
  /** The lowest log index that is not out of date. */
  readonly minIndex: bigint
}

/** Why a server will not do for a database, or undefined if it will. */
export function objection(status: DatabaseStatus | undefined, demands: Demands): string | undefined {
  if (!status || status.model === undefined || status.model === 'standalone') return undefined
  const { name, model, connected, leader, cid, index, schema } = status
  if (schema === undefined) return `${name}: the server has not yet joined its cluster`
  if (connected === false) return `${name}: the server is cut off from its ${model === 'relay' ? 'source' : 'cluster'}`
  if (demands.clusterId && cid && cid !== demands.clusterId) {
    return `${name}: the server belongs to cluster ${cid}, not ${demands.clusterId}`
  }
  if (demands.leaderOnly && !leader) return `${name}: the server is not the leader`
  if (index !== undefined && BigInt(index) < demands.minIndex) {
    return `${name}: the server is out of date (index ${index}, seen ${demands.minIndex})`
  }
  return undefined
}
