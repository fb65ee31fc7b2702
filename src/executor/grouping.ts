/**
 * GROUP BY, also of more groups than fit in memory. Groups are made until there is no more room; from then on rows of these groups are
 * added as ever, and rows of others are put aside in partitions ({@link Partitions}), which are grouped one after the other in the same
 * way. Rows are put aside, not states of groups: a group takes its rows in the order in which they came, so that its aggregates are the
 * same to the last bit, and no aggregate needs a form in a file.
 */
import { EXACT_SUM_BYTES } from '../kernel/exact-sum.js'
import { newAccumulator, type Accumulator, type AggregateColumn } from '../expression/aggregates.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, vectorOf, type Batch, type Vector } from '../expression/batch.js'
import { type Evaluator, type Execution } from '../expression/evaluate.js'
import { ExternalSort } from './external-sort.js'
import { identityOf } from '../codec/value-order.js'
import { LEVELS_MAX, Partitions } from './partitions.js'
import { type QueryMemory } from './query-memory.js'
import { type SortKey } from '../expression/row-order.js'
import { sortedRows } from './sort-rows.js'
import { readRows } from './spilled-rows.js'

type Steps = Generator<Batch, void, void>

type Group = { readonly keys: readonly unknown[]; readonly accumulators: readonly Accumulator[] }

/** Of a group and its accumulators, roughly. */
const GROUP_BYTES = 250

/** What is grouped: the keys as columns, then the operands of those aggregates that have one. */
export function groupedColumns(batch: Batch, keys: readonly Evaluator[], columns: readonly AggregateColumn[], execution: Execution): Batch {
  const vectors = keys.map((key) => key.vector(batch, execution))
  for (const { operand } of columns) if (operand !== null) vectors.push(operand.vector(batch, execution))
  return { rowCount: batch.rowCount, columns: vectors }
}

export class Grouping {
  readonly #keyCount: number
  readonly #columns: readonly AggregateColumn[]
  readonly #memory: QueryMemory
  readonly #level: number
  readonly #groups: Group[] = []
  /** A text alone is its own name; everything else goes by its identity. */
  readonly #byText = new Map<string, Group>()
  readonly #byIdentity = new Map<string, Group>()
  readonly #sumCount: number
  #bytes = 0
  /** What sums of the groups may still take: theirs begin to take it with their first float. */
  #owedBytes = 0
  /** Set where there is no more room. */
  #partitions: Partitions | undefined
  #sort: ExternalSort | undefined

  constructor(keyCount: number, columns: readonly AggregateColumn[], memory: QueryMemory, level = 0) {
    this.#keyCount = keyCount
    this.#columns = columns
    this.#memory = memory
    this.#level = level
    this.#sumCount = columns.filter(({ name }) => name === 'sum' || name === 'avg').length
    if (keyCount === 0) this.#groups.push(this.#newGroup([]))
  }

  /** Rows of {@link groupedColumns}. */
  add(batch: Batch): void {
    const groups = this.#groupsOf(batch)
    let operand = this.#keyCount
    for (let index = 0; index < this.#columns.length; index++) {
      const vector = this.#columns[index]?.operand === null ? undefined : batch.columns[operand++]
      for (let row = 0; row < batch.rowCount; row++) {
        if (vector !== undefined && vector.nulls[row] === 1) continue
        const group = groups === undefined ? this.#groups[0] : groups[row]
        group?.accumulators[index]?.add(vector === undefined ? true : vector.values[row])
      }
    }
  }

  /** One row for each group, in the order of their keys, NULL last: the keys as columns, then the aggregates. */
  *rows(): Steps {
    if (this.#partitions === undefined) {
      const batches: Batch[] = []
      for (let from = 0; from < this.#groups.length; from += BATCH_ROWS_MAX) {
        batches.push(this.#batchOf(this.#groups.slice(from, from + BATCH_ROWS_MAX)))
        yield EMPTY_BATCH
      }
      yield* sortedRows(batches, sortKeys(this.#keyCount), Number.POSITIVE_INFINITY)
      return
    }
    this.#sort = new ExternalSort(sortKeys(this.#keyCount), Number.POSITIVE_INFINITY, this.#memory)
    yield* this.#finishInto(this.#sort)
    yield* this.#sort.rows()
  }

  close(): void {
    this.#free()
    this.#partitions?.close()
    this.#sort?.close()
  }

  /** The groups in memory, then those of each partition. */
  *#finishInto(sort: ExternalSort): Steps {
    for (let from = 0; from < this.#groups.length; from += BATCH_ROWS_MAX) {
      yield* sort.add(this.#batchOf(this.#groups.slice(from, from + BATCH_ROWS_MAX)))
      yield EMPTY_BATCH
    }
    this.#free()
    for (const rows of this.#partitions?.end() ?? []) {
      const part = new Grouping(this.#keyCount, this.#columns, this.#memory, this.#level + 1)
      try {
        for (const batch of readRows(rows, this.#memory)) {
          part.add(batch)
          yield EMPTY_BATCH
        }
        yield* part.#finishInto(sort)
      } finally {
        part.close()
      }
    }
  }

  #batchOf(groups: readonly Group[]): Batch {
    const keys = Array.from({ length: this.#keyCount }, (_, index) => vectorOf(groups.map((group) => group.keys[index])))
    const values = this.#columns.map((_, index) => vectorOf(groups.map((group) => group.accumulators[index]?.result())))
    return { rowCount: groups.length, columns: [...keys, ...values] }
  }

  /** Undefined without keys: there is one group. A row that was put aside has none. */
  #groupsOf(batch: Batch): readonly (Group | undefined)[] | undefined {
    const only = batch.columns[0]
    if (this.#keyCount === 0 || only === undefined) return undefined
    const groups = new Array<Group | undefined>(batch.rowCount)
    for (let row = 0; row < batch.rowCount; row++) {
      const value = only.values[row]
      if (this.#keyCount === 1 && typeof value === 'string') {
        groups[row] = this.#byText.get(value) ?? this.#newOrAside(this.#byText, value, batch, row)
      } else {
        let identity = ''
        for (let index = 0; index < this.#keyCount; index++) identity += `|${identityOf(keyOf(batch, index, row))}`
        groups[row] = this.#byIdentity.get(identity) ?? this.#newOrAside(this.#byIdentity, identity, batch, row)
      }
    }
    return groups
  }

  #newOrAside(known: Map<string, Group>, name: string, batch: Batch, row: number): Group | undefined {
    const bytes = GROUP_BYTES + name.length * 2
    const sumBytes = this.#sumCount * EXACT_SUM_BYTES
    // One group at least: else no partition would ever be done.
    const mayPutAside = this.#groups.length > 0 && this.#level < LEVELS_MAX
    if (this.#partitions === undefined && mayPutAside && this.#memory.isFull(this.#bytes, bytes + sumBytes + this.#owedBytes)) {
      this.#partitions = new Partitions(this.#memory, this.#level)
    }
    if (this.#partitions !== undefined) {
      this.#partitions.add(name, batch, row)
      return undefined
    }
    this.#take(bytes)
    this.#owedBytes += sumBytes
    const group = this.#newGroup(Array.from({ length: this.#keyCount }, (_, index) => keyOf(batch, index, row)))
    known.set(name, group)
    this.#groups.push(group)
    return group
  }

  #newGroup(keys: readonly unknown[]): Group {
    return {
      keys,
      accumulators: this.#columns.map(({ name, distinct }) => newAccumulator(name, distinct, (bytes) => this.#keep(bytes)))
    }
  }

  /** For a sum, or a value of DISTINCT. */
  #keep(bytes: number): void {
    this.#owedBytes = Math.max(0, this.#owedBytes - bytes)
    this.#take(bytes)
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#memory.take(bytes)
  }

  #free(): void {
    this.#groups.length = 0
    this.#byText.clear()
    this.#byIdentity.clear()
    this.#memory.free(this.#bytes)
    this.#bytes = 0
    this.#owedBytes = 0
  }
}

function keyOf({ columns }: Batch, index: number, row: number): unknown {
  const { values, nulls } = columns[index] as Vector
  return nulls[row] === 1 ? null : values[row]
}

function sortKeys(keyCount: number): SortKey[] {
  return Array.from({ length: keyCount }, (_, column) => ({ column, descending: false, nullsFirst: false }))
}
