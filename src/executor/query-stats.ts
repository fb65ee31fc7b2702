/** What an execution did. */
export type QueryStats = {
  rowsScanned: number
  /** Where a batch is empty because other threads work: when to look again. Who drives the query takes it away and waits for it. */
  until?: Promise<void> | undefined
}
