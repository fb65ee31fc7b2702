/** Sorted runs into one, a block of each in memory. Of rows that are alike those of an earlier run come first. */
import { type Document } from '../codec/value.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, type Batch, type Vector } from '../expression/batch.js'
import { type QueryMemory } from './query-memory.js'
import { compareByKey, type SortKey } from '../expression/row-order.js'
import { readRows, type SpilledRows } from './spilled-rows.js'

/** Blocks that are read before whoever drives may look up: a few milliseconds. */
const BLOCKS_PER_BATCH = 2

/** Where a merge stands in one run. */
type Cursor = { readonly run: number; readonly blocks: Generator<Batch, void, void>; batch: Batch; row: number; bytesPerRow: number }

/** The first `count` rows of all. Left early, it lets go of every run. */
export function* mergedRuns(
  runs: readonly SpilledRows[],
  keys: readonly SortKey[],
  count: number,
  memory: QueryMemory
): Generator<Batch, void, void> {
  const sources = runs.map((run) => readRows(run, memory))
  try {
    // A heap: the cursor of the row that is next on top.
    const heap: Cursor[] = []
    const comesFirst = (left: Cursor, right: Cursor): boolean => compareCursors(left, right, keys) < 0
    for (const [run, blocks] of sources.entries()) {
      const cursor: Cursor = { run, blocks, batch: { rowCount: 0, columns: [] }, row: 0, bytesPerRow: 0 }
      if (nextBlock(cursor, runs)) heap.push(cursor)
      yield EMPTY_BATCH
    }
    for (let at = heap.length >> 1; at >= 0; at--) sink(heap, at, comesFirst)
    const bytesMax = memory.blockBytes * 4
    let left = count
    while (heap.length > 0 && left > 0) {
      const rows = new RowsInHand(heap[0] as Cursor)
      const rowsMax = Math.min(left, BATCH_ROWS_MAX)
      let bytes = 0
      let blocks = 0
      // Rows that are read anew take memory of their own, so few large ones are a batch too; and runs like to end their blocks together.
      while (rows.rowCount < rowsMax && bytes < bytesMax && blocks < BLOCKS_PER_BATCH) {
        const top = heap[0]
        if (top === undefined) break
        rows.add(top.batch, top.row)
        bytes += top.bytesPerRow
        if (++top.row >= top.batch.rowCount) {
          blocks++
          if (!nextBlock(top, runs)) {
            const last = heap.pop() as Cursor
            if (heap.length > 0) heap[0] = last
          }
        }
        sink(heap, 0, comesFirst)
      }
      left -= rows.rowCount
      yield rows.batch()
    }
  } finally {
    for (const source of sources) source.return()
  }
}

/** False at the run's end. */
function nextBlock(cursor: Cursor, runs: readonly SpilledRows[]): boolean {
  const next = cursor.blocks.next()
  if (next.done === true) return false
  cursor.batch = next.value
  cursor.row = 0
  cursor.bytesPerRow = (runs[cursor.run]?.blockMemoryBytes ?? 0) / next.value.rowCount
  return true
}

function sink(heap: Cursor[], from: number, comesFirst: (left: Cursor, right: Cursor) => boolean): void {
  const cursor = heap[from]
  if (cursor === undefined) return
  let at = from
  for (;;) {
    let below = at * 2 + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && comesFirst(heap[below + 1] as Cursor, heap[below] as Cursor)) below++
    if (comesFirst(cursor, heap[below] as Cursor)) break
    heap[at] = heap[below] as Cursor
    at = below
  }
  heap[at] = cursor
}

function compareCursors(left: Cursor, right: Cursor, keys: readonly SortKey[]): number {
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as SortKey
    const a = left.batch.columns[key.column]?.values[left.row]
    const b = right.batch.columns[key.column]?.values[right.row]
    const order = compareByKey(a, b, key)
    if (order !== 0) return order
  }
  return left.run - right.run
}

class RowsInHand {
  readonly #columns: { readonly values: unknown[]; readonly nulls: number[] }[]
  readonly #documents: Document[] | undefined
  rowCount = 0

  constructor({ batch }: Cursor) {
    this.#columns = batch.columns.map(() => ({ values: [], nulls: [] }))
    this.#documents = batch.documents === undefined ? undefined : []
  }

  add({ columns, documents }: Batch, row: number): void {
    for (let index = 0; index < this.#columns.length; index++) {
      const from = columns[index] as Vector
      this.#columns[index]?.values.push(from.values[row])
      this.#columns[index]?.nulls.push(from.nulls[row] ?? 0)
    }
    this.#documents?.push(documents?.[row] as Document)
    this.rowCount++
  }

  batch(): Batch {
    const columns = this.#columns.map(({ values, nulls }) => ({ values, nulls: Uint8Array.from(nulls) }))
    return { rowCount: this.rowCount, columns, ...(this.#documents === undefined ? {} : { documents: this.#documents }) }
  }
}
