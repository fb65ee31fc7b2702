import { type MergeField, type MergeFields } from './merge-fields.js'
import { type HeapDraft } from './page-draft.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView } from './page-view.js'
import { type SourceRows } from './source-rows.js'

/** The shapes of a page that is being written. */
export type DraftShapes = {
  /** By row; undefined: all rows have the first. */
  readonly codes: Uint16Array | undefined
  readonly table: number
  readonly count: number
  /** Where the references of columns' names belong, which are not known before the page is made. */
  readonly columnNames: readonly { readonly word: number; readonly column: number }[]
}

/** Puts the shapes that the rows of a page have into its heap, each once. */
export function addShapes(heap: HeapDraft, selection: Int32Array, rows: SourceRows, fields: MergeFields): DraftShapes {
  const writer = new ShapeWriter(heap)
  let codes: Uint16Array | undefined
  if (fields.isUniform) writer.codeOf(fields.shapes[0]?.[0] as readonly MergeField[])
  else {
    const { pages, starts, pageOfRow } = rows
    codes = new Uint16Array(selection.length)
    const known: (number | undefined)[][] = pages.map(() => [])
    for (let row = 0; row < selection.length; row++) {
      const source = selection[row] as number
      const part = pageOfRow[source] as number
      const page = pages[part] as PageView
      const fromCode = page.u16[page.shapeAt + source - (starts[part] as number)] as number
      const codesOfPage = known[part] as (number | undefined)[]
      codes[row] = codesOfPage[fromCode] ??= writer.codeOf(fields.shapes[part]?.[fromCode] as readonly MergeField[])
    }
  }
  return { codes, ...writer.end() }
}

/** What {@link addShapes} says about a page, into the page. */
export function writeShapes(page: PageView, { codes, table, count, columnNames }: DraftShapes): void {
  if (codes === undefined) page.u16.fill(0, page.shapeAt, page.shapeAt + page.rowCapacity)
  else page.u16.set(codes, page.shapeAt)
  page.setWord(layout.SHAPE_TABLE, table)
  page.setWord(layout.SHAPE_COUNT, count)
  page.setWord(layout.SHAPE_CAPACITY, count)
  // Names of columns are known to the page now; those of other fields were added with their shapes.
  for (const { word, column } of columnNames) page.i32[(page.at + word) / 4] = (page.columns[column] as ColumnView).nameAt - page.at
}

class ShapeWriter {
  readonly #heap: HeapDraft
  readonly #codeByFields = new Map<string, number>()
  /** Of the records, by code. */
  readonly #references: number[] = []
  /** Of names of fields without a column, by field. */
  readonly #names: (number | undefined)[] = []
  readonly #columnNames: { word: number; column: number }[] = []

  constructor(heap: HeapDraft) {
    this.#heap = heap
  }

  codeOf(fields: readonly MergeField[]): number {
    const key = fields.map(({ id }) => id).join()
    let code = this.#codeByFields.get(key)
    if (code === undefined) {
      code = this.#references.length
      this.#codeByFields.set(key, code)
      this.#references.push(this.#add(fields))
    }
    return code
  }

  end(): { table: number; count: number; columnNames: { word: number; column: number }[] } {
    const heap = this.#heap
    const at = heap.reserve(this.#references.length * 4, 4)
    const words = new DataView(heap.bytes.buffer, at)
    this.#references.forEach((reference, index) => words.setInt32(index * 4, reference, true))
    return { table: heap.start + at, count: this.#references.length, columnNames: this.#columnNames }
  }

  #add(fields: readonly MergeField[]): number {
    const heap = this.#heap
    const names = fields.map(({ id, encoded, column }) => (column >= 0 ? 0 : (this.#names[id] ??= heap.add(encoded))))
    const at = heap.reserve(4 + fields.length * layout.SHAPE_FIELD_WORDS * 4, 4)
    const words = new DataView(heap.bytes.buffer, at)
    words.setInt32(0, fields.length, true)
    fields.forEach(({ encoded, column }, position) => {
      const wordAt = 4 + position * 8
      words.setInt32(wordAt, names[position] as number, true)
      words.setInt32(wordAt + 4, (encoded.length << 16) | (column + 1), true)
      if (column >= 0) this.#columnNames.push({ word: heap.start + at + wordAt, column })
    })
    return heap.start + at
  }
}
