/**
 * Documents to msgpack and back. Writing is three steps: one walk that refuses what cannot be stored and says whether something must
 * change, a copy only if it must, and one long-lived encoder whose buffer is handed out as it is.
 *
 * What the encoder itself normalises and the walk leaves alone: -0 becomes 0, undefined fields are dropped, holes and undefined in
 * arrays become null (as in JSON). Only a bigint that a number could hold needs the copy.
 *
 * The walk also adds up a lower bound of the size (each value is at least a byte, each UTF-16 unit too) and stops at the limit: an
 * object whose parts are shared many times over, which would be an endless walk, ends there.
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { readPlain } from './plain-reader.js'
import type { Shape } from './document-shape.js'
import { PLAIN_ROOM_BYTES, plainShape, writePlain } from './plain-writer.js'
import { scanValue } from './skip-value.js'
import type { Document, Value } from './value.js'

type Fields = Record<string, unknown>

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** A field name this short is within the limit whatever its characters are: no UTF-16 unit takes more than three bytes. */
const FIELD_UNITS_SAFE = Math.floor(limits.fieldNameBytesMax / 3)

/** Our own records wrap a document or metadata in a few arrays of their own. */
const DECODED_NESTING_MAX = limits.nestingMax + 8

/** A buffer that one large document made grow is not kept for the small ones after it. */
const BUFFER_BYTES_KEPT = 1024 * 1024

export const DOCUMENT_ROOM_BYTES = PLAIN_ROOM_BYTES
const scratch = new Uint8Array(PLAIN_ROOM_BYTES)

let encoder = newEncoder()

/** The walk's place: `path[level]` is the field or index inside the container of that level (the top is level 1). */
const path: (string | number)[] = []
let subject = ''
let root: unknown
let bytesAtLeast = 0

/**
 * The document as msgpack. **The result is a view on a shared buffer, valid until the next encode call on this thread: copy it.**
 * `what` names the thing in messages ("document", "patch").
 * @throws DriftError INVALID_DOCUMENT (`path`, `reason`) for what cannot be stored; LIMIT (`name`, `limit`, `seen`) for a field name
 * or a document that is too long (`seen` is exact, or a lower bound where the walk stopped early).
 */
export function encodeDocument(value: unknown, what: string): Uint8Array {
  if (!isPlainObject(value)) {
    throw new DriftError('INVALID_DOCUMENT', `${what}: must be a plain object, not ${describe(value)}`, {
      path: '',
      reason: 'not a plain object'
    })
  }
  const end = shortCut(value, scratch, 0)
  return end < 0 ? encode(value, what) : scratch.subarray(0, end)
}

/**
 * {@link encodeDocument} into a private array that has {@link DOCUMENT_ROOM_BYTES} of room behind `offset`: returns the offset behind
 * the document, or -1 where it is not of the common kind and {@link encodeDocument} must take it.
 */
export function encodePlainDocument(value: unknown, target: Uint8Array<ArrayBuffer>, offset: number): number {
  return isPlainObject(value) ? shortCut(value, target, offset) : -1
}

/** The shape of the document that {@link encodePlainDocument} wrote last. */
export function shapeOfPlain(): Shape {
  return plainShape()
}

/** The same for any value: metadata, definitions. A lone `undefined` is refused. */
export function encodeValue(value: unknown, what: string): Uint8Array {
  return encode(value, what)
}

/**
 * The value of msgpack bytes; they must be exactly one value and may lie in shared memory. Nothing of the result points into `bytes`.
 * Integers within +-(2^53-1) are numbers, those beyond are bigints.
 * @throws DriftError CORRUPT if it is not a value that encodeValue writes.
 */
export function decodeValue(bytes: Uint8Array): Value {
  const needsSecondLook = scanValue(bytes)
  let value: unknown
  try {
    value = decoder.decode(bytes)
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : String(error), bytes, error)
  }
  return (needsSecondLook ? settle(value, 1, bytes) : value) as Value
}

/**
 * {@link decodeValue} for bytes `[from, to)` that hold a document.
 * @throws DriftError CORRUPT if they are not one.
 */
export function decodeDocument(bytes: Uint8Array, from = 0, to = bytes.length): Document {
  return (readPlain(bytes, from, to) as Document | undefined) ?? decodeFields(bytes.subarray(from, to))
}

/** Sets the fields of the patch that the bytes `[from, to)` hold in `document`. Throws as {@link decodeDocument}. */
export function decodePatchInto(document: Document, bytes: Uint8Array, from: number, to: number): void {
  // What a patch of another kind has already set is set again.
  if (readPlain(bytes, from, to, document) === undefined) Object.assign(document, decodeFields(bytes.subarray(from, to)))
}

function decodeFields(bytes: Uint8Array): Document {
  const value = decodeValue(bytes)
  if (!isPlainObject(value)) throw corrupt('not a document', bytes)
  return value as Document
}

/** A getter that throws here throws again in the general path, which names it. */
function shortCut(value: object, target: Uint8Array<ArrayBuffer>, offset: number): number {
  try {
    return writePlain(value, target, offset)
  } catch {
    return -1
  }
}

function encode(value: unknown, what: string): Uint8Array {
  subject = what
  root = value
  bytesAtLeast = 0
  let encoded: Uint8Array
  try {
    const mustChange = inspect(value, 0)
    encoded = encoder.encodeSharedRef(mustChange ? normalised(value) : value)
  } catch (error) {
    if (error instanceof DriftError) throw error
    // A getter that threw, or that answered differently the second time.
    const message = error instanceof Error ? error.message : String(error)
    throw new DriftError('INVALID_DOCUMENT', `${what}: ${message}`, { path: '', reason: message }, error)
  } finally {
    root = undefined
  }
  if (encoded.length > BUFFER_BYTES_KEPT) {
    encoder = newEncoder()
    if (encoded.length > limits.documentBytesMax) throw tooLong('documentBytesMax', limits.documentBytesMax, encoded.length)
  }
  return encoded
}

/** Checks one value inside the container of level `level` (0: the top itself). True if something in it must change. */
function inspect(value: unknown, level: number): boolean {
  switch (typeof value) {
    case 'string':
      bytesAtLeast += value.length
      if (!value.isWellFormed()) throw refusal('a string with a lone surrogate', level)
      return false
    case 'number':
      if (!Number.isFinite(value)) throw refusal(String(value), level)
      return false
    case 'boolean':
      return false
    case 'bigint':
      if (value >= -SAFE_MAX && value <= SAFE_MAX) return true
      if (value < INTEGER_MIN || value > INTEGER_MAX) throw refusal('an integer outside -2^63 … 2^64-1', level)
      return false
    case 'object':
      return value !== null && inspectObject(value, level)
    case 'undefined':
      if (level === 0) throw refusal('undefined', level)
      return false
    default:
      throw refusal(`a ${typeof value}`, level)
  }
}

function inspectObject(object: object, level: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype === Object.prototype || prototype === null) return inspectFields(object as Fields, level + 1)
  if (Array.isArray(object)) return inspectItems(object, level + 1)
  if (object instanceof Uint8Array) {
    bytesAtLeast += object.length
    if (bytesAtLeast > limits.documentBytesMax) throw tooLong('documentBytesMax', limits.documentBytesMax, bytesAtLeast)
    return false
  }
  if (object instanceof Date) {
    if (Number.isNaN(object.getTime())) throw refusal('an invalid Date', level)
    return false
  }
  throw refusal(describe(object), level)
}

function inspectFields(object: Fields, level: number): boolean {
  if (level > limits.nestingMax) throw tooDeep(level)
  const fields = Object.keys(object)
  let mustChange = false
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as string
    const value = object[field]
    if (value === undefined) continue
    path[level] = field
    inspectName(field, level)
    bytesAtLeast += field.length + 2
    if (inspect(value, level)) mustChange = true
    if (bytesAtLeast > limits.documentBytesMax) throw tooLong('documentBytesMax', limits.documentBytesMax, bytesAtLeast)
  }
  return mustChange
}

function inspectItems(items: readonly unknown[], level: number): boolean {
  if (level > limits.nestingMax) throw tooDeep(level)
  // A sparse array of absurd length is refused by its length alone: each of its items is a byte.
  bytesAtLeast += items.length
  if (bytesAtLeast > limits.documentBytesMax) throw tooLong('documentBytesMax', limits.documentBytesMax, bytesAtLeast)
  let mustChange = false
  for (let index = 0; index < items.length; index++) {
    path[level] = index
    if (inspect(items[index], level)) mustChange = true
    if (bytesAtLeast > limits.documentBytesMax) throw tooLong('documentBytesMax', limits.documentBytesMax, bytesAtLeast)
  }
  return mustChange
}

function inspectName(field: string, level: number): void {
  if (field.length > FIELD_UNITS_SAFE || field.length === 0) {
    const seen = Buffer.byteLength(field)
    if (seen === 0 || seen > limits.fieldNameBytesMax) throw tooLong('fieldNameBytesMax', limits.fieldNameBytesMax, seen, level)
  }
  if (!field.isWellFormed()) throw refusal('a field name with a lone surrogate', level)
  if (field === '__proto__') throw refusal('the field name __proto__', level)
}

/** A copy in which every bigint that a number can hold is that number. The walk has been here: no cycle, no depth, no odd class. */
function normalised(value: unknown): unknown {
  if (typeof value === 'bigint') return value >= -SAFE_MAX && value <= SAFE_MAX ? Number(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Array.from(value, normalised)
  if (!isPlainObject(value)) return value
  const copy: Fields = {}
  for (const field of Object.keys(value)) copy[field] = normalised(value[field])
  return copy
}

/** Gives a decoded value its final form: bytes that are its own, numbers for small integers; refuses what we never write. */
function settle(value: unknown, level: number, bytes: Uint8Array): unknown {
  if (typeof value === 'bigint') return value >= -SAFE_MAX && value <= SAFE_MAX ? Number(value) : value
  if (typeof value !== 'object' || value === null) return value
  // A constructor call, not slice: of a Buffer that is a view.
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw corrupt('a time out of range', bytes)
    return value
  }
  if (level > DECODED_NESTING_MAX) throw corrupt(`more than ${DECODED_NESTING_MAX} levels`, bytes)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = settle(value[index], level + 1, bytes)
    return value
  }
  if (!isPlainObject(value)) throw corrupt('an extension of unknown type', bytes)
  for (const field of Object.keys(value)) value[field] = settle(value[field], level + 1, bytes)
  return value
}

function newEncoder(): Encoder {
  // The encoder counts a scalar as a level of its own; the limit here is a second fence behind the walk.
  return new Encoder({ useBigInt64: true, ignoreUndefined: true, maxDepth: limits.nestingMax + 1 })
}

const decoder = new Decoder({
  useBigInt64: true,
  maxStrLength: limits.frameBytesMax,
  maxBinLength: limits.frameBytesMax,
  maxArrayLength: limits.frameBytesMax,
  maxMapLength: limits.frameBytesMax,
  maxExtLength: 12,
  mapKeyConverter: (key) => {
    if (typeof key === 'string') return key
    throw new RangeError('a field name that is not a string')
  }
})

function isPlainObject(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function refusal(reason: string, level: number): DriftError {
  const place = pathText(level)
  const at = place === '' ? '' : ` at ${place}`
  return new DriftError('INVALID_DOCUMENT', `${subject}: ${reason}${at} cannot be stored`, { path: place, reason })
}

function tooDeep(level: number): DriftError {
  return refusal(hasCycle(level) ? 'a cycle' : `more than ${limits.nestingMax} levels`, level - 1)
}

/** Follows the path from the top: a container that is met twice is its own ancestor. */
function hasCycle(level: number): boolean {
  const met = new Set<unknown>([root])
  let value = root
  for (let at = 1; at < level; at++) {
    value = (value as Fields)[path[at] as string]
    if (met.has(value)) return true
    met.add(value)
  }
  return false
}

function tooLong(name: 'documentBytesMax' | 'fieldNameBytesMax', limit: number, seen: number, level = 0): DriftError {
  const thing = name === 'documentBytesMax' ? subject : `${subject}: field name at ${pathText(level)}`
  const place = level === 0 ? {} : { path: pathText(level) }
  const rule = seen === 0 ? 'at least 1 byte is needed' : `the limit is ${limit} bytes, this has ${seen} or more`
  return new DriftError('LIMIT', `${thing}: ${rule}`, { name, limit, seen, ...place })
}

/** `a.b[3]`, names that would read as a path in backquotes, long names cut. */
function pathText(level: number): string {
  let text = ''
  for (let at = 1; at <= level; at++) {
    const step = path[at] as string | number
    if (typeof step === 'number') text += `[${step}]`
    else text += (text === '' ? '' : '.') + fieldText(step)
  }
  return text
}

function fieldText(field: string): string {
  const short = field.length > 64 ? `${field.slice(0, 64)}…` : field
  return short === '' || /[.`[\]]/.test(short) ? `\`${short.replaceAll('`', '``')}\`` : short
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
  try {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
    return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object with a prototype'
  } catch {
    return 'an object with a prototype'
  }
}

function corrupt(found: string, bytes: Uint8Array, cause?: unknown): DriftError {
  return new DriftError('CORRUPT', `msgpack value of ${bytes.length} bytes: ${found}`, { length: bytes.length, found }, cause)
}
