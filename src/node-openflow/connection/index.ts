// Channels to switches: listening for them, dialling them, and what can be done over one.

export { type BundleItem, type BundleMessage, type BundleOptions, encodeBundleAdd } from './bundle.ts'
export { connect, Dialer, type DialerEvents, type ReconnectOptions, stayConnected } from './connect.ts'
export { Connection, open } from './connection.ts'
export * from './errors.ts'
export type { AsyncType, ConnectionEvents, Peer } from './events.ts'
export { listen, OpenFlowServer, type ServerEvents } from './listen.ts'
export type { ConnectionOptions } from './options.ts'
export type { PacketInHandler } from './packet-queue.ts'
export { PERMANENT_XID } from './pending.ts'
export type { MultipartType, ReplyTo, RequestDraft, RequestOptions, RequestType } from './requests.ts'
export type { Address, TlsIdentity } from './transport.ts'
