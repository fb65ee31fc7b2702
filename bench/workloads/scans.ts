import { randomNumbers, type Random } from './random.js'
import type { Change, Commit, Document, TableShape, Workload } from './workload.js'

/** All commits are of one size, so that points with the same number of commits between them have the same number of seqs between them. */
export const SCANS_PER_COMMIT = 1000
const KEYS_MAX = 1_000_000
/** Less has fewer keys than a commit changes. */
const EVENTS_MIN = 10_000
const EVENTS_A_KEY = 5
/** Of 1,000 events after the first half of the keys, as long as keys are missing. */
const INSERTS = 250
/** Of 1,000 events that change a row; the others are patches. */
const DELETES = 10
const UPSERTS = 100
/** A prime past the number of events: each has an amount of its own, so that no change leaves a row as it was. */
export const AMOUNT_BOUND = 10_000_019
const STRIDE = 7919
const FIRST_TIME = 1_735_689_600_000
const NOTE_LENGTH = 20
const statuses = ['pending', 'paid', 'processing', 'shipped', 'delivered', 'cancelled']
const countries = ['AT', 'BE', 'BR', 'CA', 'CH', 'DE', 'DK', 'ES', 'FR', 'IN', 'IT', 'JP', 'NL', 'PL', 'SE', 'US']
const words = 'the order was changed by customer request after a call with support and now waits for stock in region warehouse'.split(' ')

export const salesTable: TableShape = {
  name: 'sales',
  key: 'id',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'status', type: 'text' },
    { name: 'country', type: 'text' },
    { name: 'customer', type: 'integer' },
    { name: 'amount', type: 'integer' },
    { name: 'price', type: 'float' },
    { name: 'note', type: 'text' },
    { name: 'created_at', type: 'integer' }
  ],
  indexes: []
}

/**
 * What an analyst scans: sales, of which half are inserted first, then a quarter of the events insert the others, and the rest change a
 * row, each as likely as the other: patches of status and amount, upserts of the whole document, few deletes. Two texts that repeat, one
 * that hardly ever does.
 * @throws RangeError for a number of events that is not made of whole commits, is too small, or whose amounts would repeat
 */
export function scansWorkload(events: number): Workload {
  if (events % SCANS_PER_COMMIT !== 0 || events < EVENTS_MIN || events > AMOUNT_BOUND)
    throw new RangeError(`scans of ${events} events are not made`)
  const keys = Math.min(KEYS_MAX, events / EVENTS_A_KEY)
  const count = (number: number) => number.toLocaleString('en-US')
  return {
    name: `scans-${events}`,
    title: `${count(events)} events of ${count(keys)} sales`,
    tables: [salesTable],
    commits: () => commits(events, keys)
  }
}

function* commits(events: number, keys: number): Generator<Commit, void> {
  const random = randomNumbers(41)
  const alive: number[] = []
  let inserted = 0
  for (let event = 0; event < events;) {
    const touched = new Set<number>()
    const commit: Change[] = []
    while (commit.length < SCANS_PER_COMMIT) {
      const isInsert = inserted < keys && (inserted < keys / 2 || random(1000) < INSERTS)
      const place = isInsert ? alive.length : random(alive.length)
      const index = isInsert ? inserted++ : (alive[place] ?? 0)
      if (touched.has(index)) continue
      touched.add(index)
      if (isInsert) {
        alive.push(index)
        commit.push({ kind: 'insert', table: 'sales', document: sale(index, event++, random) })
      } else {
        const change = changeOf(index, event++, random)
        if (change.kind === 'delete') {
          alive[place] = alive[alive.length - 1] ?? 0
          alive.pop()
        }
        commit.push(change)
      }
    }
    yield commit
  }
}

function changeOf(index: number, event: number, random: Random): Change {
  const dice = random(1000)
  const key = keyOf(index)
  if (dice < DELETES) return { kind: 'delete', table: 'sales', key }
  if (dice < DELETES + UPSERTS) return { kind: 'upsert', table: 'sales', document: sale(index, event, random) }
  return { kind: 'patch', table: 'sales', key, set: { status: oneOf(statuses, random), amount: amountOf(event) } }
}

function keyOf(index: number): string {
  return `sale-${10_000_000 + index}`
}

function sale(index: number, event: number, random: Random): Document {
  return {
    id: keyOf(index),
    status: oneOf(statuses, random),
    country: oneOf(countries, random),
    customer: random(20_000),
    amount: amountOf(event),
    // Quarters are exact in binary: their sum is the same in any order.
    price: random(40_000) / 4,
    note: noteOf(random),
    created_at: FIRST_TIME + index * 1000
  }
}

function amountOf(event: number): number {
  return (event * STRIDE) % AMOUNT_BOUND
}

function noteOf(random: Random): string {
  const length = NOTE_LENGTH + random(40)
  let text = ''
  while (text.length < length) text += `${oneOf(words, random)} `
  return text.slice(0, length)
}

function oneOf(values: readonly string[], random: Random): string {
  return values[random(values.length)] ?? ''
}
