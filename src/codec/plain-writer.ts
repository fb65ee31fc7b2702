import { limits } from '../base/limits.js'
import { CLASS_FLOAT, CLASS_INT, CLASS_OF_HEAD, CLASS_TEXT, emptyShape, type Shape } from './document-shape.js'

/**
 * The write path's short cut through msgpack: documents of the common kind (plain objects and arrays, ASCII texts, numbers, booleans,
 * null) in one pass that checks and writes at once. Everything else is left to the encoder of `document-codec.ts`, which this gives the
 * same bytes as (a property test compares them).
 *
 * It is ugly because it is measured: an 8-field document of 175 bytes costs 0.8 us here and 2.2 us through the walk and the encoder
 * (same run, `bench/parts/micro.ts`), and every inserted row pays it.
 */
const BYTES_MAX = 16 * 1024
/** The longest thing that is written without asking for room again. */
const ITEM_BYTES_MAX = 1024
const NESTING_MAX = 16
/** A name this short is within the limit whatever its characters are. */
const NAME_UNITS_MAX = Math.min(341, limits.fieldNameBytesMax)

/** Room that a target must have behind the offset. */
export const PLAIN_ROOM_BYTES = BYTES_MAX + 2 * ITEM_BYTES_MAX

let bytes = new Uint8Array(0)
let view = new DataView(bytes.buffer)
let at = 0
let limit = 0
let shape: Shape = emptyShape()

/**
 * Writes the document at `offset` of a private array with {@link PLAIN_ROOM_BYTES} of room behind it; returns the offset behind it, or -1
 * if the document is not of the common kind (what stands behind `offset` is lost then).
 */
export function writePlain(document: object, target: Uint8Array<ArrayBuffer>, offset: number): number {
  if (bytes !== target) {
    bytes = target
    view = new DataView(target.buffer, target.byteOffset, target.byteLength)
  }
  at = offset
  limit = offset + BYTES_MAX
  return writeDocument(document) ? at : -1
}

/** The shape of the document that {@link writePlain} wrote last. */
export function plainShape(): Shape {
  return shape
}

/** {@link writeFields} of the top, which follows the document's shape along: two comparisons a field. */
function writeDocument(document: object): boolean {
  const fields = Object.keys(document)
  const headAt = at
  if (fields.length > 15) return false
  at++
  let count = 0
  let grown = emptyShape()
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as string
    const value = (document as Record<string, unknown>)[field]
    if (value === undefined) continue
    const units = field.length
    if (units === 0 || units > NAME_UNITS_MAX || field === '__proto__' || !writeText(field)) return false
    if (at > limit) return false
    let valueClass: number
    if (typeof value === 'string') {
      if (!writeText(value)) return false
      valueClass = CLASS_TEXT
    } else if (typeof value === 'number') {
      if (!writeNumber(value)) return false
      valueClass = Number.isSafeInteger(value) ? CLASS_INT : CLASS_FLOAT
    } else {
      const valueAt = at
      if (!writeItem(value, 1)) return false
      valueClass = CLASS_OF_HEAD[bytes[valueAt] as number] as number
    }
    const last = grown.last
    grown = last !== undefined && last.field === field && last.valueClass === valueClass ? last : grown.with(field, valueClass)
    count++
  }
  bytes[headAt] = 0x80 | count
  shape = grown
  return true
}

function writeFields(object: object, level: number): boolean {
  const fields = Object.keys(object)
  const headAt = at
  if (fields.length > 15) return false
  at++
  let count = 0
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as string
    const value = (object as Record<string, unknown>)[field]
    if (value === undefined) continue
    const units = field.length
    if (units === 0 || units > NAME_UNITS_MAX || field === '__proto__' || !writeText(field)) return false
    if (!writeItem(value, level)) return false
    count++
  }
  bytes[headAt] = 0x80 | count
  return true
}

function writeItem(value: unknown, level: number): boolean {
  if (at > limit) return false
  switch (typeof value) {
    case 'string':
      return writeText(value)
    case 'number':
      return writeNumber(value)
    case 'boolean':
      bytes[at++] = value ? 0xc3 : 0xc2
      return true
    case 'object': {
      if (value === null) {
        bytes[at++] = 0xc0
        return true
      }
      if (level >= NESTING_MAX) return false
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype === Object.prototype) return writeFields(value, level + 1)
      if (prototype !== Array.prototype || !Array.isArray(value)) return false
      return writeItems(value, level + 1)
    }
    default:
      return false
  }
}

function writeItems(items: readonly unknown[], level: number): boolean {
  if (items.length > 15) return false
  bytes[at++] = 0x90 | items.length
  for (let index = 0; index < items.length; index++) if (!writeItem(items[index], level)) return false
  return true
}

function writeText(text: string): boolean {
  const units = text.length
  if (units > ITEM_BYTES_MAX) return false
  if (units < 32) {
    bytes[at++] = 0xa0 | units
  } else if (units < 256) {
    bytes[at++] = 0xd9
    bytes[at++] = units
  } else {
    bytes[at++] = 0xda
    bytes[at++] = units >>> 8
    bytes[at++] = units
  }
  let target = at
  let all = 0
  for (let index = 0; index < units; index++) {
    const unit = text.charCodeAt(index)
    all |= unit
    bytes[target++] = unit
  }
  at = target
  return all < 0x80
}

function writeNumber(value: number): boolean {
  if (value === value >>> 0) {
    if (value < 0x80) {
      bytes[at++] = value
    } else if (value < 0x100) {
      bytes[at++] = 0xcc
      bytes[at++] = value
    } else if (value < 0x1_0000) {
      bytes[at++] = 0xcd
      bytes[at++] = value >>> 8
      bytes[at++] = value
    } else {
      bytes[at] = 0xce
      view.setUint32(at + 1, value)
      at += 5
    }
    return true
  }
  if (value === (value | 0)) {
    if (value >= -0x20) {
      bytes[at++] = value
    } else if (value >= -0x80) {
      bytes[at++] = 0xd0
      bytes[at++] = value
    } else if (value >= -0x8000) {
      bytes[at++] = 0xd1
      bytes[at++] = value >>> 8
      bytes[at++] = value
    } else {
      bytes[at] = 0xd2
      view.setInt32(at + 1, value)
      at += 5
    }
    return true
  }
  if (!Number.isFinite(value)) return false
  bytes[at] = 0xcb
  view.setFloat64(at + 1, value)
  at += 9
  return true
}
