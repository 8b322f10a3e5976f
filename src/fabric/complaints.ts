// What has been said of those who dial in and are refused: they try again every few seconds, for as long as they are set
// up so, and the log is to tell that once.

/** How long (ms) somebody must not have been refused for the same refusal to be news again. */
const GONE = 3_600_000

/** How many of those refused are remembered; the one that was longest away is forgotten first. */
const MAX_REMEMBERED = 1000

/** Remembers why each was refused last. */
export class Complaints {
  readonly #clock: () => number
  readonly #known = new Map<string, { readonly reason: string; readonly at: number }>()

  /** `clock` tells milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Whether a refusal is to be logged: it is the first of its kind, the reason is another one, or it had ended an hour ago. */
  isNews(who: string, reason: string): boolean {
    const at = this.#clock()
    const known = this.#known.get(who)
    this.#known.delete(who)
    this.#known.set(who, { reason, at })
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
    return known?.reason !== reason || at - known.at >= GONE
  }

  /** It was taken: the next refusal is news. */
  taken(who: string): void {
    this.#known.delete(who)
  }
}
