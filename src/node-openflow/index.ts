// node-openflow: OpenFlow 1.3, 1.4 and 1.5 with the extensions of Open vSwitch.
// Flows as data (also as `node-openflow/flow`, without I/O), messages and their bytes, and connections to switches.

export * from './connection/index.ts'
export * from './flow/group.ts'
export * from './flow/index.ts'
export * from './flow/meter.ts'
export * from './message/index.ts'
export { type DecodeCode, DecodeError, type EncodeCode, EncodeError, fromHex, toHex } from './wire/index.ts'
