// How long switches take to acknowledge, as a Prometheus histogram: cumulative counts under upper bounds.

const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Values of a histogram in Prometheus' form; seconds. */
export interface HistogramValues {
  /** Upper bound -> how many were at most that. The last bound, infinity, is `count`. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
  readonly sum: number
  readonly count: number
}

/** Counts durations. */
export class Histogram {
  readonly #counts = new Array<number>(bounds.length).fill(0)
  #sum = 0
  #count = 0

  /** One duration in seconds. */
  observe(seconds: number): void {
    this.#sum += seconds
    this.#count++
    const at = bounds.findIndex(bound => seconds <= bound)
    if (at >= 0) this.#counts[at]!++
  }

  get values(): HistogramValues {
    let below = 0
    const buckets = bounds.map((le, i) => {
      below += this.#counts[i]!
      return { le, count: below }
    })
    return { buckets, sum: this.#sum, count: this.#count }
  }
}
