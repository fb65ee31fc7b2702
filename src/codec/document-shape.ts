/**
 * The shape of a document: the names of its top-level fields in their order, each with the class of its value. Documents of one table
 * have few shapes, so whoever wants to know the fields of every row asks for its shape, which is the same object for all rows that have
 * it, and looks at the fields only of a shape that is new to him.
 *
 * Shapes form a tree: a shape with one field more is a child. Each node remembers the child that was asked for last, so that a row like
 * the one before it costs two comparisons a field (`plain-writer.ts` makes them while it writes the fields anyway); names are compared,
 * never hashed alone. A tree that has grown too large is given up and a new one begun: a shape may then have two numbers, but never two
 * shapes one.
 */
import { DriftError } from '../base/errors.js'
import { skipValue } from './skip-value.js'

/** The classes of values that a type follows from. The names stand on disk (`meta.json`): never change them. */
export const VALUE_CLASSES = ['null', 'bool', 'int', 'long', 'huge', 'float', 'text', 'time', 'bytes', 'array', 'object'] as const
export type ValueClass = (typeof VALUE_CLASSES)[number]

export const CLASS_NULL = 0
export const CLASS_BOOL = 1
/** A whole number that a float64 holds: within +-(2^53-1). */
export const CLASS_INT = 2
/** Any other within -2^63 … 2^63-1. */
export const CLASS_LONG = 3
/** Any other, up to 2^64-1. */
export const CLASS_HUGE = 4
export const CLASS_FLOAT = 5
export const CLASS_TEXT = 6
export const CLASS_TIME = 7
export const CLASS_BYTES = 8
export const CLASS_ARRAY = 9
export const CLASS_OBJECT = 10

/** Nodes of one tree; a document may go over it by its own fields. */
const SHAPES_MAX = 16_384
/** A document with more fields than this has no shape: its fields are looked at one by one. */
const FIELDS_MAX = 1024
/** So many children of a shape are looked through one by one. */
const FEW_CHILDREN = 8

export class Shape {
  /** Never given twice. */
  readonly id: number
  /** The shape without the last field; undefined: the shape of `{}`. */
  readonly parent: Shape | undefined
  /** The last field, and the class of its value. */
  readonly field: string
  readonly valueClass: number
  /** The child that was asked for last. */
  last: Shape | undefined
  readonly #children: Shape[] = []
  /** Made when there are more than a few. */
  #byField: Map<string, Shape[]> | undefined
  /** The last field's name as msgpack writes it: its length stands before it, so none is another's beginning. */
  #name: Uint8Array | undefined

  constructor(parent: Shape | undefined, field: string, valueClass: number) {
    this.id = ++shapes
    this.parent = parent
    this.field = field
    this.valueClass = valueClass
    this.last = undefined
  }

  /** The shape with this field behind the others. */
  with(field: string, valueClass: number): Shape {
    const some = this.#byField === undefined ? this.#children : (this.#byField.get(field) ?? none)
    for (let index = 0; index < some.length; index++) {
      const child = some[index] as Shape
      if (child.field === field && child.valueClass === valueClass) return (this.last = child)
    }
    return this.#add(field, valueClass)
  }

  /** The same for a field whose name is the msgpack text in `source[from, to)`. */
  withBytes(source: Uint8Array, from: number, to: number, valueClass: number): Shape {
    if (this.#byField === undefined) {
      const children = this.#children
      for (let index = 0; index < children.length; index++) {
        const child = children[index] as Shape
        if (child.valueClass === valueClass && child.nameEnd(source, from) === to) return (this.last = child)
      }
    }
    return this.with(textOf(source, from, to), valueClass)
  }

  /** The offset behind the msgpack text at `at` if it is the name of the last field; else -1. */
  nameEnd(source: Uint8Array, at: number): number {
    const name = (this.#name ??= encodeFieldName(this.field))
    for (let index = 0; index < name.length; index++) if (name[index] !== source[at + index]) return -1
    return at + name.length
  }

  /** The fields in their order. */
  fields(): Shape[] {
    if (this.parent === undefined) return []
    const fields = this.parent.fields()
    fields.push(this)
    return fields
  }

  #add(field: string, valueClass: number): Shape {
    const child = new Shape(this, field, valueClass)
    this.#children.push(child)
    if (this.#byField !== undefined) {
      addTo(this.#byField, child)
    } else if (this.#children.length > FEW_CHILDREN) {
      this.#byField = new Map()
      for (const each of this.#children) addTo(this.#byField, each)
    }
    return (this.last = child)
  }
}

const none: Shape[] = []
const utf8 = new TextEncoder()

/** The name as msgpack writes it: its length stands before it, so none is another's beginning. */
export function encodeFieldName(field: string): Uint8Array {
  const text = utf8.encode(field)
  const bytes = text.length
  const head = bytes < 32 ? [0xa0 | bytes] : bytes < 256 ? [0xd9, bytes] : [0xda, bytes >>> 8, bytes & 0xff]
  return Uint8Array.from([...head, ...text])
}

function addTo(byField: Map<string, Shape[]>, child: Shape): void {
  const others = byField.get(child.field)
  if (others === undefined) byField.set(child.field, [child])
  else others.push(child)
}

let shapes = 0
let treeBegan = 0
let root = new Shape(undefined, '', CLASS_OBJECT)

/** The shape of `{}`, from which those of all documents grow. */
export function emptyShape(): Shape {
  if (shapes - treeBegan > SHAPES_MAX) {
    treeBegan = shapes
    root = new Shape(undefined, '', CLASS_OBJECT)
  }
  return root
}

/** The class of the value that this msgpack head begins; a float64 and a 64-bit integer need a second look at their value. */
export const CLASS_OF_HEAD = Uint8Array.from({ length: 256 }, (_, head) => {
  if (head < 0x80 || head >= 0xe0) return CLASS_INT
  if (head < 0x90 || head === 0xde || head === 0xdf) return CLASS_OBJECT
  if (head < 0xa0 || head === 0xdc || head === 0xdd) return CLASS_ARRAY
  if (head < 0xc0 || (head >= 0xd9 && head <= 0xdb)) return CLASS_TEXT
  if (head === 0xc0) return CLASS_NULL
  if (head === 0xc2 || head === 0xc3) return CLASS_BOOL
  if (head >= 0xc4 && head <= 0xc6) return CLASS_BYTES
  if (head === 0xca || head === 0xcb) return CLASS_FLOAT
  if (head >= 0xcc && head <= 0xd3) return CLASS_INT
  // The one extension that is written is the timestamp.
  return CLASS_TIME
})

/** Bytes of the value that this msgpack head begins; 0 where it takes more than the head to tell. */
const VALUE_BYTES = Uint8Array.from({ length: 256 }, (_, head) => {
  if (head <= 0x80 || head >= 0xe0 || head === 0x90 || head === 0xc0 || head === 0xc2 || head === 0xc3) return 1
  if (head >= 0xa0 && head < 0xc0) return 1 + (head & 0x1f)
  if (head >= 0xcc && head <= 0xd3) return 1 + (1 << (head & 3))
  return head === 0xca ? 5 : head === 0xcb ? 9 : 0
})

/**
 * The shape of the document whose msgpack map begins at `offset`; undefined if it has too many fields for one: see {@link eachField}.
 * @throws DriftError CORRUPT if it is no map with texts as names.
 */
export function shapeOfDocument(source: Uint8Array, offset: number): Shape | undefined {
  const count = fieldCount(source, offset)
  if (count > FIELDS_MAX) return undefined
  let shape = emptyShape()
  let at = firstFieldAt(source, offset)
  for (let left = count; left > 0; left--) {
    const { last } = shape
    const guessed = last === undefined ? -1 : last.nameEnd(source, at)
    const nameTo = guessed < 0 ? textEnd(source, at) : guessed
    const end = valueEnd(source, nameTo)
    const valueClass = classAt(source, nameTo)
    shape = guessed >= 0 && last?.valueClass === valueClass ? last : shape.withBytes(source, at, nameTo, valueClass)
    at = end
  }
  return shape
}

/** Tells name and class of each top-level field of the document whose msgpack map begins at `offset`. Throws as {@link shapeOfDocument}. */
export function eachField(source: Uint8Array, offset: number, take: (name: string, valueClass: number) => void): void {
  let at = firstFieldAt(source, offset)
  for (let left = fieldCount(source, offset); left > 0; left--) {
    const nameFrom = at
    const nameTo = textEnd(source, at)
    at = valueEnd(source, nameTo)
    take(textOf(source, nameFrom, nameTo), classAt(source, nameTo))
  }
}

/** Where the first field of the document at `offset` begins. */
export function firstFieldAt(source: Uint8Array, offset: number): number {
  const head = source[offset] ?? 0
  return offset + (head < 0x90 ? 1 : head === 0xde ? 3 : 5)
}

/** Behind the value at `at`, which is within the bytes. */
export function valueEnd(source: Uint8Array, at: number): number {
  if (at >= source.length) throw corrupt('the bytes end inside a document', source, at)
  const bytes = VALUE_BYTES[source[at] as number] as number
  const end = bytes === 0 ? skipValue(source, at) : at + bytes
  if (end > source.length) throw corrupt('the bytes end inside a document', source, at)
  return end
}

/** @throws DriftError CORRUPT if no document begins at `offset`. */
export function fieldCount(source: Uint8Array, offset: number): number {
  const head = source[offset] ?? 0
  if (head >= 0x80 && head < 0x90) return head & 0x0f
  if (head === 0xde) return ((source[offset + 1] ?? 0) << 8) | (source[offset + 2] ?? 0)
  if (head === 0xdf) return word(source, offset + 1)
  throw corrupt(`byte 0x${head.toString(16)} begins no document`, source, offset)
}

/** Bytes in front of the characters of the text at `at`. */
export function textHeadBytes(source: Uint8Array, at: number): number {
  const head = source[at] ?? 0
  if (head >= 0xa0 && head < 0xc0) return 1
  if (head === 0xd9) return 2
  if (head === 0xda) return 3
  if (head === 0xdb) return 5
  throw corrupt('a field name that is not a text', source, at)
}

/** Behind the text at `at`. */
export function textEnd(source: Uint8Array, at: number): number {
  const head = source[at] ?? 0
  const from = at + textHeadBytes(source, at)
  if (head < 0xc0) return from + (head & 0x1f)
  if (head === 0xd9) return from + (source[at + 1] ?? 0)
  if (head === 0xda) return from + (((source[at + 1] ?? 0) << 8) | (source[at + 2] ?? 0))
  return from + word(source, at + 1)
}

/** The class of the value at `at`. */
function classAt(source: Uint8Array, at: number): number {
  const head = source[at] ?? 0
  const valueClass = CLASS_OF_HEAD[head] as number
  if (head !== 0xcb && head !== 0xcf && head !== 0xd3) return valueClass
  // A whole number of 33 to 53 bits is written as a float64.
  if (head === 0xcb) return Number.isSafeInteger(float64(source, at + 1)) ? CLASS_INT : CLASS_FLOAT
  return integerClass(head === 0xd3, word(source, at + 1), word(source, at + 5))
}

function integerClass(isSigned: boolean, high: number, low: number): number {
  if (isSigned && high >= 0x8000_0000) return high > 0xffe0_0000 || (high === 0xffe0_0000 && low > 0) ? CLASS_INT : CLASS_LONG
  if (high >= 0x8000_0000) return CLASS_HUGE
  return high < 0x20_0000 ? CLASS_INT : CLASS_LONG
}

let view: DataView = new DataView(new ArrayBuffer(8))

/** 0 past the end. */
function float64(source: Uint8Array, at: number): number {
  if (at + 8 > source.length) return 0
  // A view for each float would cost more than all the rest; documents lie in a few long buffers.
  if (view.buffer !== source.buffer) view = new DataView(source.buffer)
  return view.getFloat64(source.byteOffset + at)
}

function word(source: Uint8Array, at: number): number {
  return (source[at] ?? 0) * 0x100_0000 + (((source[at + 1] ?? 0) << 16) | ((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0))
}

/** As the key of an object a text becomes the one that all objects share, which is compared by its address. */
function textOf(source: Uint8Array, from: number, to: number): string {
  const text = Buffer.from(source.subarray(from + textHeadBytes(source, from), to)).toString()
  return Object.keys({ [text]: 0 })[0] ?? text
}

function corrupt(found: string, source: Uint8Array, offset: number): DriftError {
  return new DriftError('CORRUPT', `document at offset ${offset} of ${source.length} bytes: ${found}`, {
    offset,
    length: source.length,
    found
  })
}
