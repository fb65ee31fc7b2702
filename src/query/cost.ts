/**
 * What ways to the rows of a table cost, in microseconds of one core: the same unit for all, so that they can be compared. The figures are
 * those of a machine of 2024; only how they stand to one another matters.
 */

/** A row by its ordinal out of an index: its version found, its document read. */
const ROW_BY_INDEX_US = 3
/** A range of an index that is looked for. */
const INDEX_RANGE_US = 2
/** A row of version pages that a scan looks at, a condition asked of its columns. */
const PAGE_ROW_US = 0.004
/** Of a scan of pages, before its first row. */
const PAGE_SCAN_US = 60
/** A document that is read and looked at. */
const DOCUMENT_US = 2

export function indexCost(ranges: number, rows: number): number {
  return ranges * INDEX_RANGE_US + rows * ROW_BY_INDEX_US
}

/** Of all rows of a table: by its pages, or by its documents. */
export function scanCost(rows: number, hasPages: boolean): number {
  return hasPages ? PAGE_SCAN_US + rows * PAGE_ROW_US : rows * DOCUMENT_US
}
