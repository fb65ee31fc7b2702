/**
 * Operators over batches. Each pulls from the one below as it is pulled from, and lets go of it when it is left early. An operator that
 * works without result for a while yields an empty batch, so that whoever drives the query can look up: at the clock, at a signal.
 */
import { type Document } from '../codec/value.js'
import { type AggregateName } from '../parser/ast.js'
import { newAccumulator, type Accumulator } from './aggregates.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, pick, vectorOf, type Batch, type Vector } from './batch.js'
import { rowsWhere, type Evaluator, type Execution } from './evaluate.js'
import { compareValues, identityOf } from '../codec/value-order.js'
import { bytesOfBatch, type QueryMemory } from './query-memory.js'

export type Batches = Generator<Batch, void, void>

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

export type AggregateColumn = { readonly name: AggregateName; readonly distinct: boolean; readonly operand: Evaluator | null }

type Group = { readonly keys: readonly unknown[]; readonly accumulators: readonly Accumulator[] }

/** Of a group and its accumulators, roughly. */
const GROUP_BYTES = 250

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
  const groups = new Groups(keys.length, columns, memory)
  for (const batch of batches) {
    if (batch.rowCount > 0) groups.add(batch, keys, execution)
    yield EMPTY_BATCH
  }
  const sorted = groups.sorted()
  for (let from = 0; from < sorted.length; from += BATCH_ROWS_MAX) {
    const rows = sorted.slice(from, from + BATCH_ROWS_MAX)
    yield {
      rowCount: rows.length,
      columns: [
        ...keys.map((_, index) => vectorOf(rows.map((group) => group.keys[index]))),
        ...columns.map((_, index) => vectorOf(rows.map((group) => group.accumulators[index]?.result())))
      ]
    }
  }
}

class Groups {
  readonly #columns: readonly AggregateColumn[]
  readonly #memory: QueryMemory
  readonly #groups: Group[] = []
  /** A text alone is its own name; everything else goes by its identity. */
  readonly #byText = new Map<string, Group>()
  readonly #byIdentity = new Map<string, Group>()

  constructor(keyCount: number, columns: readonly AggregateColumn[], memory: QueryMemory) {
    this.#columns = columns
    this.#memory = memory
    if (keyCount === 0) this.#groups.push(this.#newGroup([]))
  }

  add(batch: Batch, keys: readonly Evaluator[], execution: Execution): void {
    const groups = this.#groupsOf(
      batch,
      keys.map((key) => key.vector(batch, execution))
    )
    for (let index = 0; index < this.#columns.length; index++) {
      const { operand } = this.#columns[index] as AggregateColumn
      const vector = operand?.vector(batch, execution)
      for (let row = 0; row < batch.rowCount; row++) {
        if (vector !== undefined && vector.nulls[row] === 1) continue
        const group = groups === undefined ? this.#groups[0] : groups[row]
        group?.accumulators[index]?.add(vector === undefined ? true : vector.values[row])
      }
    }
  }

  /** NULL keys come last. */
  sorted(): readonly Group[] {
    return this.#groups.sort((left, right) => {
      for (let index = 0; index < left.keys.length; index++) {
        const order = compareWithNulls(left.keys[index], right.keys[index], false)
        if (order !== 0) return order
      }
      return 0
    })
  }

  #groupsOf({ rowCount }: Batch, keys: readonly Vector[]): readonly Group[] | undefined {
    const [only] = keys
    if (only === undefined) return undefined
    const groups = new Array<Group>(rowCount)
    for (let row = 0; row < rowCount; row++) {
      const value = only.values[row]
      if (keys.length === 1 && typeof value === 'string') {
        groups[row] = this.#byText.get(value) ?? this.#remember(this.#byText, value, [value])
      } else {
        const values = keys.map((key) => (key.nulls[row] === 1 ? null : key.values[row]))
        const identity = values.map(identityOf).join('|')
        groups[row] = this.#byIdentity.get(identity) ?? this.#remember(this.#byIdentity, identity, values)
      }
    }
    return groups
  }

  #remember(known: Map<string, Group>, name: string, keys: readonly unknown[]): Group {
    this.#memory.take(GROUP_BYTES + name.length * 2)
    const group = this.#newGroup(keys)
    known.set(name, group)
    this.#groups.push(group)
    return group
  }

  #newGroup(keys: readonly unknown[]): Group {
    return {
      keys,
      accumulators: this.#columns.map(({ name, distinct }) => newAccumulator(name, distinct, (bytes) => this.#memory.take(bytes)))
    }
  }
}

/** Each row once, as it first comes. What makes rows the same: the first `columnCount` columns, and the documents if they are kept. */
export function* distinctRows(batches: Iterable<Batch>, columnCount: number, memory: QueryMemory): Batches {
  const seen = new Set<string>()
  for (const batch of batches) {
    const rows: number[] = []
    for (let row = 0; row < batch.rowCount; row++) {
      let identity = batch.documents === undefined ? '' : identityOf(batch.documents[row])
      for (let index = 0; index < columnCount; index++) {
        const column = batch.columns[index]
        identity += `|${identityOf(column?.nulls[row] === 1 ? null : column?.values[row])}`
      }
      if (seen.has(identity)) continue
      memory.take(64 + identity.length)
      seen.add(identity)
      rows.push(row)
    }
    yield rows.length === batch.rowCount ? batch : rows.length === 0 ? EMPTY_BATCH : pick(batch, rows)
  }
}

/** `column` of the batch. */
export type SortKey = { readonly column: number; readonly descending: boolean; readonly nullsFirst: boolean }

/** Rows that sort alike stay in their order. With `count`, only the first of them are kept and given. */
export function* sort(batches: Iterable<Batch>, keys: readonly SortKey[], count: number, memory: QueryMemory): Batches {
  let kept: Batch[] = []
  let rowCount = 0
  let bytes = 0
  for (const batch of batches) {
    if (batch.rowCount > 0) {
      kept.push(batch)
      rowCount += batch.rowCount
      const more = bytesOfBatch(batch)
      bytes += more
      memory.take(more)
      if (rowCount > Math.max(count * 4, 8 * BATCH_ROWS_MAX)) {
        const first: Batch[] = []
        for (const sorted of inOrder(kept, keys, count)) {
          if (sorted.rowCount > 0) first.push(sorted)
          else yield EMPTY_BATCH
        }
        kept = first
        rowCount = kept.reduce((sum, each) => sum + each.rowCount, 0)
        memory.free(bytes)
        bytes = kept.reduce((sum, each) => sum + bytesOfBatch(each), 0)
        memory.take(bytes)
      }
    }
    yield EMPTY_BATCH
  }
  yield* inOrder(kept, keys, count)
}

function* inOrder(batches: readonly Batch[], keys: readonly SortKey[], count: number): Batches {
  // A row's number: its batch's, then its place in it.
  const rows: number[] = []
  for (const [index, { rowCount }] of batches.entries()) for (let row = 0; row < rowCount; row++) rows.push(index * BATCH_ROWS_MAX + row)
  const flat = keys.map(({ column }) => {
    const values: unknown[] = []
    for (const { columns, rowCount } of batches) {
      const { values: from, nulls } = columns[column] as Vector
      for (let row = 0; row < BATCH_ROWS_MAX; row++) values.push(row < rowCount && nulls[row] === 0 ? from[row] : null)
    }
    return values
  })
  const compare = (left: number, right: number): number => {
    for (let index = 0; index < keys.length; index++) {
      const { descending, nullsFirst } = keys[index] as SortKey
      const values = flat[index] as unknown[]
      const a = values[left]
      const b = values[right]
      if (a === null || b === null) {
        const order = compareWithNulls(a, b, nullsFirst)
        if (order !== 0) return order
        continue
      }
      const order = compareValues(a, b)
      if (order !== 0) return descending ? -order : order
    }
    return left - right
  }
  const sorted = yield* mergeSort(rows, compare)
  const end = Math.min(sorted.length, count)
  for (let from = 0; from < end; from += BATCH_ROWS_MAX) yield gather(batches, sorted.slice(from, Math.min(end, from + BATCH_ROWS_MAX)))
}

/** Rows that are sorted, or merged, in one go: a few milliseconds. */
const RUN_ROWS = 8192

/** As Array.sort, in steps: a million rows take seconds, and nobody could stop them. */
function* mergeSort(rows: number[], compare: (left: number, right: number) => number): Generator<Batch, number[]> {
  let from: number[] = []
  for (let at = 0; at < rows.length; at += RUN_ROWS) {
    for (const row of rows.slice(at, at + RUN_ROWS).sort(compare)) from.push(row)
    yield EMPTY_BATCH
  }
  let into = new Array<number>(from.length)
  for (let width = RUN_ROWS; width < from.length; width *= 2) {
    let sinceYield = 0
    for (let begin = 0; begin < from.length; begin += width * 2) {
      const middle = Math.min(begin + width, from.length)
      const end = Math.min(begin + width * 2, from.length)
      let left = begin
      let right = middle
      for (let at = begin; at < end; at++) {
        const takesLeft = right >= end || (left < middle && compare(from[left] as number, from[right] as number) <= 0)
        into[at] = from[takesLeft ? left++ : right++] as number
        if (++sinceYield < RUN_ROWS) continue
        sinceYield = 0
        yield EMPTY_BATCH
      }
    }
    const sorted = into
    into = from
    from = sorted
  }
  return from
}

function gather(batches: readonly Batch[], rows: readonly number[]): Batch {
  const places = rows.map((row) => ({ batch: batches[Math.floor(row / BATCH_ROWS_MAX)] as Batch, row: row % BATCH_ROWS_MAX }))
  const columnCount = batches[0]?.columns.length ?? 0
  const columns = Array.from({ length: columnCount }, (_, column) => {
    const values = places.map(({ batch, row }) => batch.columns[column]?.values[row])
    return { values, nulls: Uint8Array.from(places, ({ batch, row }) => batch.columns[column]?.nulls[row] ?? 0) }
  })
  if (batches[0]?.documents === undefined) return { rowCount: rows.length, columns }
  return { rowCount: rows.length, columns, documents: places.map(({ batch, row }) => batch.documents?.[row] as Document) }
}

function compareWithNulls(left: unknown, right: unknown, nullsFirst: boolean): number {
  const leftNull = left === null || left === undefined
  const rightNull = right === null || right === undefined
  if (leftNull || rightNull) return leftNull === rightNull ? 0 : leftNull === nullsFirst ? -1 : 1
  return compareValues(left, right)
}
