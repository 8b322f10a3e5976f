// What rows are made of.

/** Some properties of an object: a row has what its flow needs and no more, so that it says what the flow depends on. */
export const pick = <T extends object, K extends keyof T>(of: T, ...keys: readonly K[]): Pick<T, K> => {
  const picked: Partial<Pick<T, K>> = {}
  for (const key of keys) picked[key] = of[key]
  return picked as Pick<T, K>
}
