// Which versions a row is for.

import type { Version } from '../flow/index.ts'

/** OpenFlow 1.3, 1.4 and 1.5. */
export const ALL: readonly Version[] = [4, 5, 6]
/** OpenFlow 1.3. */
export const V13: readonly Version[] = [4]
/** OpenFlow 1.3 and 1.4. */
export const V13_14: readonly Version[] = [4, 5]
/** OpenFlow 1.4 and 1.5. */
export const V14_15: readonly Version[] = [5, 6]
/** OpenFlow 1.5. */
export const V15: readonly Version[] = [6]
