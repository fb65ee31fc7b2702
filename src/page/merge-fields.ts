import { assertLaw } from '../base/errors.js'
import * as layout from './page-layout.js'
import { nameAt, type PageView } from './page-view.js'

/** A field that some row of a merge has. */
export class MergeField {
  readonly id: number
  readonly name: string
  /** The name as a msgpack text. */
  readonly encoded: Uint8Array
  /** Rows that have it. */
  rows = 0
  /** Plain values by class. */
  readonly classes: number[] = [0, 0, 0, 0, 0, 0]
  dictionary = 0
  /** Index of its column in the pages that are written; -1: it has none. */
  column = -1

  constructor(id: number, name: string, encoded: Uint8Array) {
    this.id = id
    this.name = name
    this.encoded = encoded
  }
}

/** The shapes of the pages of a merge, their fields the same objects in all of them. */
export class MergeFields {
  readonly all: MergeField[] = []
  /** By page and shape code: the fields in order. */
  readonly shapes: readonly (readonly (readonly MergeField[])[])[]
  /** All rows have the same fields in the same order. */
  readonly isUniform: boolean
  readonly #byName = new Map<string, MergeField>()

  constructor(pages: readonly PageView[]) {
    let last: readonly MergeField[] = []
    this.shapes = pages.map((page) => Array.from({ length: page.shapeCount }, (_, code) => (last = this.#shapeOf(page, code, last))))
    this.isUniform = this.shapes.every((shapes) => shapes.length === 1 && shapes[0] === last)
    pages.forEach((page, index) => countRows(page, this.shapes[index] as readonly (readonly MergeField[])[]))
  }

  /** `guess` itself where the shape is the same: names are compared as bytes, since a text costs more than all of it. */
  #shapeOf(page: PageView, code: number, guess: readonly MergeField[]): readonly MergeField[] {
    const { i32, u8, at } = page
    const record = page.shapeRecordAt(code)
    const count = i32[record] as number
    assertLaw(count <= layout.FIELDS_MAX, 'FMT-8', `shape ${code} of the page at ${page.address} has ${count} fields`)
    let isSame = count === guess.length
    const fields: MergeField[] = []
    for (let position = 0; position < count; position++) {
      const nameFrom = at + (i32[record + 1 + position * layout.SHAPE_FIELD_WORDS] as number)
      const bytes = (i32[record + 2 + position * layout.SHAPE_FIELD_WORDS] as number) >>> 16
      const expected = guess[position]
      if (expected !== undefined && isName(expected.encoded, u8, nameFrom, bytes)) {
        fields.push(expected)
        continue
      }
      isSame = false
      fields.push(this.#fieldOf(u8, nameFrom, bytes))
    }
    return isSame ? guess : fields
  }

  #fieldOf(memory: Uint8Array, at: number, bytes: number): MergeField {
    const name = nameAt(memory, at, bytes)
    let field = this.#byName.get(name)
    if (field === undefined) {
      field = new MergeField(this.all.length, name, memory.slice(at, at + bytes))
      this.#byName.set(name, field)
      this.all.push(field)
    }
    return field
  }
}

function isName(encoded: Uint8Array, memory: Uint8Array, at: number, bytes: number): boolean {
  if (encoded.length !== bytes) return false
  for (let index = 0; index < bytes; index++) if (encoded[index] !== memory[at + index]) return false
  return true
}

function countRows({ u16, shapeAt, rowCount }: PageView, shapes: readonly (readonly MergeField[])[]): void {
  const counts = new Int32Array(shapes.length)
  if (shapes.length === 1) counts[0] = rowCount
  else for (let row = 0; row < rowCount; row++) counts[u16[shapeAt + row] as number] = (counts[u16[shapeAt + row] as number] as number) + 1
  shapes.forEach((fields, code) => {
    for (const field of fields) field.rows += counts[code] as number
  })
}
