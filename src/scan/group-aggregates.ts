/** Aggregates by groups: what a slice adds to them. */
import { type AggregateQuery } from './aggregate-query.js'
import { FieldReader } from './field-reader.js'
import { GroupedRows } from './grouped-rows.js'
import { type GroupTable } from './group-table.js'
import { type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { selectedRows } from './selected-rows.js'

export class GroupAggregates {
  readonly #rows: GroupedRows

  constructor(table: ScanTable, query: AggregateQuery, groups: GroupTable) {
    const readers = query.groupBy.map((field) => new FieldReader(table, field))
    this.#rows = new GroupedRows(readers, query, groups)
  }

  add(slice: PageSlice, mask: number): void {
    this.#rows.add(slice.page, selectedRows(slice, mask))
  }

  finish(): void {}

  release(): void {}
}
