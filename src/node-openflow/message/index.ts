// Messages: what they look like as data, and their bytes.

export type { BundleAdd, BundleProperty, RequestForward } from './bundle.ts'
export {
  type AsyncConfig,
  type AsyncProperty,
  flowRemovedReasons,
  generationDistance,
  type Hello,
  type HelloElement,
  packetInReasons,
  portReasons,
  roles,
  type SwitchConfig,
  tableReasons,
} from './channel.ts'
export {
  decode,
  encode,
  encodeParts,
  HEADER_SIZE,
  MAX_SIZE,
  readMessage,
  typeName,
  writeBundleAdd,
  writeMessage,
} from './codec.ts'
export type { ErrorBody } from './error.ts'
export { type ErrorName, type ErrorNumbers, errorName, errorNames, errorNumbers } from './error-codes.ts'
export { DEFAULT_PRIORITY, type FlowMod } from './flow-mod.ts'
export type { FlowRemoved } from './flow-removed.ts'
export type { FlowCounters, FlowStats, FlowStatsRequest } from './flow-stats.ts'
export { Framer } from './framer.ts'
export type * from './messages.ts'
export { messages } from './messages.ts'
export type { MeterFeatures } from './meter.ts'
export type { FlowChange, FlowMonitor, FlowUpdate } from './monitor.ts'
export type { CtFlush, CtTuple } from './nicira.ts'
export { NO_BUFFER, type PacketIn, type PacketOut, resumption } from './packet.ts'
export { ANY_PORT, type Port, type PortMod, type PortStats } from './port.ts'
export { ALL_QUEUES, type QueueDesc, type QueueStats } from './queue.ts'
export { NX, ONF } from './rows.ts'
export type { Stats } from './stats.ts'
export { ALL_TABLES, type TableMod, type TableProperty } from './table.ts'
