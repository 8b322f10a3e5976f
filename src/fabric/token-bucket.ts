// So many a second, and so many at once.

/** A budget that fills up with time. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  #left: number
  #at: number | undefined

  /** `rate` a second, `burst` at once. */
  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
    this.#left = burst
  }

  /** Takes one, if there is one at a time (ms of a clock that goes forward). */
  take(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + ((now - (this.#at ?? now)) * this.#rate) / 1000)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}

/** A budget for each name, of which no more than `names` are kept: the one used longest ago is forgotten, which makes it full. */
export class TokenBuckets {
  readonly #make: () => TokenBucket
  readonly #names: number
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(rate: number, burst: number, names: number) {
    this.#make = () => new TokenBucket(rate, burst)
    this.#names = names
  }

  /** Takes one from the budget of a name, if there is one. */
  take(name: string, now: number): boolean {
    const bucket = this.#buckets.get(name) ?? this.#make()
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > this.#names) this.#buckets.delete(this.#buckets.keys().next().value as string)
    return bucket.take(now)
  }
}
