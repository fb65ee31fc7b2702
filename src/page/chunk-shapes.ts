import { type Field, type FieldOrder } from './field-names.js'
import { type ChunkHeap } from './chunk-heap.js'
import { type OpenPage } from './open-page.js'
import * as layout from './page-layout.js'
import { type ColumnView } from './page-view.js'

/** The shapes of a chunk: each order of fields that its rows have is written once, and has a code. */
export class ChunkShapes {
  readonly #page: OpenPage
  readonly #heap: ChunkHeap
  #count: number
  #codes = new Map<FieldOrder, number>()
  #lastOrder: FieldOrder | undefined
  #lastCode = 0
  #nameReferences: (number | undefined)[] = []
  /** By code: columns of fields that the shape does not have. */
  readonly #absent: (number[] | undefined)[] = []

  constructor(page: OpenPage, heap: ChunkHeap) {
    this.#page = page
    this.#heap = heap
    this.#count = page.view.shapeCount
  }

  /** After the names of fields were given up. */
  forget(): void {
    this.#codes = new Map()
    this.#lastOrder = undefined
    this.#nameReferences = []
  }

  /** -1 where the heap has no room for it. */
  codeOf(order: FieldOrder): number {
    if (order === this.#lastOrder) return this.#lastCode
    const code = this.#codes.get(order) ?? this.#add(order)
    if (code >= 0) {
      this.#lastOrder = order
      this.#lastCode = code
    }
    return code
  }

  /** The columns whose fields a shape does not have. */
  absentColumns(code: number): readonly number[] {
    return (this.#absent[code] ??= this.#absentOf(code))
  }

  #absentOf(code: number): number[] {
    const there = new Set(this.#page.orderOf(code).fields.map((field) => this.#page.columnOf(field)))
    return this.#page.view.columns.map(({ index }) => index).filter((index) => !there.has(index))
  }

  #add(order: FieldOrder): number {
    const heap = this.#heap
    const { view } = this.#page
    const { i32 } = view
    const { fields } = order
    const names = fields.map((field) => this.#nameReferenceOf(field))
    const code = this.#count
    if (code > 0xffff) heap.isFull = true
    if (heap.isFull) return this.#refuse()
    let capacity = view.word(layout.SHAPE_CAPACITY)
    if (code === capacity) {
      capacity = Math.max(4, capacity * 2)
      const table = heap.reserve(capacity * 4, 4)
      if (table < 0) return this.#refuse()
      heap.at = table + capacity * 4
      for (let each = 0; each < code; each++) i32[table / 4 + each] = view.shapeRecordAt(each) * 4 - view.at
      view.setWord(layout.SHAPE_TABLE, table - view.at)
      view.setWord(layout.SHAPE_CAPACITY, capacity)
      // The table stays, whatever becomes of the row that asked for it.
      this.#keepHeap()
    }
    const record = heap.reserve(4 + fields.length * layout.SHAPE_FIELD_WORDS * 4, 4)
    if (record < 0) return this.#refuse()
    heap.at = record + 4 + fields.length * layout.SHAPE_FIELD_WORDS * 4
    i32[record / 4] = fields.length
    for (let position = 0; position < fields.length; position++) {
      const field = fields[position] as Field
      i32[record / 4 + 1 + position * 2] = names[position] as number
      i32[record / 4 + 2 + position * 2] = (field.encoded.length << 16) | (this.#page.columnOf(field) + 1)
    }
    i32[(view.at + view.word(layout.SHAPE_TABLE)) / 4 + code] = record - view.at
    this.#count = code + 1
    view.setWord(layout.SHAPE_COUNT, this.#count)
    this.#keepHeap()
    this.#codes.set(order, code)
    this.#page.setOrder(code, order)
    return code
  }

  /** What is kept of a row that may yet be refused is told to readers of the page at once: nobody else will. */
  #keepHeap(): void {
    this.#heap.keep()
    this.#page.view.setWord(layout.HEAP_END, this.#heap.end)
  }

  /** Names that were written for the row go with it. */
  #refuse(): number {
    this.#nameReferences = []
    return -1
  }

  #nameReferenceOf(field: Field): number {
    const known = this.#nameReferences[field.id]
    if (known !== undefined) return known
    const { view } = this.#page
    const column = this.#page.columnOf(field)
    if (column >= 0) {
      const { nameAt } = view.columns[column] as ColumnView
      return (this.#nameReferences[field.id] = nameAt - view.at)
    }
    const at = this.#heap.reserve(field.encoded.length)
    if (at < 0) return 0
    view.u8.set(field.encoded, at)
    this.#heap.at = at + field.encoded.length
    return (this.#nameReferences[field.id] = at - view.at)
  }
}
