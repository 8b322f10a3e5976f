/** OVSDB (RFC 7047) for Node: the face of the package. */
export { Client, type ClientOptions, type OpenOptions } from './client.ts'
export {
  type AnyTables,
  type Atom,
  type BaseType,
  boolean,
  type Column,
  type Columns,
  type ColumnType,
  type Integer,
  ifPresent,
  integer,
  map,
  oneOf,
  optional,
  real,
  set,
  smallInteger,
  string,
  type Tables,
  type Uuid,
  uuid,
  type Value,
  type ValueOf,
} from './column.ts'
export { type ConnectOptions, connect } from './connect.ts'
export type { Database, MonitorOptions, RetryOptions } from './database.ts'
export * from './errors.ts'
export type { Json } from './json.ts'
export { Listener, type ListenOptions, listen } from './listener.ts'
export type { Lock } from './lock.ts'
export * from './operation.ts'
export type { Selection, Wanted } from './plan.ts'
export { type Peer, parseRemote, type Remote, type TlsOptions } from './remote.ts'
export type { Change, Replica, RowOf, Step, Sync } from './replica.ts'
export type { RequestOptions, RpcOptions } from './rpc.ts'
export type { ColumnSchema, DatabaseSchema, TableSchema } from './schema.ts'
export type { DatabaseStatus } from './server-info.ts'
export { type Input, type InputAtom, type InputOf, type NamedUuid, toUuid } from './value.ts'
