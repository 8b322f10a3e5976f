// Figures of the switches for those who ask again and again: read no more often than that it takes a twentieth of the time.

/** The time between two readings as a multiple of what one takes. */
const SHARE = 19
/** How long (ms) one who asks waits for a reading. */
const PATIENCE = 2000

/** How a reading is paced; milliseconds. */
export interface Pace {
  /** The shortest time between two readings. */
  readonly shortest: number
  /** Who waits for a reading: all that ask while it is under way, or the first alone, while nothing is known. */
  readonly waits: 'all' | 'first'
  /** A clock that does not jump. */
  readonly now: () => number
}

/** Tells what `read` said last, and has it read again when that is old. It is given what it said before. */
export const paced = <T>(
  read: (known: T | undefined) => Promise<T>,
  { shortest, waits, now }: Pace,
): (() => Promise<T | undefined>) => {
  let known: T | undefined
  let reading: Promise<void> | undefined
  let next = 0
  const readAgain = async () => {
    const since = now()
    known = await read(known)
    next = now() + Math.max(shortest, SHARE * (now() - since))
  }
  return async () => {
    if (reading === undefined && now() >= next)
      reading = readAgain().finally(() => {
        reading = undefined
      })
    if (waits === 'all' || known === undefined)
      await Promise.race([reading, new Promise(done => setTimeout(done, PATIENCE).unref())])
    return known
  }
}
