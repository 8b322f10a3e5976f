// Lets a bounded number of things run at a time; the others wait in line.

/** A gate for `width` at a time. */
export class Gate {
  #free: number
  readonly #line: (() => void)[] = []

  constructor(width: number) {
    this.#free = width
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.length
  }

  /** Runs `work` once it is let in. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#line.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#line.shift()
      if (next) next()
      else this.#free++
    }
  }
}
