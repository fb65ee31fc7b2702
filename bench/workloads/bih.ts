import { newMarket, TODAY } from './bih-market.js'
import { bihPopulation } from './bih-population.js'
import { bihTables } from './bih-tables.js'
import { nextTransaction } from './bih-transactions.js'
import type { Change, Commit, Workload } from './workload.js'

const ROWS_PER_COMMIT = 1000
const TRANSACTIONS_PER_DAY = 100

/**
 * BiH-mini: TPC-H at scale 0.01, loaded by commits of 1,000 rows, and then a stream of business transactions, one commit each. Our own
 * benchmark after TPC-BiH (Kaufmann et al., TPCTC 2013), with the time of the system only; its figures compare with no others.
 */
export function bihWorkload(transactions: number): Workload {
  return {
    name: `bih-${transactions}`,
    title: `TPC-H at scale 0.01 and ${transactions.toLocaleString('en-US')} transactions`,
    tables: bihTables,
    commits: () => commits(transactions)
  }
}

function* commits(transactions: number): Generator<Commit, void> {
  const market = newMarket()
  let rows: Change[] = []
  for (const change of bihPopulation(market)) {
    if (rows.push(change) < ROWS_PER_COMMIT) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
  for (let index = 0; index < transactions; index++) {
    yield nextTransaction(market, dayOf(index)).changes
  }
}

/** The day after so many transactions. */
export function dayOf(transactions: number): number {
  return TODAY + Math.floor(transactions / TRANSACTIONS_PER_DAY)
}
