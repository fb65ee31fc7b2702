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

  /** Whether all rows that were printed are kept. */
  get isWhole(): boolean {
    return this.#rows.length === this.count
  }

  get keptCount(): number {
    return this.#rows.length
  }

  outcome(): Outcome {
    return this.#outcome.rows === undefined ? this.#outcome : { ...this.#outcome, rows: this.#rows }
  }
}
