/**
 * The merge of open rectangles that were frozen at T: each base and its delta become one sealed page [t0, T + 1), sorted by (key, begin),
 * and the rows that are alive after T become new bases, by parts of the keys. It reads pages and claims new ones, and changes nothing
 * else, so that it can run while apply goes on (in a second delta): an `end` that is set meanwhile lies behind T and says "alive" here;
 * whoever installs the new bases reads the ends again.
 *
 * Column by column: the cells of all sources are loaded into one array, then gathered in the order of each page that is written. Tried
 * in the prototype: row by row costs twice as much.
 */
import { type Arena } from '../memory/arena.js'
import { type KeyTable } from './key-table.js'
import { type ColumnDraft, createPage, HeapDraft, type PageDraft } from './page-draft.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView, textBytes, textFrom } from './page-view.js'
import { RowOrder } from './row-order.js'
import { RestCursor, type RowReader } from './row-reader.js'
import { chooseColumns, MADE_TEXT, type SourceColumn } from './merge-columns.js'

export type MergeInput = {
  readonly t0: number
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly base: PageView | undefined
  readonly chunks: readonly PageView[]
}

export type MergeJob = {
  readonly table: number
  /** Side by side in order of keys. */
  readonly inputs: readonly MergeInput[]
  /** The last seq of the frozen deltas. */
  readonly T: number
  /** How many bases the alive rows become. */
  readonly parts: number
  /** Begins further back than this are clamped. */
  readonly offsetMax: number
}

export type NewBase = {
  readonly page: PageView
  /** For each row where it was copied from. */
  readonly sources: Int32Array
}

export type MergedPages = {
  /** One for each input; undefined where it has no rows. */
  readonly sealed: readonly (PageView | undefined)[]
  readonly bases: readonly NewBase[]
  /** The pages that sources count through, in order: their first row's number. */
  readonly pages: readonly PageView[]
  readonly starts: readonly number[]
  /** The page of each source row, an index of {@link pages}. */
  readonly pageOfRow: Uint16Array
}

/** Reused from merge to merge by one thread. */
export class PageMerger {
  readonly #arena: Arena
  readonly #keys: KeyTable
  readonly #reader: RowReader
  readonly #order = new RowOrder()
  #heapScratch = new Uint8Array(256 * 1024)

  constructor(arena: Arena, keys: KeyTable, reader: RowReader) {
    this.#arena = arena
    this.#keys = keys
    this.#reader = reader
  }

  /** @throws DriftError OVERLOADED where page memory is short; what was claimed is given back. */
  merge(job: MergeJob): MergedPages {
    const { T } = job
    const pages: PageView[] = []
    const starts: number[] = []
    const bounds = [0]
    let total = 0
    for (const { base, chunks } of job.inputs) {
      for (const page of base === undefined ? chunks : [base, ...chunks]) {
        pages.push(page)
        starts.push(total)
        total += page.rowCount
      }
      bounds.push(total)
    }
    const pageOfRow = new Uint16Array(total)
    pages.forEach((page, index) => pageOfRow.fill(index, starts[index], (starts[index] as number) + page.rowCount))
    const order = this.#order.sort(job.inputs, this.#keys, total)
    const rows = new LoadedRows(pages, starts, pageOfRow, T)
    const columns = chooseColumns(pages, starts, total)
    const made: PageView[] = []
    const write = (draft: DraftHead, selection: Int32Array): PageView => {
      const page = this.#write(job, draft, selection, rows, columns)
      made.push(page)
      return page
    }
    try {
      const sealed = job.inputs.map((input, index) => {
        const [from, to] = [bounds[index] as number, bounds[index + 1] as number]
        if (from === to) return undefined
        // Offsets count from where they did: what is visible within the rectangle is never clamped.
        const seqBase = (input.base ?? (input.chunks[0] as PageView)).seqBase
        return write({ kind: layout.SEALED, seqBase, t0: input.t0, t1: T + 1, low: input.low, high: input.high }, order.subarray(from, to))
      })
      const alive = order.filter((row) => rows.isAlive(row))
      const parts = Math.min(job.parts, alive.length)
      const bases: NewBase[] = []
      for (let part = 0; part < parts; part++) {
        const cut = (number: number) => Math.floor((alive.length * number) / parts)
        const sources = alive.slice(cut(part), cut(part + 1))
        const lowOf = (number: number) => rows.keyOf(alive[cut(number)] as number, this.#keys)
        const low = part === 0 ? (job.inputs[0] as MergeInput).low : lowOf(part)
        const high = part === parts - 1 ? job.inputs[job.inputs.length - 1]?.high : lowOf(part + 1)
        bases.push({ page: write({ kind: layout.BASE, seqBase: T + 1, t0: T + 1, t1: Infinity, low, high }, sources), sources })
      }
      return { sealed, bases, pages, starts, pageOfRow }
    } catch (error) {
      for (const { address } of made) this.#arena.release(address)
      throw error
    }
  }

  #write(job: MergeJob, head: DraftHead, selection: Int32Array, rows: LoadedRows, columns: readonly SourceColumn[]): PageView {
    const count = selection.length
    const statesNeeded = columns.map((column) => column.hasStates && selection.some((row) => column.states[row] !== layout.STATE_VALUE))
    const draft: PageDraft = {
      ...head,
      table: job.table,
      rowCapacity: count,
      hasOrigin: selection.some((row) => (rows.begins[row] as number) < head.seqBase - job.offsetMax),
      columns: columns.map((column, index): ColumnDraft => ({
        encodedName: column.encodedName,
        valueClass: column.valueClass,
        encoding: column.encoding,
        hasStates: statesNeeded[index] as boolean,
        dictionary: column.dictionary
      }))
    }
    const heap = new HeapDraft(draft, this.#heapScratch)
    const shapes = this.#addShapes(heap, selection, rows, columns)
    const cells = columns.map((column) => (column.hasHeapTexts ? copyTexts(heap, selection, rows, column) : undefined))
    const rest = this.#addRests(heap, selection, rows, columns)
    const page = createPage(this.#arena, draft, heap)
    this.#heapScratch = heap.bytes
    writeRowColumns(page, selection, rows, job.offsetMax, shapes.codes, rest)
    const { i32 } = page
    columns.forEach((column, index) => {
      const view = page.columns[index] as ColumnView
      if (view.statesAt >= 0)
        for (let row = 0; row < count; row++) page.u8[view.statesAt + row] = column.states[selection[row] as number] as number
      writeValues(page, index, selection, column, cells[index])
    })
    page.setWord(layout.SHAPE_TABLE, shapes.table)
    page.setWord(layout.SHAPE_COUNT, shapes.count)
    page.setWord(layout.SHAPE_CAPACITY, shapes.count)
    // Names of columns are known to the page now; those of other fields were added with their shapes.
    for (const { word, column } of shapes.columnNames) i32[(page.at + word) / 4] = (page.columns[column] as ColumnView).nameAt - page.at
    return page
  }

  /** The shapes that the rows have, each once, and for each row its code. */
  #addShapes(heap: HeapDraft, selection: Int32Array, { pages, starts, pageOfRow }: LoadedRows, columns: readonly SourceColumn[]): Shapes {
    const columnByName = new Map(columns.map(({ name }, index) => [name, index]))
    const codeByKey = new Map<string, number>()
    const references: number[] = []
    const known: number[][] = pages.map(() => [])
    const nameReferences = new Map<string, number>()
    const codes = new Uint16Array(selection.length)
    const columnNames: { word: number; column: number }[] = []
    for (let row = 0; row < selection.length; row++) {
      const source = selection[row] as number
      const part = pageOfRow[source] as number
      const page = pages[part] as PageView
      const fromCode = page.u16[page.shapeAt + source - (starts[part] as number)] as number
      let code = (known[part] as number[])[fromCode]
      if (code === undefined) {
        const fields = shapeFields(page, fromCode)
        const key = fields.map(({ encoded }) => Buffer.from(encoded).toString('latin1')).join('')
        code = codeByKey.get(key)
        if (code === undefined) {
          code = references.length
          codeByKey.set(key, code)
          const names = fields.map(({ name, encoded }) => {
            if (columnByName.has(name)) return 0
            let reference = nameReferences.get(name)
            if (reference === undefined) nameReferences.set(name, (reference = heap.add(encoded)))
            return reference
          })
          const at = heap.reserve(4 + fields.length * layout.SHAPE_FIELD_WORDS * 4, 4)
          const words = new DataView(heap.bytes.buffer, at)
          words.setInt32(0, fields.length, true)
          fields.forEach(({ name, encoded }, position) => {
            const column = columnByName.get(name) ?? -1
            const wordAt = 4 + position * 8
            words.setInt32(wordAt, names[position] as number, true)
            words.setInt32(wordAt + 4, (encoded.length << 16) | (column + 1), true)
            if (column >= 0) columnNames.push({ word: heap.start + at + wordAt, column })
          })
          references.push(heap.start + at)
        }
        ;(known[part] as number[])[fromCode] = code
      }
      codes[row] = code
    }
    const at = heap.reserve(references.length * 4, 4)
    const words = new DataView(heap.bytes.buffer, at)
    references.forEach((reference, index) => words.setInt32(index * 4, reference, true))
    return { codes, table: heap.start + at, count: references.length, columnNames }
  }

  /** For each row the reference of its rest, 0 where it has none; undefined where no row has one. */
  #addRests(heap: HeapDraft, selection: Int32Array, rows: LoadedRows, columns: readonly SourceColumn[]): Int32Array | undefined {
    const { pages, starts, pageOfRow } = rows
    const columnByName = new Map(columns.map((column) => [column.name, column]))
    const withRest = columns.filter(({ hasRest }) => hasRest)
    const isCovered = (page: PageView) => everyShape(page, (fields) => fields.every(({ name }) => columnByName.has(name)))
    if (withRest.length === 0 && pages.every(isCovered)) return undefined
    /** By page and code: the columns of the shape's fields. */
    const shapes: ((SourceColumn | undefined)[] | undefined)[][] = pages.map(() => [])
    let references: Int32Array | undefined
    for (let index = 0; index < selection.length; index++) {
      const source = selection[index] as number
      const part = pageOfRow[source] as number
      const page = pages[part] as PageView
      const row = source - (starts[part] as number)
      const code = page.u16[page.shapeAt + row] as number
      const known = shapes[part] as ((SourceColumn | undefined)[] | undefined)[]
      const fields = (known[code] ??= shapeFields(page, code).map(({ name }) => columnByName.get(name)))
      if (!hasOther(fields) && !withRest.some(({ states }) => states[source] === layout.STATE_REST)) continue
      references ??= new Int32Array(selection.length)
      references[index] = this.#addRest(heap, page, row, source, fields)
    }
    return references
  }

  #addRest(heap: HeapDraft, page: PageView, row: number, source: number, fields: readonly (SourceColumn | undefined)[]): number {
    const start = heap.reserve(2)
    const cursor = new RestCursor(page, row)
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    let count = 0
    for (let position = 0; position < fields.length; position++) {
      const column = fields[position]
      if (column !== undefined && column.states[source] !== layout.STATE_REST) continue
      const from = ((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1
      const bytes = this.#reader.payloadOf(page, row, from, position, cursor)
      const isPlace = bytes === undefined
      const value = bytes ?? cursor.memory.subarray(cursor.valueAt, cursor.valueEnd)
      const at = heap.reserve(2 + value.length)
      const head = isPlace ? position | layout.REST_PLACE : position
      heap.bytes[at] = head & 0xff
      heap.bytes[at + 1] = head >>> 8
      heap.bytes.set(value, at + 2)
      count++
    }
    heap.bytes[start] = count & 0xff
    heap.bytes[start + 1] = count >>> 8
    return heap.start + start
  }
}

type DraftHead = Pick<PageDraft, 'kind' | 'seqBase' | 't0' | 't1' | 'low' | 'high'>

type Shapes = {
  readonly codes: Uint16Array
  readonly table: number
  readonly count: number
  /** Where the references of columns' names belong, which are not known before the page is made. */
  readonly columnNames: readonly { readonly word: number; readonly column: number }[]
}

function everyShape(page: PageView, test: (fields: ReturnType<typeof shapeFields>) => boolean): boolean {
  for (let code = 0; code < page.shapeCount; code++) if (!test(shapeFields(page, code))) return false
  return true
}

function hasOther(fields: readonly (SourceColumn | undefined)[]): boolean {
  for (let position = 0; position < fields.length; position++) if (fields[position] === undefined) return true
  return false
}

/** The fields of a page's shape, in order. */
function shapeFields(page: PageView, code: number): { readonly name: string; readonly encoded: Uint8Array }[] {
  const record = page.shapeRecordAt(code)
  return Array.from({ length: page.i32[record] as number }, (_, position) => {
    const at = page.at + (page.i32[record + 1 + position * 2] as number)
    const encoded = page.u8.slice(at, at + ((page.i32[record + 2 + position * 2] as number) >>> 16))
    return { name: encodedText(encoded), encoded }
  })
}

function encodedText(encoded: Uint8Array): string {
  const head = encoded[0] as number
  return Buffer.from(encoded.buffer, encoded.byteOffset + (head < 0xc0 ? 1 : head === 0xd9 ? 2 : 3)).toString('utf8')
}

/** Begins and ends of all rows, as seqs. */
class LoadedRows {
  readonly pages: readonly PageView[]
  readonly starts: readonly number[]
  readonly pageOfRow: Uint16Array
  readonly begins: Float64Array
  /** Infinity for all that end behind T. */
  readonly ends: Float64Array

  constructor(pages: readonly PageView[], starts: readonly number[], pageOfRow: Uint16Array, T: number) {
    this.pages = pages
    this.starts = starts
    this.pageOfRow = pageOfRow
    this.begins = new Float64Array(pageOfRow.length)
    this.ends = new Float64Array(pageOfRow.length)
    pages.forEach((page, index) => {
      const start = starts[index] as number
      const { i32, beginAt, endAt, rowCount, seqBase, originAt } = page
      for (let row = 0; row < rowCount; row++) {
        this.begins[start + row] = originAt < 0 ? seqBase + (i32[beginAt + row] as number) : page.beginOf(row)
        const end = i32[endAt + row] as number
        this.ends[start + row] = end === layout.OPEN_END || seqBase + end > T ? Infinity : seqBase + end
      }
    })
  }

  isAlive(row: number): boolean {
    return this.ends[row] === Infinity
  }

  keyOf(row: number, keys: KeyTable): Uint8Array {
    const part = this.pageOfRow[row] as number
    return keys.keyOf((this.pages[part] as PageView).ordinalOf(row - (this.starts[part] as number)))
  }
}

function writeRowColumns(
  page: PageView,
  selection: Int32Array,
  rows: LoadedRows,
  offsetMax: number,
  codes: Uint16Array,
  rest: Int32Array | undefined
): void {
  const { i32, u16, beginAt, endAt, ordinalAt, restAt, shapeAt, originAt, seqBase } = page
  const beginsMin = seqBase - offsetMax
  const { begins, ends, pages, starts, pageOfRow } = rows
  const count = selection.length
  let beginMin = layout.OPEN_END
  let beginMax = layout.CLAMPED_BEGIN
  let endMin = layout.OPEN_END
  let endMax = layout.CLAMPED_BEGIN
  let alive = 0
  for (let row = 0; row < count; row++) {
    const source = selection[row] as number
    const seq = begins[source] as number
    const begin = seq < beginsMin ? layout.CLAMPED_BEGIN : seq - seqBase
    const end = ends[source] === Infinity ? layout.OPEN_END : (ends[source] as number) - seqBase
    i32[beginAt + row] = begin
    i32[endAt + row] = end
    if (begin < beginMin) beginMin = begin
    if (begin > beginMax) beginMax = begin
    if (end < endMin) endMin = end
    if (end > endMax) endMax = end
    if (end === layout.OPEN_END) alive++
    if (originAt >= 0) page.f64[originAt + row] = seq
    const part = pageOfRow[source] as number
    const from = pages[part] as PageView
    i32[ordinalAt + row] = from.i32[from.ordinalAt + source - (starts[part] as number)] as number
    i32[restAt + row] = rest === undefined ? 0 : (rest[row] as number)
  }
  u16.set(codes, shapeAt)
  page.setWord(layout.ROW_COUNT, count)
  page.setWord(layout.ALIVE_COUNT, alive)
  page.setWord(layout.BEGIN_MIN, beginMin)
  page.setWord(layout.BEGIN_MAX, beginMax)
  page.setWord(layout.END_MIN, endMin)
  page.setWord(layout.END_MAX, page.kind === layout.BASE ? layout.OPEN_END : endMax)
}

function writeValues(page: PageView, index: number, selection: Int32Array, column: SourceColumn, cells: Int32Array | undefined): void {
  const view = page.columns[index] as ColumnView
  const { i32, f64 } = page
  let flags = column.hasRest ? layout.HAS_REST : 0
  if (column.valueClass === layout.CLASS_TEXT) {
    if (cells !== undefined) i32.set(cells, view.dataAt)
    else if (view.encoding === layout.ENCODED_U8) gatherBytes(page.u8, view.dataAt, selection, column.cells)
    else gatherShorts(page.u16, view.dataAt, selection, column.cells)
  } else if (view.encoding !== layout.ENCODED_NOT) {
    const { values } = column
    if (view.encoding === layout.ENCODED_F64) gatherFloats(f64, view.dataAt, selection, values)
    else if (view.encoding === layout.ENCODED_I32) gatherWords(i32, view.dataAt, selection, values)
    else gatherBytes(page.u8, view.dataAt, selection, values)
    flags |= writeBounds(page, view, selection, column)
  }
  i32[view.entryAt + layout.FLAGS] = flags
}

// A loop for each width of cells: one that meets several is not compiled well.

function gatherFloats(target: Float64Array, at: number, selection: Int32Array, values: Float64Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function gatherWords(target: Int32Array, at: number, selection: Int32Array, values: Float64Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function gatherShorts(target: Uint16Array, at: number, selection: Int32Array, cells: Int32Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = cells[selection[row] as number] as number
}

function gatherBytes(target: Uint8Array, at: number, selection: Int32Array, cells: Int32Array | Float64Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = cells[selection[row] as number] as number
}

/** The zone map of a column; returns the flags that go with it. */
function writeBounds(page: PageView, view: ColumnView, selection: Int32Array, { values, states, hasStates }: SourceColumn): number {
  let min = Infinity
  let max = -Infinity
  for (let row = 0; row < selection.length; row++) {
    const source = selection[row] as number
    const value = values[source] as number
    if (hasStates && states[source] !== layout.STATE_VALUE) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  page.f64[(view.entryAt + layout.MIN_F64) / 2] = min
  page.f64[(view.entryAt + layout.MAX_F64) / 2] = max
  if (view.encoding !== layout.ENCODED_F64) return layout.HAS_BOUNDS | layout.ALL_INTEGERS
  for (let row = 0; row < selection.length; row++) {
    const source = selection[row] as number
    if (!Number.isInteger(values[source] as number) && states[source] === layout.STATE_VALUE) return layout.HAS_BOUNDS
  }
  return layout.HAS_BOUNDS | layout.ALL_INTEGERS
}

/**
 * The texts of a column that are no dictionary codes, copied into the heap: one copy for a run of rows with the same cell, which is what
 * patches leave of a text that they do not change. Returns the new cells.
 */
function copyTexts(heap: HeapDraft, selection: Int32Array, { pages, pageOfRow }: LoadedRows, column: SourceColumn): Int32Array {
  const { cells: fromCells, states, hasStates, madeTexts } = column
  const cells = new Int32Array(selection.length)
  const copier = new TextCopier(heap)
  for (let row = 0; row < selection.length; row++) {
    const source = selection[row] as number
    const cell = fromCells[source] as number
    if (cell >= 0 && cell < layout.DICTIONARY_CODES_MAX) cells[row] = cell
    else if (hasStates && states[source] !== layout.STATE_VALUE) continue
    else if (cell === MADE_TEXT) cells[row] = copier.copy(madeTexts?.get(source) ?? noBytes, 0)
    else cells[row] = copier.copyCell(pages[pageOfRow[source] as number] as PageView, cell)
  }
  copier.flush()
  return cells
}

/** Texts of neighbours in a base lie one behind the other: such a run is copied at once. */
class TextCopier {
  readonly #heap: HeapDraft
  #memory: Uint8Array = noBytes
  #from = 0
  #to = 0
  #target = 0
  #lastCell = 0
  #lastSiblings: readonly unknown[] | undefined
  #lastReference = 0

  constructor(heap: HeapDraft) {
    this.#heap = heap
  }

  /** Cells of one rectangle that are equal refer to one text. */
  copyCell(page: PageView, cell: number): number {
    if (cell === this.#lastCell && page.siblings === this.#lastSiblings) return this.#lastReference
    const home = page.homeOf(cell)
    this.#lastCell = cell
    this.#lastSiblings = page.siblings
    return (this.#lastReference = this.copy(home.u8, home.at + (cell & layout.OFFSET_MASK)))
  }

  /** The reference that the `[length][bytes]` at `at` will have. */
  copy(memory: Uint8Array, at: number): number {
    const size = textFrom(memory, at) - at + textBytes(memory, at)
    if (memory !== this.#memory || at !== this.#to) {
      this.flush()
      this.#memory = memory
      this.#from = at
      this.#target = this.#heap.length
    }
    this.#to = at + size
    return this.#heap.start + this.#heap.reserve(size)
  }

  flush(): void {
    if (this.#to > this.#from) copyBytes(this.#memory, this.#from, this.#heap.bytes, this.#target, this.#to - this.#from)
    this.#from = this.#to
  }
}

const noBytes = new Uint8Array(0)

/** A loop is faster than a call for the few dozen bytes of most texts. */
function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, bytes: number): void {
  if (bytes > 200) target.set(source.subarray(from, from + bytes), to)
  else for (let index = 0; index < bytes; index++) target[to + index] = source[from + index] as number
}
