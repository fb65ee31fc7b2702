/**
 * Joins two streams of rows. The rows of the right are kept, by their keys, within the memory of the query; those of the left pass by. So
 * rows come in the order of the left, the partners of one in the order of the right, and what only the right has at the end.
 *
 * Keys meet by `=`: NULL meets nothing, a number meets an equal number of any kind, another class never. Without keys every pair is tried.
 */
import { DriftError } from '../base/errors.js'
import { type Document } from '../codec/value.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, type Batch, type Vector } from '../expression/batch.js'
import { rowsWhere, type Evaluator, type Execution } from '../expression/evaluate.js'
import { type Batches } from './operators.js'
import { identityOf } from '../codec/value-order.js'
import { bytesOfBatch, type QueryMemory } from './query-memory.js'
import { type JoinPlan } from '../planner/source-plan.js'

/** A row's number is its batch's, times this, and its place in it. */
const ROWS = BATCH_ROWS_MAX
/** No partner: its columns are NULL. */
const NONE = -1
/** Of a kept row beside its values: its place in the map and in a list of partners, roughly. */
const KEPT_ROW_BYTES = 64

/** What columns a side has where it has no rows at all. */
export type JoinWidths = { readonly left: number; readonly right: number; readonly hasDocuments: boolean }

export function* hashJoin(
  left: Batches,
  right: Batches,
  plan: JoinPlan,
  widths: JoinWidths,
  execution: Execution,
  memory: QueryMemory
): Batches {
  const kept = new KeptRows(memory, plan.right.name)
  try {
    yield* joined(left, right, kept, plan, widths, execution)
  } finally {
    kept.free()
  }
}

// oxlint-disable-next-line max-params
function* joined(left: Batches, right: Batches, kept: KeptRows, plan: JoinPlan, widths: JoinWidths, execution: Execution): Batches {
  const { side, leftKeys, rightKeys } = plan
  for (const batch of right) {
    if (batch.rowCount > 0) kept.add(batch, rightKeys, execution)
    yield EMPTY_BATCH
  }
  const pairs = new Pairs(kept, plan, widths, execution)
  const keepsLeft = side === 'left' || side === 'full'
  for (const batch of left) {
    if (batch.rowCount === 0) {
      yield EMPTY_BATCH
      continue
    }
    const keys = keysOf(batch, leftKeys, execution)
    pairs.begin(batch)
    for (let row = 0; row < batch.rowCount; row++) {
      const key = keys[row]
      const partners = key === undefined ? [] : kept.withKey(key)
      for (const partner of partners) {
        pairs.add(row, partner)
        if (pairs.isFull) yield pairs.take()
      }
      if (keepsLeft) pairs.endOfRow(row)
      if (pairs.isFull) yield pairs.take()
    }
    yield pairs.take()
  }
  if (side === 'right' || side === 'full') yield* pairs.unmatched()
}

class KeptRows {
  readonly batches: Batch[] = []
  readonly #memory: QueryMemory
  readonly #name: string
  readonly #byKey = new Map<string, number[]>()
  #bytes = 0

  constructor(memory: QueryMemory, name: string) {
    this.#memory = memory
    this.#name = name
  }

  add(batch: Batch, keys: readonly Evaluator[], execution: Execution): void {
    const first = this.batches.length * ROWS
    let bytes = bytesOfBatch(batch)
    for (const [row, key] of keysOf(batch, keys, execution).entries()) {
      if (key === undefined) continue
      bytes += KEPT_ROW_BYTES + key.length
      const known = this.#byKey.get(key)
      if (known === undefined) this.#byKey.set(key, [first + row])
      else known.push(first + row)
    }
    this.batches.push(batch)
    this.#take(bytes)
  }

  withKey(key: string): readonly number[] {
    return this.#byKey.get(key) ?? []
  }

  free(): void {
    this.#memory.free(this.#bytes)
    this.#bytes = 0
  }

  #take(bytes: number): void {
    try {
      this.#memory.take(bytes)
      this.#bytes += bytes
    } catch (thrown) {
      if (!(thrown instanceof DriftError) || thrown.code !== 'DRIFT_LIMIT') throw thrown
      const message = `a join keeps the rows of its right side, ${this.#name}, and they need more memory than the query has; put the smaller table there, ask it for less, or allow more`
      throw new DriftError('LIMIT', message, { ...thrown.details, table: this.#name }, thrown)
    }
  }
}

/** A text that is equal for equal keys; undefined where a part of it is NULL. */
function keysOf(batch: Batch, keys: readonly Evaluator[], execution: Execution): (string | undefined)[] {
  const vectors = keys.map((key) => key.vector(batch, execution))
  const found = new Array<string | undefined>(batch.rowCount)
  for (let row = 0; row < batch.rowCount; row++) {
    let key: string | undefined = ''
    for (const { values, nulls } of vectors) {
      if (nulls[row] === 1) {
        key = undefined
        break
      }
      key += `|${identityOf(values[row])}`
    }
    found[row] = key
  }
  return found
}

/** Rows of the left batch beside rows of the right, gathered until they fill a batch. */
class Pairs {
  readonly #kept: KeptRows
  readonly #plan: JoinPlan
  readonly #widths: JoinWidths
  readonly #execution: Execution
  /** By batch of the right: which of its rows has had a partner. */
  readonly #matched: Uint8Array[]
  #left: Batch = EMPTY_BATCH
  #leftRows: number[] = []
  #rightRows: number[] = []
  /** The row of the left that was last found to have a partner; of this batch. */
  #lastMatched = NONE

  constructor(kept: KeptRows, plan: JoinPlan, widths: JoinWidths, execution: Execution) {
    this.#kept = kept
    this.#plan = plan
    this.#widths = widths
    this.#execution = execution
    this.#matched = kept.batches.map(({ rowCount }) => new Uint8Array(rowCount))
  }

  get isFull(): boolean {
    return this.#leftRows.length >= ROWS
  }

  begin(left: Batch): void {
    this.#left = left
    this.#lastMatched = NONE
  }

  add(leftRow: number, rightRow: number): void {
    this.#leftRows.push(leftRow)
    this.#rightRows.push(rightRow)
  }

  /** Behind the last partner of a row: where none was right, it comes alone. */
  endOfRow(leftRow: number): void {
    this.add(leftRow, NONE)
  }

  /** The pairs that are right, as rows. */
  take(): Batch {
    const [leftRows, rightRows] = this.#right()
    this.#leftRows = []
    this.#rightRows = []
    return leftRows.length === 0 ? EMPTY_BATCH : this.#rows(leftRows, rightRows)
  }

  *unmatched(): Batches {
    this.#left = EMPTY_BATCH
    for (const [index, matched] of this.#matched.entries()) {
      const rows: number[] = []
      for (let row = 0; row < matched.length; row++) if (matched[row] === 0) rows.push(index * ROWS + row)
      yield rows.length === 0
        ? EMPTY_BATCH
        : this.#rows(
            rows.map(() => NONE),
            rows
          )
    }
  }

  #right(): readonly [number[], number[]] {
    const { condition } = this.#plan
    const [lefts, rights] = [this.#leftRows, this.#rightRows]
    const isRight = condition === undefined ? undefined : this.#ask(condition.evaluator, lefts, rights)
    const leftRows: number[] = []
    const rightRows: number[] = []
    for (let pair = 0; pair < lefts.length; pair++) {
      const [left, right] = [lefts[pair] as number, rights[pair] as number]
      if (right === NONE ? this.#lastMatched === left : isRight !== undefined && isRight[pair] === 0) continue
      if (right !== NONE) {
        this.#lastMatched = left
        const matched = this.#matched[Math.floor(right / ROWS)]
        if (matched !== undefined) matched[right % ROWS] = 1
      }
      leftRows.push(left)
      rightRows.push(right)
    }
    return [leftRows, rightRows]
  }

  /** A byte for each pair: the condition is true. Rows that stand alone are not asked: it might refuse their NULLs. */
  #ask(condition: Evaluator, lefts: readonly number[], rights: readonly number[]): Uint8Array {
    const asked = rights.flatMap((right, pair) => (right === NONE ? [] : [pair]))
    const truths = new Uint8Array(lefts.length)
    if (asked.length === 0) return truths
    const batch = this.#rows(
      asked.map((pair) => lefts[pair] as number),
      asked.map((pair) => rights[pair] as number)
    )
    const rows = rowsWhere(condition, batch, this.#execution)
    for (const row of rows ?? asked.keys()) truths[asked[row] as number] = 1
    return truths
  }

  #rows(leftRows: readonly number[], rightRows: readonly number[]): Batch {
    const { left, right, hasDocuments } = this.#widths
    const columns: Vector[] = []
    for (let column = 0; column < left; column++) columns.push(leftColumn(this.#left.columns[column], leftRows))
    for (let column = 0; column < right; column++) columns.push(this.#rightColumn(column, rightRows))
    if (!hasDocuments) return { rowCount: leftRows.length, columns }
    const documents = leftRows.map((row, pair): Document => {
      const partner = rightRows[pair] ?? NONE
      return { ...this.#left.documents?.[row], ...this.#batchOf(partner)?.documents?.[partner % ROWS] }
    })
    return { rowCount: leftRows.length, columns, documents }
  }

  #rightColumn(column: number, rows: readonly number[]): Vector {
    const values = new Array<unknown>(rows.length)
    const nulls = new Uint8Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? NONE
      const vector = this.#batchOf(row)?.columns[column]
      values[index] = vector?.values[row % ROWS] ?? null
      nulls[index] = vector?.nulls[row % ROWS] ?? 1
    }
    return { values, nulls }
  }

  #batchOf(row: number): Batch | undefined {
    return row === NONE ? undefined : this.#kept.batches[Math.floor(row / ROWS)]
  }
}

function leftColumn(column: Vector | undefined, rows: readonly number[]): Vector {
  const values = new Array<unknown>(rows.length)
  const nulls = new Uint8Array(rows.length)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? NONE
    values[index] = row === NONE ? null : (column?.values[row] ?? null)
    nulls[index] = row === NONE ? 1 : (column?.nulls[row] ?? 1)
  }
  return { values, nulls }
}
