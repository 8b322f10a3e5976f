// Partial changes of a record: what is undefined stays.

/** Some properties of T, each a new value or undefined. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** A record with changes applied. */
export const changed = <T extends object>(doc: T, changes: Changes<T>): T => ({
  ...doc,
  ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)),
})
