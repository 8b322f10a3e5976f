// Bytes: reading and writing big-endian values, addresses, and codecs made from ordered shapes.

export * from './address.ts'
export * from './errors.ts'
export * from './reader.ts'
export * from './struct.ts'
export * from './writer.ts'
