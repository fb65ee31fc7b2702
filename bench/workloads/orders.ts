import { order } from './order.js'
import { randomNumbers, zipfRanks, type Random } from './random.js'
import type { Change, Commit, TableShape, Workload } from './workload.js'

const PER_COMMIT = 1000
/** Of 1,000 events after the first: what is not an insert or a delete is a patch. */
const INSERTS = 150
const DELETES = 20
const SKEW = 0.9
const statuses = ['pending', 'paid', 'shipped', 'delivered', 'returned']

export const ordersTable: TableShape = {
  name: 'orders',
  key: 'id',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'customer_id', type: 'text' },
    { name: 'status', type: 'text' },
    { name: 'amount_cents', type: 'integer' },
    { name: 'created_at', type: 'integer' },
    { name: 'note', type: 'text' },
    { name: 'region', type: 'text' },
    { name: 'priority', type: 'integer' }
  ],
  indexes: []
}

/**
 * An order desk: a tenth of the events first inserts rows, then 15 % inserts, 83 % patches of status and amount (Zipf: a few orders
 * change all the time) and 2 % soft deletes, 1,000 events a commit. About 175 bytes a document.
 */
export function ordersWorkload(events: number): Workload {
  return {
    name: `orders-${events}`,
    title: `${events.toLocaleString('en-US')} events of an order desk`,
    tables: [ordersTable],
    commits: () => commits(events)
  }
}

function* commits(events: number): Generator<Commit, void> {
  const random = randomNumbers(3)
  const alive: number[] = []
  const first = Math.ceil(events / 10)
  const desk = { random, alive, first, rank: zipfRanks(Math.max(2, Math.floor(events / 4)), SKEW, random), inserted: 0, events: 0 }
  while (desk.events < events) {
    const size = Math.min(PER_COMMIT, events - desk.events)
    const touched = new Set<number>()
    const commit: Change[] = []
    while (commit.length < size) {
      const change = nextChange(desk, touched)
      desk.events++
      commit.push(change)
    }
    yield commit
  }
}

type Desk = {
  readonly random: Random
  readonly rank: () => number
  /** How many orders there are before anything else happens. */
  readonly first: number
  /** Of the orders that are there, in no order. */
  readonly alive: number[]
  inserted: number
  events: number
}

function nextChange(desk: Desk, touched: Set<number>): Change {
  const dice = desk.random(1000)
  const at = desk.events < desk.first || dice < INSERTS ? undefined : untouched(desk, touched)
  if (at === undefined) {
    const index = desk.inserted++
    desk.alive.push(index)
    touched.add(index)
    return { kind: 'insert', table: 'orders', document: order(index) }
  }
  const index = desk.alive[at] ?? 0
  touched.add(index)
  const key = order(index).id
  if (dice < INSERTS + DELETES) {
    desk.alive[at] = desk.alive[desk.alive.length - 1] ?? 0
    desk.alive.pop()
    return { kind: 'delete', table: 'orders', key }
  }
  // Two events within a million have two amounts, so that a patch always changes its row.
  const set = { status: statuses[desk.random(statuses.length)] ?? '', amount_cents: (desk.events * 7919) % 1_000_003 }
  return { kind: 'patch', table: 'orders', key, set }
}

/** A place in `alive`, the hot ones often; undefined if this commit has changed all that it could find. */
function untouched({ alive, rank, first }: Desk, touched: ReadonlySet<number>): number | undefined {
  for (let attempt = 0; attempt < 20 && alive.length > 0; attempt++) {
    const chosen = rank()
    // The hot orders are scattered over the first ones and stay hot.
    const place = (chosen < first ? (chosen * 7919) % first : chosen) % alive.length
    const index = alive[place]
    if (index !== undefined && !touched.has(index)) return place
  }
  return undefined
}
