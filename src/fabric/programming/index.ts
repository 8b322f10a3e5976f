// The face of programming over OpenFlow.
export type { BridgeState, BridgeStatus, Counters } from './bridge-programmer.ts'
export type { Difference } from './comparison.ts'
export type { DriftEvent } from './drift.ts'
export type { HistogramValues } from './latency.ts'
export { type ListenerOptions, listenForSwitches } from './listener.ts'
export { openFlowSwitch } from './openflow.ts'
export type { PacketInHandler } from './packet-ins.ts'
export { Programming, type ProgrammingOptions, type ProgrammingStatus } from './programming.ts'
export type { Quarantined } from './quarantine.ts'
export { STAMP_COOKIE, STAMP_TABLE } from './stamp.ts'
export {
  type CountedFlow,
  type FlowChange,
  type InstalledFlow,
  type PacketIn,
  type Switch,
  SwitchLost,
} from './switch.ts'
