/** What more threads bring to scans of version pages, and what it costs to ask them: in memory, no files. */
import { encodeDocument } from '../../src/codec/document-codec.js'
import { encodeKey } from '../../src/codec/key-codec.js'
import { EVENT_INSERT } from '../../src/format/frame.js'
import { realIo } from '../../src/io/real-io.js'
import { compileKernels, wasmKernels } from '../../src/kernel/wasm-kernels.js'
import { Arena } from '../../src/memory/arena.js'
import { type PageEvent } from '../../src/page/page-event.js'
import { TablePages } from '../../src/page/table-pages.js'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { type AggregateFragment, type FragmentOptions, type RowsFragment } from '../../src/scan/fragment.js'
import { finishPartials } from '../../src/scan/finish-partials.js'
import { ScanMemory } from '../../src/scan/scan-memory.js'
import { DirectoryPages, ScanTable } from '../../src/scan/scan-table.js'
import { events as ROWS, heading, line } from './report.js'

const CITIES = ['Bern', 'Kiel', 'Lyon', 'Oslo', 'Rome', 'Wien', 'Zug', 'Ulm']
const STATES = ['new', 'paid', 'shipped', 'returned']
/** Runs of one kind; the shortest is told. */
const RUNS = 31

const kernels = compileKernels(realIo)
const arena = Arena.create({ bytes: Math.max(256, (ROWS / 1e6) * 160) * 1024 * 1024 })
const memory = new ScanMemory(arena, (one) => wasmKernels(kernels, one))
const pools = [1, 2].map((threads) => QueryPool.onThreads({ arena, kernels: () => kernels, threads }))
const alone = QueryPool.inProcess()
const table = new TablePages({ arena, table: 16, primaryKey: 'id' })

heading(`Query threads: ${ROWS.toLocaleString('en-US')} rows`)
fill()
const scan = new ScanTable({ arena, keys: table.keys, memory })
const pages = new DirectoryPages(scan, table.directory, ROWS)
const tiles = pages.tiles()
line('tiles, page memory', `${tiles.length}, ${Math.round(arena.claimedBytes / 2 ** 20)} MiB`)

const aggregate = (query: Partial<AggregateFragment['query']>): AggregateFragment => ({
  kind: 'aggregate',
  query: { groupBy: [], aggregates: [{ name: 'count', field: null }], ...query },
  isBounded: false,
  groupBytesMax: 1e9
})
const rows = (query: Partial<RowsFragment['query']>): RowsFragment => ({
  kind: 'rows',
  query: { fields: ['id', 'amount', 'city'], documents: 'drop', ...query },
  isBounded: false,
  rowsMax: Infinity
})
const sum = { name: 'sum', field: 'amount' } as const

await roundTrips()
await compared('count', aggregate({}))
await compared('sum of integers', aggregate({ aggregates: [sum] }))
await compared('sum of floats, exact', aggregate({ aggregates: [{ name: 'sum', field: 'price' }] }))
await compared('group by two, sum', aggregate({ groupBy: ['city', 'state'], aggregates: [sum] }))
const where = { kind: 'compare', field: 'amount', operator: '<', value: 10 } as const
await compared('1 % by a condition, sum', aggregate({ where, aggregates: [sum] }))
await streamed('1 % to rows', rows({ where }))
await streamed('1 % to documents', rows({ where, fields: [], documents: 'keep' }))
await streamed('LIKE over texts that differ, to rows', rows({ where: like() }))
await streamed('all rows, 3 fields', rows({}))
await cancelled()

pages.release()
for (const pool of [...pools, alone]) await pool.close()

function like() {
  return { kind: 'like', field: 'note', pattern: '%77%', escape: '\\', ignoreCase: false, negated: false } as const
}

function fill(): void {
  const key = new Uint8Array(1100)
  const event: PageEvent = { event: EVENT_INSERT, seq: 0, ordinal: 0, key, keyBytes: 0, source: key, from: 0, to: 0, frame: -1 }
  for (let row = 0; row < ROWS; row++) {
    const id = `order-${String(row).padStart(9, '0')}`
    const mixed = Math.imul(row, 0x9e3779b1) >>> 8
    const document = {
      id,
      city: CITIES[mixed % CITIES.length],
      state: STATES[(mixed >>> 4) % STATES.length],
      amount: mixed % 1000,
      price: (mixed % 99_991) / 7,
      note: `note number ${mixed}`
    }
    event.seq = row + 1
    event.ordinal = row
    event.keyBytes = encodeKey(id, key)
    event.source = encodeDocument(document, 'order')
    event.to = event.source.length
    table.apply(event)
  }
  for (const _ of table.settle());
}

/** Of a machine that has other work, the shortest says most. */
function shortest(values: readonly number[]): number {
  return Math.min(...values)
}

async function timed(run: () => Promise<unknown>, runs = RUNS): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < runs + 3; index++) {
    const began = performance.now()
    await run()
    if (index >= 3) times.push(performance.now() - began)
  }
  return shortest(times)
}

async function roundTrips(): Promise<void> {
  const nothing = aggregate({ where: { kind: 'constant', value: false } })
  const one = tiles.slice(0, 1)
  for (const pool of pools) {
    const there = await timed(() => pool.run(pages, one, nothing, { here: 'only-there' }), 501)
    line(`round trip of a fragment, ${pools.indexOf(pool) + 1} threads`, `${Math.round(there * 1000)} us`)
  }
  line('the same in the caller', `${Math.round((await timed(() => alone.run(pages, one, nothing), 501)) * 1000)} us`)
}

/** Times in the caller's thread, and how many times faster with threads. */
async function compared(name: string, fragment: AggregateFragment): Promise<void> {
  const answers = new Set<string>()
  const timeOf = (pool: QueryPool, options: FragmentOptions = {}) =>
    timed(async () => answers.add(JSON.stringify(finishPartials(fragment.query, await pool.run(pages, tiles, fragment, options)))))
  const base = await timeOf(alone)
  const found = [`${base.toFixed(2)} ms`]
  for (const pool of pools) {
    for (const here of ['only-there', 'also-here'] as const) found.push((base / (await timeOf(pool, { here }))).toFixed(2))
  }
  if (answers.size !== 1) throw new Error(`${name}: ${answers.size} different answers`)
  say(name, found)
}

async function streamed(name: string, fragment: RowsFragment): Promise<void> {
  const counts = new Set<number>()
  const timeOf = (pool: QueryPool, options: FragmentOptions = {}) =>
    timed(async () => {
      let count = 0
      for await (const batch of pool.stream(pages, tiles, fragment, options)) count += batch.rowCount
      counts.add(count)
    }, 7)
  const base = await timeOf(alone)
  const found = [`${base.toFixed(2)} ms`]
  for (const pool of pools) {
    for (const here of ['only-there', 'also-here'] as const) found.push((base / (await timeOf(pool, { here }))).toFixed(2))
  }
  if (counts.size !== 1) throw new Error(`${name}: ${counts.size} different counts`)
  say(name, found)
}

function say(name: string, [base = '', ...faster]: readonly string[]): void {
  line(name, base, `x with 1 thread ${faster[0]}, + caller ${faster[1]}; 2 threads ${faster[2]}, + caller ${faster[3]}`)
}

/** From the signal to the last morsel that a thread took. */
async function cancelled(): Promise<void> {
  const [, pool] = pools as [QueryPool, QueryPool]
  const many = Array.from({ length: 40 }, () => tiles).flat()
  const times: number[] = []
  for (let run = 0; run < 11; run++) {
    const abort = new AbortController()
    const running = pool.begin(pages, many, aggregate({ groupBy: ['city', 'state'], aggregates: [sum] }), {
      signal: abort.signal,
      here: 'only-there'
    })
    while (running.rowsLooked === 0) await new Promise((resolve) => void setImmediate(resolve))
    const began = performance.now()
    abort.abort()
    while (pool.pinCount > 0) await new Promise((resolve) => void setImmediate(resolve))
    times.push(performance.now() - began)
  }
  line('from the signal until no thread reads, longest of 11', `${Math.max(...times).toFixed(2)} ms`, 'goal <= 50 ms')
}
