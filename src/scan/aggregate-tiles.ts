/**
 * Aggregates over the tiles of a table at one seq, with and without groups. A thread does some of the tiles and gives back partial
 * results, which `finish-partials.ts` puts together.
 */
import { type Tile } from '../page/page-directory.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { FieldAggregates, RowCounter } from './field-aggregates.js'
import { FieldReader } from './field-reader.js'
import { GroupAggregates } from './group-aggregates.js'
import { type AggregateStates, CountStates, GroupTable } from './group-table.js'
import { ListedSums } from './listed-sums.js'
import { ALL, NONE } from './mask.js'
import { pageMask, withinKeys } from './page-mask.js'
import { type PageMask, type PageSlice, slicesOf } from './page-slice.js'
import { type ScanTable } from './scan-table.js'

export type AggregateOptions = {
  /** The tiles were asked for with bounds: they may be less than their pages. */
  readonly isBounded?: boolean
  /** Told of bytes that groups take; may throw. */
  readonly keep?: (bytes: number) => void
  /** Instead of those that are visible at S. */
  readonly slices?: (tile: Tile) => readonly PageSlice[]
}

/**
 * Yields after each tile with the number of rows that were looked at: a chance to look up.
 * @throws DriftError INVALID_ARGUMENT for a LIKE pattern that ends in its escape character.
 */
export function* aggregateTiles(
  { table, S }: { readonly table: ScanTable; readonly S: number },
  tiles: Iterable<Tile>,
  query: AggregateQuery,
  { isBounded = false, keep, slices }: AggregateOptions = {}
): Generator<number, PartialAggregates> {
  const groups = new GroupTable(query, keep)
  const where = query.where === undefined ? undefined : pageMask(query.where, table)
  const aggregates = query.groupBy.length === 0 ? new AllAggregates(table, query, groups) : new GroupAggregates(table, query, groups)
  const isAll = where === undefined && !isBounded && slices === undefined
  const listed = isAll && aggregates instanceof AllAggregates ? aggregates.listed(S) : undefined
  const slicesAt = slices ?? ((tile: Tile) => slicesOf(table, S, tile, isBounded))
  try {
    for (const tile of tiles) {
      let rows = 0
      if (listed !== undefined) rows = listed.add(tile)
      else {
        for (const slice of slicesAt(tile)) {
          rows += slice.rows
          slice.scratch.reset()
          const mask = maskOf(slice, where, table)
          if (mask !== NONE) aggregates.add(slice, mask)
        }
      }
      aggregates.endTile()
      tile.letGo?.()
      yield rows
    }
    aggregates.finish()
    return groups.partial()
  } finally {
    aggregates.release()
  }
}

/** The rows of a slice that are asked for. */
export function maskOf(slice: PageSlice, where: PageMask | undefined, table: ScanTable): number {
  const mask = slice.within(where === undefined ? ALL : where.of(slice))
  return slice.keys === undefined ? mask : withinKeys(slice, mask, table)
}

/** All rows are one group. */
class AllAggregates {
  readonly #table: ScanTable
  readonly #rowCounts: CountStates[]
  readonly #fields: FieldAggregates[]

  constructor(table: ScanTable, { aggregates }: AggregateQuery, groups: GroupTable) {
    this.#table = table
    const byField = new Map<string | null, AggregateStates[]>()
    aggregates.forEach(({ field }, index) => {
      byField.set(field, [...(byField.get(field) ?? []), groups.states[index] as AggregateStates])
    })
    this.#rowCounts = (byField.get(null) ?? []).filter((states) => states instanceof CountStates)
    // Who comes first counts the rows of what it lists.
    this.#fields = [...byField]
      .filter(([field]) => field !== null)
      .map(([field, states], index) => {
        return new FieldAggregates(new FieldReader(table, field as string), states, index === 0 ? this.#rowCounts : [])
      })
  }

  /** Of all that is visible at S; undefined where that is not all of one field. */
  listed(S: number): ListedSums | undefined {
    const [field] = this.#fields
    if (field === undefined || this.#fields.length > 1 || !field.isSummed) return undefined
    return new ListedSums(this.#table, S, field, (slice) => this.#addSlice(slice))
  }

  #addSlice(slice: PageSlice): void {
    const counter = new RowCounter(slice, ALL)
    this.#fields[0]?.add(slice, ALL, counter)
    if (this.#rowCounts.length === 0) return
    const { count } = counter
    for (const counts of this.#rowCounts) counts.add(0, count)
  }

  add(slice: PageSlice, mask: number): void {
    let counter: RowCounter | undefined
    let isCounted = false
    for (let index = 0; index < this.#fields.length; index++) {
      const field = this.#fields[index] as FieldAggregates
      if (mask === ALL && field.list(slice)) isCounted ||= index === 0
      else field.add(slice, mask, (counter ??= new RowCounter(slice, mask)))
    }
    if (isCounted || this.#rowCounts.length === 0) return
    const { count } = (counter ??= new RowCounter(slice, mask))
    for (const counts of this.#rowCounts) counts.add(0, count)
  }

  endTile(): void {
    for (const field of this.#fields) field.flush()
  }

  finish(): void {}

  release(): void {
    for (const field of this.#fields) field.release()
  }
}
