/** A table of pages beside a naive one: every version as a plain document, found by looking through all of them. */
import { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { inspect } from 'node:util'
import { decodeDocument, encodeDocument } from '../../src/codec/document-codec.js'
import { encodeKey } from '../../src/codec/key-codec.js'
import { type Document, type Value } from '../../src/codec/value.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { Arena } from '../../src/memory/arena.js'
import { checkTiling } from '../../src/page/check-tiling.js'
import { PageViews } from '../../src/page/directory-image.js'
import { OpenRows, type OpenRowsHandle, SEALED } from '../../src/page/open-rows.js'
import { type PageEvent } from '../../src/page/page-event.js'
import { tileOf } from '../../src/page/page-directory.js'
import { isHandle, type PagePins } from '../../src/page/page-handle.js'
import { type PageColumn } from './_column-reader.js'
import { PageReader, type PageSource } from './_page-reader.js'
import { type ValuePlace } from '../../src/page/row-reader.js'
import { TablePages, type TablePagesOptions } from '../../src/page/table-pages.js'

export type NaiveVersion = { readonly begin: number; end: number; readonly document: Document }
type Row = { readonly key: Uint8Array; readonly ordinal: number; readonly versions: NaiveVersion[] }

/** Its pages lie in many memories. */
export const smallArena = (slotBytes = 128 * 1024, bytes = 128 * 1024 * 1024) =>
  Arena.create({ bytes, slotBytes, memoryBytesMax: 4 * slotBytes })

export type ModelOptions = Partial<TablePagesOptions> & {
  readonly frames?: 'keep' | 'none'
  /** `all`: events are taken, and there for readers when the directory is asked for. */
  readonly publishing?: 'each' | 'all'
  readonly pins?: PagePins | undefined
}

export class ModelTable {
  pages: TablePages
  reader: PageReader
  readonly rows: Row[] = []
  seq = 0
  events = 0
  readonly #byKey = new Map<string, Row>()
  readonly #payloads: Uint8Array[] = []
  readonly #event: PageEvent
  readonly #keepsFrames: boolean
  readonly #publishing: 'each' | 'all'
  #pins: PagePins | undefined
  /** As another thread has them. */
  #openRows: { readonly handle: OpenRowsHandle; readonly rows: OpenRows } | undefined
  #views: PageViews | undefined

  constructor(options: ModelOptions = {}) {
    const { frames = 'keep', publishing = 'each', pins, ...rest } = options
    this.#publishing = publishing
    this.#keepsFrames = frames === 'keep'
    this.#pins = pins
    this.pages = new TablePages({ arena: smallArena(), table: 16, primaryKey: 'id', pins, ...rest })
    this.reader = this.readerOf(this.pages)
    const none = new Uint8Array(0)
    this.#event = { event: 0, seq: 0, ordinal: 0, key: none, keyBytes: 0, source: none, from: 0, to: 0, frame: -1 }
  }

  readerOf(pages: TablePages, pins: PagePins | undefined = this.#pins): PageReader {
    const source: PageSource = {
      arena: pages.arena,
      get keys() {
        return pages.keys
      },
      get directory() {
        return pages.handleDirectory
      },
      at: (location) => pages.at(location),
      ...(pins === undefined ? {} : { pins })
    }
    return new PageReader(source, (place) => this.read(place))
  }

  /** The table goes on with pages that were made of the same events in another way. */
  goOnWith(pages: TablePages, pins: PagePins | undefined): void {
    this.#pins = pins
    this.pages = pages
    this.#openRows = this.#views = undefined
    this.reader = this.readerOf(pages)
  }

  rowOf(key: unknown): Row {
    const canonical = new Uint8Array(1100)
    const bytes = encodeKey(key, canonical)
    const name = Buffer.from(canonical.subarray(0, bytes)).toString('hex')
    let row = this.#byKey.get(name)
    if (row === undefined) {
      row = { key: canonical.slice(0, bytes), ordinal: this.rows.length, versions: [] }
      this.#byKey.set(name, row)
      this.rows.push(row)
    }
    return row
  }

  documentOf(row: Row): Document | undefined {
    const last = row.versions.at(-1)
    return last?.end === Infinity ? last.document : undefined
  }

  insert(document: Document, seqs = 1): void {
    const row = this.rowOf(document['id'])
    const payload = encodeDocument(document, 'document').slice()
    this.#apply(EVENT_INSERT, row, payload, seqs)
    this.#push(row, decodeDocument(payload))
  }

  /** The change is without the key. */
  patch(row: Row, change: Document, seqs = 1): void {
    const payload = encodeDocument(change, 'patch').slice()
    this.#apply(EVENT_PATCH, row, payload, seqs)
    this.#push(row, Object.assign({}, this.documentOf(row), decodeDocument(payload)))
  }

  delete(row: Row, seqs = 1): void {
    this.#apply(EVENT_SOFT_DELETE, row, new Uint8Array(0), seqs)
    const last = row.versions.at(-1)
    if (last !== undefined) last.end = this.seq
  }

  /** The naive answer. */
  at(row: Row, S: number): Document | undefined {
    return row.versions.find(({ begin, end }) => begin <= S && end > S)?.document
  }

  /** Rows that are visible at S, in key order. */
  visibleAt(S: number): { readonly ordinal: number; readonly key: Uint8Array; readonly document: Document }[] {
    return this.rows
      .map((row) => ({ ordinal: row.ordinal, key: row.key, document: this.at(row, S) }))
      .filter((row): row is { ordinal: number; key: Uint8Array; document: Document } => row.document !== undefined)
      .sort((one, other) => Buffer.compare(one.key, other.key))
  }

  /** Compares everything that pages can be asked at S. */
  check(t: ExecutionContext, S: number, fields: readonly string[] = ['id', 'a', 'b', 'nothing']): void {
    const expected = this.visibleAt(S)
    for (const order of ['key', 'page'] as const) {
      const batches = [...this.reader.scanAt(S, { fields, order, documents: 'keep' })]
      const found = batches.flatMap(({ ordinals, documents = [], columns }) =>
        documents.map((document, index) => ({
          ordinal: ordinals[index] as number,
          document: bytesOf(document),
          cells: columns.map((column) => cellOf(column, index))
        }))
      )
      if (order === 'page') found.sort((one, other) => Buffer.compare(this.#keyOf(one.ordinal), this.#keyOf(other.ordinal)))
      const naive = expected.map(({ ordinal, document }) => ({
        ordinal,
        document: bytesOf(document),
        cells: fields.map((field) => (Object.hasOwn(document, field) ? (document[field] ?? null) : null))
      }))
      if (!same(t, found, naive, `scan at ${S} in ${order} order`)) return
    }
    if (this.reader.countAt(S) !== expected.length) t.fail(`count at ${S}: ${this.reader.countAt(S)}, not ${expected.length}`)
    for (const row of this.rows) {
      const document = this.at(row, S)
      const answers = [this.reader.versionAt(row.ordinal, S), this.reader.versionOfKeyAt(row.key, S)]
      for (const answer of answers) if (!same(t, bytesOf(answer), bytesOf(document), `ordinal ${row.ordinal} at ${S}`)) return
    }
    t.pass()
  }

  checkHistories(t: ExecutionContext): void {
    for (const { ordinal, versions } of this.rows) {
      const found = this.reader.versionsOf(ordinal).map(({ begin, end, document }) => ({ begin, end, document: bytesOf(document) }))
      const naive = versions.map(({ begin, end, document }) => ({ begin, end, document: bytesOf(document) }))
      if (!same(t, found, naive, `history of ordinal ${ordinal}`)) return
    }
    t.pass()
  }

  checkPages(t: ExecutionContext, share: 'share' | 'any-share' = 'share'): void {
    const { keys, handleDirectory: directory, pageRows } = this.pages
    const options = { ...(share === 'share' ? { pageRows } : {}), ...(this.#pins === undefined ? {} : { pins: this.#pins }) }
    const findings = checkTiling({ keys, directory }, options)
    if (findings.length > 0) t.deepEqual(findings, [])
    this.checkNewest(t)
  }

  /** The newest rows as another thread finds them, also with arrays that gave place to longer ones. */
  checkNewest(t: ExecutionContext): void {
    const { pages } = this
    pages.publish()
    const known = this.#openRows
    if (known?.handle !== pages.openRows) {
      for (const row of known === undefined ? [] : this.rows) {
        const bytes = known?.rows.newest(row.ordinal, this.seq)
        const before = bytes === undefined ? undefined : row.versions.find(({ begin }) => begin === known?.rows.seq)
        if (!same(t, decoded(bytes), bytesOf(before?.document), `ordinal ${row.ordinal} by an old handle`)) return
      }
      const views = (this.#views ??= new PageViews(Arena.attach(pages.arena.handle)))
      const rows = new OpenRows(pages.arena, views, pages.openRows, (place) => this.read(place))
      this.#openRows = { handle: pages.openRows, rows }
    }
    const { rows } = this.#openRows as { readonly rows: OpenRows }
    for (const row of this.rows) {
      const document = this.documentOf(row)
      if (document === undefined) continue
      if (!same(t, decoded(rows.newest(row.ordinal, this.seq)), bytesOf(document), `newest of ordinal ${row.ordinal}`)) return
      if (!same(t, rows.seq, row.versions.at(-1)?.begin, `begin of the newest of ordinal ${row.ordinal}`)) return
    }
    for (const row of this.rows) {
      for (const { begin, end } of row.versions) {
        for (const S of [begin - 1, begin, Math.min(end, this.seq)]) {
          if (!same(t, this.#found(rows, row.ordinal, S), bytesOf(this.at(row, S)), `ordinal ${row.ordinal} at ${S}, by itself`)) return
        }
      }
    }
  }

  /** The document of a row as open pages, and sealed ones, say it; what neither can say is said by the model. */
  #found(rows: OpenRows, ordinal: number, S: number): string {
    let bytes = rows.at(ordinal, S)
    if (bytes === SEALED) {
      const tile = tileOf(this.pages.handleDirectory, S, rows.keys.keyOf(ordinal))
      const page = tile?.page
      if (page === undefined || tile?.t1 === Infinity) bytes = null
      else if (!isHandle(page)) bytes = rows.inSealed(page, ordinal, S)
      else if (this.#pins !== undefined) {
        const view = this.#pins.pin(page)
        bytes = rows.inSealed(view, ordinal, S)
        this.#pins.unpin(view)
      }
    }
    if (bytes === undefined || bytes === SEALED) return bytesOf(this.at(this.rows[ordinal] as Row, S))
    return decoded(bytes ?? undefined)
  }

  #keyOf(ordinal: number): Uint8Array {
    return (this.rows[ordinal] as Row).key
  }

  #push({ versions }: Row, document: Document): void {
    const last = versions.at(-1)
    if (last?.end === Infinity) last.end = this.seq
    versions.push({ begin: this.seq, end: Infinity, document })
  }

  #apply(kind: number, row: Row, payload: Uint8Array, seqs: number): void {
    this.seq += seqs
    // Frames lie somewhere inside of a larger buffer.
    const source = new Uint8Array(payload.length + 9)
    source.set(payload, 5)
    const event = this.#event
    event.event = kind
    event.seq = this.seq
    event.ordinal = row.ordinal
    event.key = row.key
    event.keyBytes = row.key.length
    event.source = source
    event.from = 5
    event.to = 5 + payload.length
    event.frame = this.#keepsFrames ? this.#payloads.push(payload) - 1 : -1
    if (this.#publishing === 'each') this.pages.apply(event)
    else this.pages.take(event)
    this.events++
  }

  /** The bytes at a place of {@link PageEvent.frame}. */
  read({ frame, offset, bytes }: ValuePlace): Uint8Array {
    return (this.#payloads[frame] as Uint8Array).subarray(offset, offset + bytes)
  }
}

function decoded(bytes: Uint8Array | undefined): string {
  return bytesOf(bytes === undefined ? undefined : decodeDocument(bytes))
}

/** Field order, classes and all digits are in the bytes. */
export function bytesOf(document: Document | undefined): string {
  return document === undefined ? '-' : Buffer.from(encodeDocument(document, 'document')).toString('hex')
}

export function cellOf({ kind, values, nulls }: PageColumn, index: number): Value {
  if (nulls[index] === 1) return null
  const value = values[index] as Value
  return kind === 'time' ? new Date(value as number) : kind === 'boolean' ? value === 1 : value
}

/** Says the first difference only: thousands of documents beside each other help nobody. */
function same(t: ExecutionContext, found: unknown, expected: unknown, what: string): boolean {
  if (isEqual(found, expected)) return true
  if (!Array.isArray(found) || !Array.isArray(expected)) {
    t.fail(`${what}: ${short(found)}, not ${short(expected)}`)
    return false
  }
  const at = found.findIndex((each, index) => !isEqual(each, expected[index]))
  const index = at < 0 ? found.length : at
  t.fail(`${what}: ${found.length} of ${expected.length}; at ${index} ${short(found[index])}, not ${short(expected[index])}`)
  return false
}

function short(value: unknown): string {
  return inspect(value, { breakLength: Infinity, maxStringLength: 200 }).slice(0, 600)
}

function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (one instanceof Date || other instanceof Date) return one instanceof Date && other instanceof Date && one.getTime() === other.getTime()
  const keys = Object.keys(one)
  if (keys.length !== Object.keys(other).length || Array.isArray(one) !== Array.isArray(other)) return false
  return keys.every((key) => isEqual((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]))
}

// Random rows.

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('paid', 'new', 'shipped', '') },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }).filter((each) => each.isWellFormed()) },
  { weight: 1, arbitrary: fc.integer({ min: 120, max: 300 }).map((length) => 'é'.repeat(length)) },
  { weight: 1, arbitrary: fc.integer({ min: 4000, max: 5000 }).map((length) => 'x'.repeat(length)) }
)

const number = fc.oneof(
  fc.integer({ min: -200, max: 70_000 }),
  fc.integer(),
  fc.constantFrom(0.5, -0.25, 1e300, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 2 ** 60, -(2 ** 63), Number.MAX_SAFE_INTEGER)
)

const time = fc
  .constantFrom(0, 1, -1, 1_700_000_000_000, 1_700_000_000_123, -62_135_596_800_000, 253_402_300_799_999, 8.64e15, -8.64e15)
  .map((ms) => new Date(ms))

const odd: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(2n ** 53n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n),
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom<Value>([], {}, [1, 'a', null, { b: [true] }], { x: { y: 'é' }, 1: null })
)

const anyValue: fc.Arbitrary<Value> = fc.oneof(fc.constant(null), fc.boolean(), number, text, time, odd)

/** Mostly of one class for each name, sometimes anything. */
function mostly(of: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 8, arbitrary: of }, { weight: 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: anyValue })
}

const fields: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  a: mostly(text),
  b: mostly(number),
  c: mostly(fc.boolean()),
  d: mostly(time),
  e: anyValue,
  'größe/€': mostly(text),
  7: mostly(number),
  f: mostly(odd)
}

const rare = fc.tuple(fc.integer({ min: 0, max: 40 }), anyValue)

export const change: fc.Arbitrary<Document> = fc
  .tuple(fc.shuffledSubarray(Object.keys(fields), { minLength: 0 }), fc.record(fields), fc.option(rare, { freq: 6 }))
  .map(([names, values, extra]) => {
    const document: Record<string, Value> = {}
    for (const name of names) document[name] = (values as Record<string, Value>)[name] ?? null
    if (extra !== null) document[`rare${extra[0]}`] = extra[1]
    return document
  })

export const key: fc.Arbitrary<Value> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 30 }).map((number) => `k${number}`) },
  { weight: 3, arbitrary: fc.integer({ min: -5, max: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom<Value>('', 'ключ', true, false, 0.5, 2n ** 60n, 2n ** 60n + 1n, 2 ** 60) }
)
