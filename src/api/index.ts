// The face of the API room.
export * from './counter-view.ts'
export { type Authenticate, type Context, everybody, type Identity, Unauthorized } from './engine/context.ts'
export { type KeystoneOptions, keystone } from './engine/keystone.ts'
export * from './fabric-view.ts'
export type { CostView, CountersView, LiveFlow, LiveView, RegisterView, TableView } from './live-view.ts'
export type { FlowChangeView, PreviewView } from './preview.ts'
export { type ApiOptions, buildApi } from './server.ts'
export * from './trace-view.ts'
