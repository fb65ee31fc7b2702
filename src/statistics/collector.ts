/**
 * Statistics of the columns of a table, in one pass over its rows: nulls, least and greatest value and the number of different ones of all
 * rows, the rest of a sample. Memory is bounded by the sample, whatever the table has: at most {@link SAMPLE_VALUES_MAX} values that are cut
 * (`short-value.ts`), and 4 KiB of registers a column.
 */
import { compareValues } from '../codec/value-order.js'
import { type Value } from '../codec/value.js'
import { type ColumnStatistics, type TableStatistics } from '../format/statistics-file.js'
import { HyperLogLog } from './hyper-log-log.js'
import { Reservoir } from './reservoir.js'
import { sampleStatistics } from './sample-statistics.js'
import { shortValue } from './short-value.js'
import { hashValue } from './value-hash.js'

export const SAMPLE_ROWS_MAX = 30_000
/** Over all columns: a table with many has a smaller sample. */
const SAMPLE_VALUES_MAX = 600_000

/** Of 1,024 rows at a time: about two milliseconds. */
const COLUMNS_PER_STEP = 8

/** One value a row; null where its null byte is 1. */
export type ColumnValues = { readonly values: readonly unknown[]; readonly nulls: Uint8Array }

type Column = {
  readonly path: ColumnStatistics['path']
  readonly distinct: HyperLogLog
  /** By place in the sample. */
  readonly sample: Value[]
  nulls: number
  min: Value
  max: Value
}

const hash = new Uint32Array(2)

export class StatisticsCollector {
  readonly #columns: readonly Column[]
  readonly #reservoir: Reservoir
  #rows = 0

  /** `random`: from 0 to below 1; the same numbers draw the same sample. */
  constructor(paths: readonly ColumnStatistics['path'][], random: () => number, sampleRowsMax = SAMPLE_ROWS_MAX) {
    this.#columns = paths.map((path) => ({ path, distinct: new HyperLogLog(), sample: [], nulls: 0, min: null, max: null }))
    const slots = Math.min(sampleRowsMax, Math.floor(SAMPLE_VALUES_MAX / Math.max(1, paths.length)))
    this.#reservoir = new Reservoir(Math.max(1, slots), random)
  }

  /** Takes the next rows, with a vector for each path. Yields between some columns. */
  *add(rowCount: number, vectors: readonly ColumnValues[]): Generator<void, void> {
    for (const [index, column] of this.#columns.entries()) {
      const vector = vectors[index]
      if (vector !== undefined) takeAll(column, vector, rowCount)
      if ((index + 1) % COLUMNS_PER_STEP === 0) yield
    }
    this.#reservoir.offer(rowCount, (row, slot) => {
      for (const [index, { sample }] of this.#columns.entries()) {
        const vector = vectors[index]
        sample[slot] = vector === undefined || vector.nulls[row] === 1 ? null : shortValue(vector.values[row] as Value)
      }
    })
    this.#rows += rowCount
  }

  /** Yields between two steps of some milliseconds. */
  *finish(at: { readonly seq: number; readonly events: number }): Generator<void, TableStatistics> {
    const { size: sampledRows, isWhole } = this.#reservoir
    const rows = this.#rows
    const columns: ColumnStatistics[] = []
    for (const { path, distinct, sample, nulls, min, max } of this.#columns) {
      const { distinct: seen, ...ofSample } = yield* sampleStatistics(sample, isWhole)
      const estimate = isWhole ? seen : distinctOf(distinct.estimate(), seen, rows - nulls)
      columns.push({ path, nulls, distinct: estimate, min: shortValue(min), max: shortValue(max), ...ofSample })
      yield
    }
    return { ...at, rows, sampledRows, columns }
  }
}

function takeAll(column: Column, { values, nulls }: ColumnValues, rowCount: number): void {
  const { distinct } = column
  let { min, max } = column
  for (let row = 0; row < rowCount; row++) {
    if (nulls[row] === 1) {
      column.nulls++
      continue
    }
    const value = values[row] as Value
    hashValue(value, hash)
    distinct.add(hash[0] ?? 0, hash[1] ?? 0)
    if (min === null || compareValues(value, min) < 0) min = value
    if (max === null || compareValues(value, max) > 0) max = value
  }
  column.min = min
  column.max = max
}

/** Near enough to one value a row, it is one: the estimate is off by 1.6 %, and twice that is still likely. */
const UNIQUE_FROM = 0.95

function distinctOf(estimate: number, seen: number, notNull: number): number {
  if (estimate >= UNIQUE_FROM * notNull) return notNull
  return Math.min(notNull, Math.max(seen, Math.round(estimate)))
}
