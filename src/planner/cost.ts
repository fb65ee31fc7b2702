/**
 * What ways to the rows of a table cost, in microseconds of one core: the same unit for all, so that they can be compared. The figures are
 * those of a machine of 2024; only how they stand to one another matters. They are fitted by `npm run bench -- feature plans`.
 */

/** A range of an index that is looked for. */
const INDEX_RANGE_US = 2
/** An entry of a range, gone over. */
const ENTRY_US = 0.03
/** An entry of one lookup that is looked for among those of another. */
const COMBINED_ENTRY_US = 0.06
/** An entry whose values are read out of it. */
const COVERED_ROW_US = 0.6
/** A row by its ordinal: its version found, its document read. */
const ROW_BY_INDEX_US = 3
/** A row of an index that is put in the order of the keys. */
const KEY_ORDER_ROW_US = 1
/** A row of version pages that a scan looks at, a condition asked of its columns. */
const PAGE_ROW_US = 0.006
/** Of a scan of pages, before its first row. */
const PAGE_SCAN_US = 60
/** A row that a scan of pages gives: its values, or its document. */
const PAGE_RESULT_US = 0.6
const PAGE_DOCUMENT_US = 1.3
/** A document that is read and looked at. */
const DOCUMENT_US = 2
/** A row that is sorted, with its share of the comparisons; of the first rows of an order only. */
const SORT_ROW_US = 0.5
const TOP_ROW_US = 0.006
/** A row that is found by its key. */
const ROW_BY_KEY_US = 2
/** A row that is kept for a join, and one that looks for its partners there. */
const HASH_ROW_US = 0.5
const PROBE_ROW_US = 0.4

/** Smaller tables may have no pages. */
export const PAGES_FROM_ROWS = 2000

/** So many entries are gone over. */
export function walkCost(ranges: number, entries: number): number {
  return ranges * INDEX_RANGE_US + entries * ENTRY_US
}

/** So many entries of several lookups are gone over, and their rows put together or compared. */
export function combinedCost(ranges: number, entries: number): number {
  return walkCost(ranges, entries) + entries * COMBINED_ENTRY_US
}

/** Rows that an index finds are read: out of its entries, or as documents. */
export function indexRowsCost(rows: number, isCovered: boolean): number {
  return rows * (isCovered ? COVERED_ROW_US : ROW_BY_INDEX_US)
}

export function keyOrderCost(rows: number): number {
  return rows * KEY_ORDER_ROW_US
}

/**
 * Of a scan that looks at `looked` rows of a table with `live` rows and gives `given` of them, by its pages where it has some, or else by
 * its documents. Rows that are only counted, or aggregated by pages, are not given.
 */
export function scanCost(live: number, looked: number, given: number, hasStar: boolean): number {
  if (live < PAGES_FROM_ROWS) return looked * DOCUMENT_US
  return PAGE_SCAN_US + looked * PAGE_ROW_US + given * (hasStar ? PAGE_DOCUMENT_US : PAGE_RESULT_US)
}

/** Of `rows` rows, all in their order or the first `wanted` of it. */
export function sortCost(rows: number, wanted: number): number {
  return wanted < rows ? rows * TOP_ROW_US + wanted * SORT_ROW_US : rows * SORT_ROW_US
}

export function byKeyCost(rows: number): number {
  return rows * ROW_BY_KEY_US
}

/** Of a join that keeps `kept` rows of the right and lets `probing` rows of the left look for partners among them. */
export function hashCost(kept: number, probing: number): number {
  return kept * HASH_ROW_US + probing * PROBE_ROW_US
}
