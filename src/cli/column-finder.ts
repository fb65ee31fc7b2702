/** Finds the columns of rows that do not say them: the first rows are kept until their fields are known. */
import type { Document } from '../index.js'

/** Rows that are kept at most, and about the bytes. */
const ROWS_MAX = 10_000

export class ColumnFinder {
  #kept: Document[] | undefined = []
  #columns: readonly string[]
  readonly #isGiven: boolean
  readonly #rowsMax: number
  count = 0

  /** `columns` undefined: the fields of the first `rowsMax` rows, in the order in which they appear. */
  constructor(columns: readonly string[] | undefined, rowsMax = ROWS_MAX) {
    this.#columns = columns ?? []
    this.#isGiven = columns !== undefined
    this.#rowsMax = rowsMax
  }

  get columns(): readonly string[] {
    return this.#columns
  }

  /** Rows that can be printed now: undefined while they are kept; `isFirst` once, when the columns are known. */
  add(row: Document): { readonly rows: readonly Document[]; readonly isFirst: boolean } | undefined {
    this.count++
    if (this.#kept === undefined) return { rows: [row], isFirst: false }
    this.#kept.push(row)
    return this.#kept.length >= this.#rowsMax ? this.#release(this.#kept) : undefined
  }

  /** What is still kept when there are no more rows. */
  end(): { readonly rows: readonly Document[]; readonly isFirst: boolean } | undefined {
    return this.#kept === undefined ? undefined : this.#release(this.#kept)
  }

  #release(rows: readonly Document[]) {
    this.#kept = undefined
    if (!this.#isGiven) {
      const names = new Set<string>()
      for (const row of rows) for (const name of Object.keys(row)) names.add(name)
      this.#columns = [...names]
    }
    return { rows, isFirst: true }
  }
}
