/**
 * Operators over batches. Each pulls from the one below as it is pulled from, and lets go of it when it is left early. An operator that
 * works without result for a while yields an empty batch, so that whoever drives the query can look up: at the clock, at a signal.
 */
import { type AggregateColumn } from '../expression/aggregates.js'
import { EMPTY_BATCH, pick, type Batch } from '../expression/batch.js'
import { DistinctRows } from './distinct-rows.js'
import { rowsWhere, type Evaluator, type Execution } from '../expression/evaluate.js'
import { ExternalSort } from './external-sort.js'
import { groupedColumns, Grouping } from './grouping.js'
import { type QueryMemory } from './query-memory.js'
import { type SortKey } from '../expression/row-order.js'

export type Batches = Generator<Batch, void, void>

/** Batches that were pulled already, then the rest. */
export function* followed(begin: readonly Batch[], rest: Batches): Batches {
  try {
    yield* begin
    yield* rest
  } finally {
    rest.return()
  }
}

/** The rows for which the condition is true: neither false nor NULL. */
export function* filter(batches: Iterable<Batch>, condition: Evaluator, execution: Execution): Batches {
  for (const batch of batches) {
    if (batch.rowCount === 0) {
      yield EMPTY_BATCH
      continue
    }
    const rows = rowsWhere(condition, batch, execution)
    yield rows === undefined ? batch : rows.length === 0 ? EMPTY_BATCH : pick(batch, rows)
  }
}

/** One column for each evaluator. */
export function* project(
  batches: Iterable<Batch>,
  columns: readonly Evaluator[],
  documents: 'keep' | 'drop',
  execution: Execution
): Batches {
  for (const batch of batches) {
    if (batch.rowCount === 0) {
      yield EMPTY_BATCH
      continue
    }
    const vectors = columns.map((column) => column.vector(batch, execution))
    const { rowCount, documents: kept } = batch
    yield { rowCount, columns: vectors, ...(documents === 'keep' && kept !== undefined ? { documents: kept } : {}) }
  }
}

/** After `offset` rows the next `count`; nothing is pulled after them. */
export function* slice(batches: Iterable<Batch>, offset: number, count: number): Batches {
  let skip = offset
  let left = count
  if (left <= 0) return
  for (const batch of batches) {
    const from = Math.min(skip, batch.rowCount)
    const to = Math.min(batch.rowCount, from + left)
    skip -= from
    left -= to - from
    if (from === 0 && to === batch.rowCount) yield batch
    else if (from < to)
      yield pick(
        batch,
        Array.from({ length: to - from }, (_, index) => from + index)
      )
    else yield EMPTY_BATCH
    if (left === 0) return
  }
}

/**
 * One row for each group, in the order of the groups' keys: the keys as columns, then the aggregates. Without keys there is one group,
 * also over no rows.
 */
export function* aggregate(
  batches: Iterable<Batch>,
  keys: readonly Evaluator[],
  columns: readonly AggregateColumn[],
  execution: Execution,
  memory: QueryMemory
): Batches {
  const grouping = new Grouping(keys.length, columns, memory)
  try {
    for (const batch of batches) {
      if (batch.rowCount > 0) grouping.add(groupedColumns(batch, keys, columns, execution))
      yield EMPTY_BATCH
    }
    yield* grouping.rows()
  } finally {
    grouping.close()
  }
}

/** Each row once, as it first comes. What makes rows the same: the first `columnCount` columns, and the documents if they are kept. */
export function* distinctRows(batches: Iterable<Batch>, columnCount: number, memory: QueryMemory): Batches {
  const distinct = new DistinctRows(columnCount, memory)
  try {
    for (const batch of batches) yield distinct.add(batch)
    yield* distinct.rest()
  } finally {
    distinct.close()
  }
}

/** Rows that sort alike stay in their order. With `count`, only the first of them are kept and given. */
export function* sort(batches: Iterable<Batch>, keys: readonly SortKey[], count: number, memory: QueryMemory): Batches {
  const sorting = new ExternalSort(keys, count, memory)
  try {
    for (const batch of batches) {
      yield* sorting.add(batch)
      yield EMPTY_BATCH
    }
    yield* sorting.rows()
  } finally {
    sorting.close()
  }
}
