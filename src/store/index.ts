// The face of the store.
export * from './errors.ts'
export { MemoryLog, memoryEngine } from './memory-engine.ts'
export { openMemoryStore } from './memory-store.ts'
export { openStore, type StoreOptions } from './open.ts'
export { type Restored, restoreBackup } from './restore.ts'
export { type BackedUp, backupDataDir } from './sqlite/backup.ts'
export type { Declared, Docs, Migration } from './sqlite/upgrade.ts'
export type { Store, Upgrade } from './store.ts'
