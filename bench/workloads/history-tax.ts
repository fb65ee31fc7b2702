import { order } from './order.js'
import { randomNumbers, shuffled } from './random.js'
import type { Commit, Workload } from './workload.js'
import { ordersTable } from './orders.js'

export const TAX_KEYS = 20_000
const PER_COMMIT = 1000
/** About 20 rows a customer. */
const CUSTOMERS = 1000

/**
 * The history tax: 20,000 live rows with `versions` versions each. Each round patches every row once, in another order, 1,000 rows a
 * commit. Whatever gets slower from 1 version to 50 is what history costs.
 */
export function historyTax(versions: number): Workload {
  return {
    name: `tax-${versions}`,
    title: `${TAX_KEYS.toLocaleString('en-US')} rows, ${versions} ${versions === 1 ? 'version' : 'versions'} each`,
    tables: [{ ...ordersTable, indexes: ['customer_id'] }],
    commits: () => commits(versions)
  }
}

function* commits(versions: number): Generator<Commit, void> {
  const random = randomNumbers(5)
  const indexes = Array.from({ length: TAX_KEYS }, (_, index) => index)
  for (let version = 0; version < versions; version++) {
    const round = shuffled(indexes, random)
    for (let from = 0; from < TAX_KEYS; from += PER_COMMIT) {
      yield round.slice(from, from + PER_COMMIT).map((index) => {
        const { id, ...rest } = order(index)
        const change = version * TAX_KEYS + index
        if (version === 0)
          return { kind: 'insert', table: 'orders', document: { id, ...rest, customer_id: `customer-${index % CUSTOMERS}` } }
        const set = { status: `state-${change % 7}`, amount_cents: amountOf(change) }
        return { kind: 'patch', table: 'orders', key: id, set }
      })
    }
  }
}

/** Two events within a million have two amounts. */
function amountOf(event: number): number {
  return (event * 7919) % 1_000_003
}
