// The face of the tracer: a packet's way through flow tables, over bridges and chassis, as Open vSwitch would take it.
export { Connections, type ConnectionTracker, type CtFlag, givenStates } from './conntrack.ts'
export { FlowIndex, type TraceFlow } from './flow-index.ts'
export { UnknownField } from './layout.ts'
export * from './steps.ts'
export { effectsOf, NoSuchBridge, type TraceStart, trace } from './trace.ts'
export { type Link, type PortPlace, type Tables, tablesOf, type World } from './world.ts'
