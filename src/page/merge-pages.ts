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
import { MergeColumns } from './merge-columns.js'
import { MergeFields } from './merge-fields.js'
import { MergeRests } from './merge-rests.js'
import { addShapes, writeShapes } from './merge-shapes.js'
import { copyTexts } from './merge-texts.js'
import { writeValues } from './merge-values.js'
import { type ColumnDraft, createPage, HeapDraft, type PageDraft } from './page-draft.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { RowOrder } from './row-order.js'
import { type RowReader } from './row-reader.js'
import { type SourceColumn } from './source-column.js'
import { SourceRows } from './source-rows.js'

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

/** Sealed pages of the same keys, one behind the other in time, that become others: each [times[n], times[n + 1]). */
export type RecutJob = {
  readonly table: number
  readonly pages: readonly PageView[]
  readonly times: readonly number[]
  readonly offsetMax: number
}

/** Reused from merge to merge by one thread. */
export class PageMerger {
  readonly #arena: Arena
  readonly #keys: KeyTable
  readonly #reader: RowReader
  readonly #order = new RowOrder()
  readonly #rows = new SourceRows()
  readonly #columns = new MergeColumns()
  #heapScratch = new Uint8Array(256 * 1024)

  constructor(arena: Arena, keys: KeyTable, reader: RowReader) {
    this.#arena = arena
    this.#keys = keys
    this.#reader = reader
  }

  /** @throws DriftError OVERLOADED where page memory is short; what was claimed is given back. */
  merge(job: MergeJob): MergedPages {
    const { T, inputs } = job
    const rows = this.#rows
    rows.load(inputs, T)
    const order = this.#order.sort(rows.counts, rows.ordinals, rows.total, this.#keys)
    const fields = new MergeFields(rows.pages)
    const columns = this.#columns.choose(rows, fields)
    const made: PageView[] = []
    const write = (draft: DraftHead, selection: Int32Array): PageView => {
      const page = this.#write(job, draft, selection, fields, columns)
      made.push(page)
      return page
    }
    try {
      const sealed = inputs.map((input, index) => {
        const [from, to] = [rows.bounds[index] as number, rows.bounds[index + 1] as number]
        if (from === to) return undefined
        // Offsets count from where they did: what is visible within the rectangle is never clamped.
        const seqBase = (input.base ?? (input.chunks[0] as PageView)).seqBase
        return write({ kind: layout.SEALED, seqBase, t0: input.t0, t1: T + 1, low: input.low, high: input.high }, order.subarray(from, to))
      })
      const alive = aliveOf(order, rows.ends)
      const parts = Math.min(job.parts, alive.length)
      const bases: NewBase[] = []
      for (let part = 0; part < parts; part++) {
        const cut = (number: number) => Math.floor((alive.length * number) / parts)
        const sources = alive.slice(cut(part), cut(part + 1))
        const lowOf = (number: number) => rows.keyOf(alive[cut(number)] as number, this.#keys)
        const low = part === 0 ? (inputs[0] as MergeInput).low : lowOf(part)
        const high = part === parts - 1 ? inputs[inputs.length - 1]?.high : lowOf(part + 1)
        bases.push({ page: write({ kind: layout.BASE, seqBase: T + 1, t0: T + 1, t1: Infinity, low, high }, sources), sources })
      }
      return { sealed, bases, pages: rows.pages, starts: rows.starts, pageOfRow: rows.pageOfRow }
    } catch (error) {
      for (const { address } of made) this.#arena.release(address)
      throw error
    }
  }

  /**
   * The pages of the job, one a step; nothing else may be merged here between the steps. Whoever takes them gives them back if need be.
   * @throws DriftError OVERLOADED where page memory is short.
   */
  *recut({ pages, times, ...job }: RecutJob): Generator<PageView, void> {
    const [first, ...others] = pages as [PageView, ...PageView[]]
    const rows = this.#rows
    rows.load([{ base: first, chunks: others }], Infinity)
    // A version that a page outlives begins the rows of its key in the next page too.
    const order = withoutCopies(this.#order.sort(rows.counts, rows.ordinals, rows.total, this.#keys), rows)
    const parts = times.slice(1).map((t1, part) => {
      const t0 = times[part] as number
      return { t0, t1, selection: order.filter((row) => (rows.begins[row] as number) < t1 && (rows.ends[row] as number) >= t0) }
    })
    const fields = new MergeFields(rows.pages)
    const columns = this.#columns.choose(rows, fields, Math.max(...parts.map(({ selection }) => selection.length)))
    for (const { t0, t1, selection } of parts) {
      const head = { kind: layout.SEALED, seqBase: t0, t0, t1, low: first.lowKey, high: first.highKey }
      yield this.#write(job, head, selection, fields, columns)
    }
  }

  #write(
    job: Pick<MergeJob, 'table' | 'offsetMax'>,
    head: DraftHead,
    selection: Int32Array,
    fields: MergeFields,
    columns: readonly SourceColumn[]
  ): PageView {
    const rows = this.#rows
    const draft: PageDraft = {
      ...head,
      table: job.table,
      rowCapacity: selection.length,
      hasOrigin: hasClamped(selection, rows, head.seqBase - job.offsetMax),
      columns: columns.map((column): ColumnDraft => ({
        encodedName: column.encodedName,
        valueClass: column.valueClass,
        encoding: column.encoding,
        hasStates: column.hasStates && hasOthers(selection, column.states),
        dictionary: column.dictionary
      }))
    }
    const heap = new HeapDraft(draft, this.#heapScratch)
    const shapes = addShapes(heap, selection, rows, fields)
    for (const column of columns) if (column.hasHeapTexts) copyTexts(heap, selection, rows, column)
    const rest = new MergeRests(heap, rows, fields, columns, this.#reader).add(selection)
    const page = createPage(this.#arena, draft, heap)
    this.#heapScratch = heap.bytes
    writeVersions(page, selection, rows, job.offsetMax, head.t1)
    if (rest === undefined) page.i32.fill(0, page.restAt, page.restAt + selection.length)
    else page.i32.set(rest, page.restAt)
    writeShapes(page, shapes)
    columns.forEach((column, index) => writeValues(page, index, selection, column))
    return page
  }
}

type DraftHead = Pick<PageDraft, 'kind' | 'seqBase' | 't0' | 't1' | 'low' | 'high'>

function aliveOf(order: Int32Array, ends: Float64Array): Int32Array {
  const alive = new Int32Array(order.length)
  let count = 0
  for (let index = 0; index < order.length; index++) {
    const row = order[index] as number
    alive[count] = row
    if (ends[row] === Infinity) count++
  }
  return alive.subarray(0, count)
}

/** True if some begin lies before `min`. */
function hasClamped(selection: Int32Array, { begins, beginMin }: SourceRows, min: number): boolean {
  if (beginMin >= min) return false
  for (let row = 0; row < selection.length; row++) if ((begins[selection[row] as number] as number) < min) return true
  return false
}

function hasOthers(selection: Int32Array, states: Uint8Array): boolean {
  for (let row = 0; row < selection.length; row++) if (states[selection[row] as number] !== layout.STATE_VALUE) return true
  return false
}

/** Of rows in the order (key, begin) each version once, as the last page has it that has it: there its end is known if it is at all. */
function withoutCopies(order: Int32Array, { ordinals, begins }: SourceRows): Int32Array {
  const kept = new Int32Array(order.length)
  let count = 0
  for (let index = 0; index < order.length; index++) {
    const row = order[index] as number
    const next = order[index + 1] ?? -1
    kept[count] = row
    if (next < 0 || ordinals[next] !== ordinals[row] || begins[next] !== begins[row]) count++
  }
  return kept.subarray(0, count)
}

/** Begin, end and ordinal of each row, and what the header says about them. Who lives up to `t1` or longer has no end here. */
function writeVersions(page: PageView, selection: Int32Array, { begins, ends, ordinals }: SourceRows, offsetMax: number, t1: number): void {
  const { i32, beginAt, endAt, ordinalAt, originAt, seqBase } = page
  const beginsMin = seqBase - offsetMax
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
    const endSeq = ends[source] as number
    const end = endSeq >= t1 ? layout.OPEN_END : endSeq - seqBase
    i32[beginAt + row] = begin
    i32[endAt + row] = end
    i32[ordinalAt + row] = ordinals[source] as number
    if (begin < beginMin) beginMin = begin
    if (begin > beginMax) beginMax = begin
    if (end < endMin) endMin = end
    if (end > endMax) endMax = end
    if (end === layout.OPEN_END) alive++
    if (originAt >= 0) page.f64[originAt + row] = seq
  }
  page.setWord(layout.ROW_COUNT, count)
  page.setWord(layout.ALIVE_COUNT, alive)
  page.setWord(layout.BEGIN_MIN, beginMin)
  page.setWord(layout.BEGIN_MAX, beginMax)
  page.setWord(layout.END_MIN, endMin)
  page.setWord(layout.END_MAX, page.kind === layout.BASE ? layout.OPEN_END : endMax)
}
