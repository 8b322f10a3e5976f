// What commands print of chassis that could not be asked.

/** A chassis that did not tell what it counted. */
export interface Silent {
  readonly chassis: string
  readonly reason: string
}

/** A line for each. */
export const silences = (silent: readonly Silent[]): string =>
  silent.map(({ chassis, reason }) => `not counted: ${chassis} (${reason})\n`).join('')
