// The face of the model: resource types, their declarations and rules. Pure: no I/O, no clock.
export * from './binding.ts'
export * from './chassis.ts'
export * from './kind.ts'
export * from './network.ts'
export * from './ofports.ts'
export * from './port.ts'
export * from './transaction.ts'
