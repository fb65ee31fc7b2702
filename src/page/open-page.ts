import { type Field, type FieldNames, type FieldOrder } from './field-names.js'
import { DELTA, SHAPE_FIELD_WORDS } from './page-layout.js'
import { type ColumnView, type PageView } from './page-view.js'

/** A page of an open rectangle as apply sees it: it has a number for locations, and its shapes are known as orders of fields. */
export class OpenPage {
  readonly view: PageView
  readonly names: FieldNames
  /** In locations of rows, see `key-table.ts`. */
  readonly number: number
  /** Some row may have no plain value in some column. */
  hasStates: boolean
  /** Some row may have another shape than the first; else none is looked at: it lies in a line of the cache of its own. */
  hasShapes: boolean
  /** Some row may have a rest. */
  hasRests: boolean
  #orders: (FieldOrder | undefined)[] = []
  #columnOf: (number | undefined)[] = []
  #fieldOf: (Field | undefined)[] = []
  #generation: number

  constructor(view: PageView, names: FieldNames, number: number) {
    this.view = view
    this.names = names
    this.number = number
    view.openNumber = number
    this.hasStates = view.kind !== DELTA && view.columns.some(({ statesAt }) => statesAt >= 0)
    this.hasShapes = view.shapeCount > 1
    this.hasRests = hasRests(view)
    this.#generation = names.generation
  }

  /** True if what was kept by fields and orders had to be given up. */
  renew(): boolean {
    if (this.#generation === this.names.generation) return false
    this.#generation = this.names.generation
    this.#orders = []
    this.#columnOf = []
    this.#fieldOf = []
    return true
  }

  orderOf(code: number): FieldOrder {
    return this.#orders[code] ?? this.#readOrder(code)
  }

  setOrder(code: number, order: FieldOrder): void {
    this.#orders[code] = order
    if (code > 0) this.hasShapes = true
  }

  /** Code of a row's shape. */
  codeOf(row: number): number {
    return this.hasShapes ? this.view.shapeCodeOf(row) : 0
  }

  /** Reference of a row's rest; 0: it has none. */
  restOf(row: number): number {
    return this.hasRests ? (this.view.i32[this.view.restAt + row] as number) : 0
  }

  /** Index of the field's column; -1 if it has none. */
  columnOf(field: Field): number {
    if (this.#columnOf.length === 0) for (const { index } of this.view.columns) this.#columnOf[this.fieldOfColumn(index).id] = index
    return this.#columnOf[field.id] ?? -1
  }

  fieldOfColumn(index: number): Field {
    const known = this.#fieldOf[index]
    if (known !== undefined) return known
    const { nameAt, nameBytes } = this.view.columns[index] as ColumnView
    return (this.#fieldOf[index] = this.names.fieldOf(this.view.u8, nameAt, nameAt + nameBytes))
  }

  #readOrder(code: number): FieldOrder {
    const { i32, u8, at } = this.view
    const record = this.view.shapeRecordAt(code)
    let order = this.names.empty
    for (let position = 0; position < (i32[record] as number); position++) {
      const name = at + (i32[record + 1 + position * SHAPE_FIELD_WORDS] as number)
      const bytes = (i32[record + 2 + position * SHAPE_FIELD_WORDS] as number) >>> 16
      order = this.names.with(order, this.names.fieldOf(u8, name, name + bytes))
    }
    return (this.#orders[code] = order)
  }
}

function hasRests({ i32, restAt, rowCount }: PageView): boolean {
  for (let row = 0; row < rowCount; row++) if (i32[restAt + row] !== 0) return true
  return false
}
