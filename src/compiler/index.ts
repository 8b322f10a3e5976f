// The face of the compiler.
export * from './compiler.ts'
export { COOKIE_MARK, cookieOf, encodeFlow, isOurs, LEARNED_MARK, slotOf } from './encode.ts'
export * from './flow-set.ts'
export * from './table.ts'
