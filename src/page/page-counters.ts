/** What the pages of a table cost so far; a snapshot keeps it. */
export type PageCounters = {
  events: number
  /** Rows that merges wrote. */
  rowCopies: number
  merges: number
  sealedPages: number
  sealedRows: number
}
