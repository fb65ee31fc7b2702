/** Operators over batches. Each pulls from the one below as it is pulled from, and lets go of it when it is left early. */
import { type Document } from '../codec/value.js'
import { type Batch, type BatchColumn } from './batch.js'
import { and, equals, FALSE, TRUE, type Truth } from './equals.js'

/** Columns are named by their index in the batch. */
export type Equality = { readonly column: number; readonly to: { readonly column: number } | { readonly value: unknown } }

/** The rows for which all equalities are true: neither false nor NULL. Batches without such a row are left out. */
export function* filter(batches: Iterable<Batch>, equalities: readonly Equality[]): Generator<Batch, void, void> {
  for (const batch of batches) {
    const rows = rowsWhere(batch, equalities)
    if (rows.length === batch.rowCount) yield batch
    else if (rows.length > 0) yield pick(batch, rows)
  }
}

/** The named columns in this order; a column may be there twice. Documents are kept if asked for. */
export function* project(
  batches: Iterable<Batch>,
  keep: { readonly columns: readonly number[]; readonly documents: 'keep' | 'drop' }
): Generator<Batch, void, void> {
  for (const batch of batches) {
    const columns = keep.columns.map((index) => columnAt(batch, index))
    const { rowCount, documents } = batch
    yield { rowCount, columns, ...(keep.documents === 'keep' && documents !== undefined ? { documents } : {}) }
  }
}

/** The first `rowCount` rows; nothing is pulled after them. */
export function* limit(batches: Iterable<Batch>, rowCount: number): Generator<Batch, void, void> {
  let left = rowCount
  if (left <= 0) return
  for (const batch of batches) {
    if (batch.rowCount >= left) {
      yield batch.rowCount === left
        ? batch
        : pick(
            batch,
            Array.from({ length: left }, (_, row) => row)
          )
      return
    }
    left -= batch.rowCount
    yield batch
  }
}

function rowsWhere(batch: Batch, equalities: readonly Equality[]): number[] {
  const truths = new Uint8Array(batch.rowCount).fill(TRUE)
  for (const { column, to } of equalities) {
    const left = columnAt(batch, column)
    const right = 'column' in to ? columnAt(batch, to.column) : undefined
    const value = 'value' in to ? to.value : undefined
    for (let row = 0; row < batch.rowCount; row++) {
      const truth = truths[row] as Truth
      if (truth === FALSE) continue
      truths[row] = and(truth, equals(left.values[row], right === undefined ? value : right.values[row]))
    }
  }
  const rows: number[] = []
  truths.forEach((truth, row) => {
    if (truth === TRUE) rows.push(row)
  })
  return rows
}

function pick(batch: Batch, rows: readonly number[]): Batch {
  const columns = batch.columns.map((column) => ({
    name: column.name,
    values: rows.map((row) => column.values[row]),
    nulls: Uint8Array.from(rows, (row) => column.nulls[row] ?? 0)
  }))
  const { documents } = batch
  if (documents === undefined) return { rowCount: rows.length, columns }
  return { rowCount: rows.length, columns, documents: rows.map((row) => documents[row] as Document) }
}

function columnAt(batch: Batch, index: number): BatchColumn {
  const column = batch.columns[index]
  if (column === undefined) throw new RangeError(`a batch of ${batch.columns.length} columns has no column ${index}`)
  return column
}
