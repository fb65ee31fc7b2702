/** The last result, for `.last`: its rows up to a bound, so that a shell's memory does not grow with what it was asked for. */
import { formatJson } from '../api/json.js'
import type { Document } from '../index.js'
import type { Outcome } from './session.js'

const ROWS_MAX = 10_000
const CHARACTERS_MAX = 16 * 1024 * 1024

export class KeptResult {
  readonly #outcome: Outcome
  readonly #rows: Document[] = []
  #characters = 0
  /** Rows that were printed. */
  count = 0
  /** All rows of the result were printed: it was not cancelled, and no pager was left before its end. */
  isComplete = false

  constructor(outcome: Outcome) {
    // Without its rows: they can be pulled once, and may hold on to much.
    this.#outcome = { ...outcome, rows: outcome.rows === undefined ? undefined : [] }
  }

  add(row: Document): void {
    this.count++
    if (this.#rows.length >= ROWS_MAX || this.#characters >= CHARACTERS_MAX) return
    this.#characters += formatJson(row).length
    this.#rows.push(row)
  }

  /** What there is to know when it is shown again. */
  notices(): readonly string[] {
    const notices: string[] = []
    if (this.#rows.length < this.count)
      notices.push(`the first ${this.#rows.length} of ${this.count} rows; of a longer result no more is kept`)
    if (!this.isComplete) notices.push('the result was not read to its end')
    return notices
  }

  outcome(): Outcome {
    return this.#outcome.rows === undefined ? this.#outcome : { ...this.#outcome, rows: this.#rows }
  }
}
