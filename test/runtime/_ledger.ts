/** A table of accounts that is written to while it is read, and what count and sums are at each seq. */
import { encodeDocument } from '../../src/codec/document-codec.js'
import { encodeKey } from '../../src/codec/key-codec.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { realIo } from '../../src/io/real-io.js'
import { compileKernels, wasmKernels } from '../../src/kernel/wasm-kernels.js'
import { Arena } from '../../src/memory/arena.js'
import { type PageEvent } from '../../src/page/page-event.js'
import { TablePages } from '../../src/page/table-pages.js'
import { type AggregateFragment, type RowsFragment } from '../../src/scan/fragment.js'
import { finishPartials } from '../../src/scan/finish-partials.js'
import { groupRows } from '../scan/_groups.js'
import { type PartialAggregates } from '../../src/scan/aggregate-query.js'
import { ScanMemory } from '../../src/scan/scan-memory.js'
import { DirectoryPages, ScanTable } from '../../src/scan/scan-table.js'
import { numbers } from '../page/_workload.js'

export const kernels = compileKernels(realIo)
const cities = ['Bern', 'Kiel', 'Lyon', 'Oslo', 'Rome'] as const

export type Expected = { readonly rows: number; readonly sum: number; readonly byCity: readonly (readonly [rows: number, sum: number])[] }

export class Ledger {
  readonly arena: Arena
  readonly pages: TablePages
  readonly scan: ScanTable
  readonly #memory: ScanMemory
  readonly #random = numbers(3)
  /** By ordinal: city and amount of the live rows. */
  readonly #live = new Map<number, { city: number; amount: number }>()
  readonly #expected: Expected[] = []
  #rows: number[] = cities.map(() => 0)
  #sums: number[] = cities.map(() => 0)
  seq = 0

  constructor({ bytes = 192 * 1024 * 1024, pageRows = 1024 } = {}) {
    this.arena = Arena.create({ bytes, memoryBytesMax: bytes / 2 })
    this.#memory = new ScanMemory(this.arena, (memory) => wasmKernels(kernels, memory))
    this.pages = new TablePages({ arena: this.arena, table: 16, primaryKey: 'id', pageRows })
    this.scan = new ScanTable({ arena: this.arena, keys: this.pages.keys, memory: this.#memory })
    this.#note()
  }

  /** What scans in this thread work with. */
  get workingBytes(): number {
    return this.#memory.all.reduce((sum, { address }) => sum + this.arena.bytesOf(address), 0)
  }

  /** Random events: half of them patches once there are rows. */
  write(events: number): void {
    for (let event = 0; event < events; event++) {
      const ordinal = Math.floor(this.#random() * (this.#live.size * 1.5 + 10))
      const row = this.#live.get(ordinal)
      if (row === undefined) this.#insert(ordinal)
      else if (this.#random() < 0.1) this.#delete(ordinal)
      else this.#patch(ordinal, row)
    }
  }

  /** Inserts only, in key order. */
  fill(rows: number): void {
    const first = this.#live.size
    for (let row = 0; row < rows; row++) this.#insert(first + row)
  }

  expectedAt(S: number): Expected {
    return this.#expected[S] as Expected
  }

  pagesAt(S: number): DirectoryPages {
    return new DirectoryPages(this.scan, this.pages.directory, S)
  }

  #insert(ordinal: number): void {
    const row = { city: Math.floor(this.#random() * cities.length), amount: Math.floor(this.#random() * 1000) }
    this.#live.set(ordinal, row)
    this.#apply(EVENT_INSERT, ordinal, { id: keyOf(ordinal), city: cities[row.city], amount: row.amount, share: row.amount / 8 })
    this.#count(row.city, 1, row.amount)
  }

  #patch(ordinal: number, row: { city: number; amount: number }): void {
    this.#count(row.city, -1, -row.amount, 'later')
    row.city = Math.floor(this.#random() * cities.length)
    row.amount = Math.floor(this.#random() * 1000)
    this.#apply(EVENT_PATCH, ordinal, { city: cities[row.city], amount: row.amount, share: row.amount / 8 })
    this.#count(row.city, 1, row.amount)
  }

  #delete(ordinal: number): void {
    const { city, amount } = this.#live.get(ordinal) as { city: number; amount: number }
    this.#live.delete(ordinal)
    this.#apply(EVENT_SOFT_DELETE, ordinal, {})
    this.#count(city, -1, -amount)
  }

  readonly #event: PageEvent = {
    event: 0,
    seq: 0,
    ordinal: 0,
    key: new Uint8Array(1100),
    keyBytes: 0,
    source: new Uint8Array(0),
    from: 0,
    to: 0,
    frame: -1
  }

  #apply(kind: number, ordinal: number, value: object): void {
    const event = this.#event
    event.event = kind
    event.seq = ++this.seq
    event.ordinal = ordinal
    event.keyBytes = encodeKey(keyOf(ordinal), event.key)
    event.source = encodeDocument(value, 'value')
    event.to = event.source.length
    this.pages.apply(event)
  }

  #count(city: number, rows: number, sum: number, when: 'now' | 'later' = 'now'): void {
    this.#rows[city] = (this.#rows[city] as number) + rows
    this.#sums[city] = (this.#sums[city] as number) + sum
    if (when === 'now') this.#note()
  }

  #note(): void {
    const byCity = cities.map((_, city): readonly [number, number] => [this.#rows[city] as number, this.#sums[city] as number])
    const total = (index: 0 | 1) => byCity.reduce((sum, each) => sum + each[index], 0)
    this.#expected[this.seq] = { rows: total(0), sum: total(1), byCity }
  }
}

export function keyOf(ordinal: number): string {
  return `account-${String(ordinal).padStart(9, '0')}`
}

export const totals: AggregateFragment = {
  kind: 'aggregate',
  query: {
    groupBy: [],
    aggregates: [
      { name: 'count', field: null },
      { name: 'sum', field: 'amount' },
      { name: 'sum', field: 'share' }
    ]
  },
  isBounded: false,
  groupBytesMax: 1e8
}

export const byCity: AggregateFragment = { ...totals, query: { ...totals.query, groupBy: ['city'] } }

export const rowsOf = (query: Partial<RowsFragment['query']> = {}): RowsFragment => ({
  kind: 'rows',
  query: { fields: ['id', 'city', 'amount', 'share'], documents: 'drop', ...query },
  isBounded: false,
  rowsMax: Infinity
})

/** In the form of {@link resultOf}. */
export function expectedOf(fragment: AggregateFragment, { rows, sum, byCity: groups }: Expected): unknown {
  if (fragment.query.groupBy.length === 0) return [[rows, rows === 0 ? null : sum, rows === 0 ? null : sum / 8]]
  return groups.flatMap(([count, amount], city) => (count === 0 ? [] : [[cities[city], count, amount, amount / 8]]))
}

export function resultOf({ query }: AggregateFragment, partials: readonly PartialAggregates[]): unknown {
  const columns = finishPartials(query, partials)
  return columns === undefined ? undefined : groupRows(columns).map(({ keys, values }) => [...keys, ...values])
}
