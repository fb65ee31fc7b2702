/**
 * The names of a table's fields, and the orders in which documents have them. Both are apply's own memory, a help to follow documents
 * along: a page holds its names and shapes itself.
 *
 * An order is a node of a tree: one field more is a child. Each node remembers the child that was asked for last, so that a document
 * with the fields of the one before costs a comparison of bytes a field. Tables whose names are data would make the tree grow without
 * end: past a bound all of it is given up and begun anew, and whoever keeps something by a field or an order looks at `generation`.
 */
import { textHeadBytes } from '../codec/document-shape.js'
import { sameBytes } from '../codec/unaligned.js'
import { CLASS_UNTYPED } from './page-layout.js'
import { type TextDictionary } from './text-dictionary.js'

/** Fields and orders together. */
const NODES_MAX = 65_536
/** Names that are found by their bytes, about. */
const RECENT = 256

export class Field {
  /** Dense within a generation. */
  readonly id: number
  readonly name: string
  /** The name as a msgpack text. */
  readonly encoded: Uint8Array
  /** Class of the last plain value that found no column of its class. */
  classSeen = CLASS_UNTYPED
  /** The bytes of {@link encoded}: a field is compared with a name for every value that comes. */
  readonly #data: DataView
  readonly #bytes: number

  constructor(id: number, name: string, encoded: Uint8Array) {
    this.id = id
    this.name = name
    this.encoded = encoded
    this.#data = new DataView(encoded.buffer, encoded.byteOffset, encoded.length)
    this.#bytes = encoded.length
  }

  /** True if the name is the msgpack text in `source[from, to)`. */
  isName(source: Uint8Array, from: number, to: number): boolean {
    const { encoded } = this
    if (encoded.length !== to - from) return false
    for (let index = 0; index < encoded.length; index++) if (encoded[index] !== source[from + index]) return false
    return true
  }

  /** The offset behind the msgpack text at `at` if it is this name and ends before `to`; else -1. */
  nameEnd(source: DataView, at: number, to: number): number {
    const end = at + this.#bytes
    return end < to && sameBytes(source, at, this.#data, 0, this.#bytes) ? end : -1
  }
}

export class FieldOrder {
  /** Dense within a generation. */
  readonly id: number
  readonly parent: FieldOrder | undefined
  /** The last field. */
  readonly field: Field
  readonly count: number
  /** The child that was asked for last. */
  last: FieldOrder | undefined = undefined
  readonly children = new Map<number, FieldOrder>()
  /** Of a patch with this order: what it was last put upon, and the order that came of it. */
  patched: FieldOrder | undefined = undefined
  patchedTo: FieldOrder | undefined = undefined
  #fields: readonly Field[] | undefined
  #positions: Int16Array | undefined

  constructor(id: number, parent: FieldOrder | undefined, field: Field) {
    this.id = id
    this.parent = parent
    this.field = field
    this.count = parent === undefined ? 0 : parent.count + 1
  }

  get fields(): readonly Field[] {
    if (this.#fields === undefined) {
      this.#fields = this.parent === undefined ? [] : [...this.parent.fields, this.field]
    }
    return this.#fields
  }

  /** Where the field stands; -1 if it does not. */
  positionOf(field: Field): number {
    if (this.#positions === undefined) {
      const positions = new Int16Array(this.fields.reduce((most, { id }) => Math.max(most, id + 1), 0)).fill(-1)
      for (let position = 0; position < this.count; position++) positions[(this.fields[position] as Field).id] = position
      this.#positions = positions
    }
    return field.id < this.#positions.length ? (this.#positions[field.id] as number) : -1
  }
}

export class FieldNames {
  generation = 1
  /** The order of `{}`. */
  empty: FieldOrder
  readonly #dictionaries = new Map<string, TextDictionary>()
  #byName = new Map<string, Field>()
  #recent = new Array<Field | undefined>(RECENT).fill(undefined)
  #orders = 0

  constructor() {
    this.empty = this.#firstOrder()
  }

  /** The field whose name is the msgpack text in `source[from, to)`. */
  fieldOf(source: Uint8Array, from: number, to: number): Field {
    // Every page has the names of its columns: a text is made of those that are new, or were not asked for lately.
    const slot = hashOf(source, from, to) % RECENT
    const recent = this.#recent[slot]
    if (recent?.isName(source, from, to) === true) return recent
    const field = this.#fieldNamed(source, from, to)
    this.#recent[slot] = field
    return field
  }

  #fieldNamed(source: Uint8Array, from: number, to: number): Field {
    const head = textHeadBytes(source, from)
    const name = Buffer.from(source.subarray(from + head, to)).toString('utf8')
    let field = this.#byName.get(name)
    if (field === undefined) {
      field = new Field(this.#byName.size, name, source.slice(from, to))
      this.#byName.set(name, field)
    }
    return field
  }

  named(name: string): Field | undefined {
    return this.#byName.get(name)
  }

  /** `order` with this field behind its own, which it does not have. */
  with(order: FieldOrder, field: Field): FieldOrder {
    let child = order.children.get(field.id)
    if (child === undefined) {
      child = new FieldOrder(++this.#orders, order, field)
      order.children.set(field.id, child)
    }
    return (order.last = child)
  }

  /** The order of a document with this order after a patch with that one. */
  patched(order: FieldOrder, patch: FieldOrder): FieldOrder {
    if (patch.patched === order) return patch.patchedTo as FieldOrder
    let result = order
    for (const field of patch.fields) if (result.positionOf(field) < 0) result = this.with(result, field)
    patch.patched = order
    return (patch.patchedTo = result)
  }

  /** By name, so that it outlives a generation. */
  dictionaryOf(name: string): TextDictionary | undefined {
    return this.#dictionaries.get(name)
  }

  get dictionaries(): ReadonlyMap<string, TextDictionary> {
    return this.#dictionaries
  }

  setDictionary(name: string, dictionary: TextDictionary): void {
    this.#dictionaries.set(name, dictionary)
  }

  /** Between two events: begins anew where too much was collected. */
  settle(): void {
    if (this.#byName.size + this.#orders <= NODES_MAX) return
    this.generation++
    this.#byName = new Map()
    this.#recent.fill(undefined)
    this.#orders = 0
    this.empty = this.#firstOrder()
  }

  #firstOrder(): FieldOrder {
    return new FieldOrder(0, undefined, new Field(-1, '', new Uint8Array(0)))
  }
}

function hashOf(source: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let index = from; index < to; index++) hash = (Math.imul(hash, 31) + (source[index] as number)) & 0x7fff_ffff
  return hash
}
