import { type Execution } from '../expression/evaluate.js'
import { type AccessChoice, type IndexChoice } from './index-choice.js'
import { chooseIndex } from './index-chooser.js'
import { type QuerySource } from '../relation/query-source.js'
import { type Condition, type TableScan } from './source-plan.js'

/** The choice of one execution, made when its first row is asked for: what may be read then is known by then. */
export class IndexSelect {
  readonly #choose: () => AccessChoice
  readonly #entriesOfAll: () => number
  #access: AccessChoice | undefined
  #entriesBefore = 0
  /** It took more rows than {@link IndexChoice.rowsMax}. */
  isGivenUp = false

  // oxlint-disable-next-line max-params
  constructor(scan: TableScan, where: Condition | undefined, source: QuerySource, execution: Execution, firstRows: number | undefined) {
    this.#choose = () => chooseIndex(scan, where, source, execution, firstRows)
    this.#entriesOfAll = () => (source.indexes?.(scan.table ?? '') ?? []).reduce((sum, { reader }) => sum + reader.counters.entries, 0)
  }

  /** The choice, if it was asked for already. */
  get made(): IndexChoice | undefined {
    return this.#access?.index
  }

  get access(): AccessChoice {
    if (this.#access === undefined) {
      this.#entriesBefore = this.#entriesOfAll()
      this.#access = this.#choose()
    }
    return this.#access
  }

  /** An index is chosen, and no scan will come after it. */
  get isCertain(): boolean {
    return this.choice?.rowsMax === Number.POSITIVE_INFINITY
  }

  /** Entries of the table's indexes that were looked at since the choice began, whether they were visible or not. */
  get entriesTouched(): number {
    return this.#entriesOfAll() - this.#entriesBefore
  }

  get choice(): IndexChoice | undefined {
    return this.access.index
  }
}
