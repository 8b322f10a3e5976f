// Lets a bounded number of things run at a time; the others wait in line.

/** A gate for `width` at a time. Urgent ones pass those that are not. */
export class Gate {
  #free: number
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []

  constructor(width: number) {
    this.#free = width
  }

  /** How many wait. */
  get waiting(): number {
    return this.#urgent.length + this.#patient.length
  }

  /** Runs `work` once it is let in. */
  async run<T>(isUrgent: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => (isUrgent ? this.#urgent : this.#patient).push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#urgent.shift() ?? this.#patient.shift()
      if (next) next()
      else this.#free++
    }
  }
}
