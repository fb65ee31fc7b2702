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
  }

  /** Index of the field's column; -1 if it has none. */
  columnOf(field: Field): number {
    return this.#columnOf[field.id] ?? (this.#columnOf[field.id] = this.view.columnNamed(field.name)?.index ?? -1)
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
