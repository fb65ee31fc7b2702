/** What a scan did beside giving rows, as far as its source counts it: for EXPLAIN ANALYZE. */
export type ScanCounters = {
  /** Version pages that were looked into. */
  readonly pagesTouched?: number | undefined
  /** Row versions in them that were tested. */
  readonly rowsTouched?: number | undefined
  /** Of these, visible at the point that is read. */
  readonly rowsVisible?: number | undefined
  /** Entries of indexes that were looked at, to choose one and to read it, whether they were visible or not. */
  readonly entriesTouched?: number | undefined
  /** Until the apply thread had taken what the point sees. */
  readonly waitForApplyMs?: number | undefined
  /** In the order of the workers' numbers. */
  readonly workers?: readonly { readonly rows: number; readonly ms: number }[] | undefined
}
