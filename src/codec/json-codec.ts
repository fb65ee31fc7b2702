/**
 * JSON text to values and back, with every digit of an integer.
 *
 * Reading: JSON.parse where it is exact, which a look at the text decides; else (a run of 16 digits or a three-digit exponent somewhere,
 * even inside a string) and for every syntax error the strict parser in this file, which keeps integers whole and knows the position.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Value } from './value.js'

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** Below 16 digits every integer is safe; below a three-digit exponent (and 16 digits) no number is infinite. */
const DIGITS_SAFE = 15
const LARGE_EXPONENT = /\d[eE]\+?\d{3}/

/** No document is as deep, and JSON has no end for one that is: containers below this level are printed as null. */
const PRINTED_LEVELS_MAX = limits.nestingMax * 2

/**
 * The value of a JSON text. An integer token (no point, no exponent) past 2^53-1 is a bigint. Of fields with one name the last wins,
 * as in JSON.parse; a field `__proto__` is a field (which encodeDocument refuses).
 * @throws DriftError SYNTAX (`position`, `line`, `column`, `found`, `expected`); INVALID_DOCUMENT (`path`, `reason`) for a number out of
 * range, never rounded, and for more than 100 levels.
 */
export function parseJson(text: string): Value {
  if (mayBeTooDeep(text)) checkDepth(text)
  if (hasLongDigits(text) || LARGE_EXPONENT.test(text)) return parseExactly(text)
  try {
    return JSON.parse(text) as Value
  } catch {
    return parseExactly(text)
  }
}

/**
 * One value as JSON text: bigints as digits, times as RFC 3339 with milliseconds, bytes as base64, what JSON cannot say (NaN,
 * infinities, an invalid time, a function inside an array) as null; undefined fields are left out. A cycle ends with null where it closes.
 * `indent` spaces a level, 0 = one line. Never throws.
 */
export function formatJson(value: unknown, indent = 0): string {
  const spaces = ' '.repeat(Math.max(0, Math.min(10, Math.trunc(indent) || 0)))
  try {
    if (isNative(value, 1)) return JSON.stringify(value, null, spaces)
  } catch {
    // A getter threw: the printer below looks at each field on its own.
  }
  return print(value, spaces, '', []) ?? 'null'
}

/** Printed as `"\\ud800"`; no value of the database is a lone surrogate, so between two rows nothing else can look like it. */
const BETWEEN_ROWS = '\ud800'
const BETWEEN_LINES = `,${JSON.stringify(BETWEEN_ROWS)},`

/**
 * {@link formatJson} of each value on a line of its own, with a line feed behind each. One call into the runtime for all of them takes a
 * third of the time of one call for each.
 */
export function formatJsonLines(values: readonly unknown[]): string {
  if (values.length > 1 && values.every((value) => isPlainRow(value))) {
    const spaced: unknown[] = []
    for (const value of values) spaced.push(value, BETWEEN_ROWS)
    spaced.pop()
    const lines = JSON.stringify(spaced).slice(1, -1).split(BETWEEN_LINES)
    if (lines.length === values.length) return `${lines.join('\n')}\n`
  }
  let text = ''
  for (const value of values) text += `${formatJson(value)}\n`
  return text
}

function isPlainRow(value: unknown): boolean {
  try {
    return isNative(value, 1)
  } catch {
    return false
  }
}

/** 101 levels need 101 opening brackets; most texts have fewer, brackets inside strings included. indexOf is far faster than a loop. */
function mayBeTooDeep(text: string): boolean {
  if (text.length <= limits.nestingMax) return false
  let opened = 0
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (++opened > limits.nestingMax) return true
  }
  return false
}

/** A run of 16 digits covers a position that is a multiple of 16: only those are looked at (a sixth of the time of a regex). */
function hasLongDigits(text: string): boolean {
  for (let at = DIGITS_SAFE; at < text.length; at += DIGITS_SAFE + 1) {
    if (!isDigit(text.charCodeAt(at))) continue
    let begin = at
    let end = at + 1
    while (begin > 0 && isDigit(text.charCodeAt(begin - 1))) begin--
    while (end < text.length && isDigit(text.charCodeAt(end))) end++
    if (end - begin > DIGITS_SAFE) return true
  }
  return false
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

function checkDepth(text: string): void {
  let level = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (inString) {
      if (unit === 0x5c) index++
      else if (unit === 0x22) inString = false
    } else if (unit === 0x22) {
      inString = true
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++level > limits.nestingMax) {
        const reason = `more than ${limits.nestingMax} levels`
        throw new DriftError('INVALID_DOCUMENT', `JSON: ${reason} at position ${index}`, { path: '', reason, position: index })
      }
    } else if (unit === 0x5d || unit === 0x7d) {
      level--
    }
  }
}

function parseExactly(text: string): Value {
  return new StrictParser(text).parse()
}

/** JSON by RFC 8259, nothing more. Recursion is bounded: checkDepth has been here. */
class StrictParser {
  readonly #text: string
  #at = 0
  readonly #path: (string | number)[] = []
  /** The first number out of range. It waits for the end: a text that is no JSON is SYNTAX, whatever numbers it holds. */
  #refused: DriftError | undefined

  constructor(text: string) {
    this.#text = text
  }

  parse(): Value {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the text')
    if (this.#refused !== undefined) throw this.#refused
    return value
  }

  #value(): Value {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(): Value {
    const object: Record<string, Value> = {}
    this.#at++
    this.#space()
    if (this.#take('}')) return object
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a field name in double quotes')
      const field = this.#string()
      this.#space()
      if (!this.#take(':')) throw this.#unexpected("':'")
      this.#path.push(field)
      const value = this.#value()
      this.#path.pop()
      // Assigning `__proto__` would set the prototype; as JSON.parse does, it is defined.
      if (field === '__proto__') Object.defineProperty(object, field, { value, enumerable: true, configurable: true, writable: true })
      else object[field] = value
      this.#space()
      if (this.#take('}')) return object
      if (!this.#take(',')) throw this.#unexpected("',' or '}'")
    }
  }

  #array(): Value {
    const array: Value[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return array
    for (;;) {
      this.#path.push(array.length)
      array.push(this.#value())
      this.#path.pop()
      this.#space()
      if (this.#take(']')) return array
      if (!this.#take(',')) throw this.#unexpected("',' or ']'")
    }
  }

  #string(): string {
    const text = this.#text
    const begin = this.#at++
    let escaped = false
    for (;;) {
      const unit = text.charCodeAt(this.#at)
      if (unit === 0x22) break
      if (unit === 0x5c) {
        escaped = true
        this.#escape()
      } else if (unit >= 0x20) {
        this.#at++
      } else {
        // Also the end of the text, where charCodeAt gives NaN.
        throw this.#unexpected(this.#at < text.length ? 'no control character inside a string' : 'the closing quote of a string')
      }
    }
    this.#at++
    return escaped ? (JSON.parse(text.slice(begin, this.#at)) as string) : text.slice(begin + 1, this.#at - 1)
  }

  #escape(): void {
    ESCAPE.lastIndex = this.#at
    const match = ESCAPE.exec(this.#text)
    if (match === null) throw this.#unexpected('an escape sequence')
    this.#at += match[0].length
  }

  #word(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected(word)
    this.#at += word.length
    return value
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) throw this.#unexpected('a value')
    const token = match[0]
    const isInteger = match[1] === undefined && match[2] === undefined
    let value: number | bigint = Number(token)
    // The longest integer in range has 20 characters; leading zeros are a syntax error, so a longer one needs no conversion.
    if (isInteger && token.length > 15) {
      const exact = token.length > 20 ? INTEGER_MAX + 1n : BigInt(token)
      if (exact < INTEGER_MIN || exact > INTEGER_MAX) this.#refused ??= this.#outOfRange('an integer outside -2^63 … 2^64-1')
      value = exact >= -SAFE_MAX && exact <= SAFE_MAX ? Number(exact) : exact
    } else if (!Number.isFinite(value)) {
      this.#refused ??= this.#outOfRange('a number that is too large for a float64')
    }
    this.#at += token.length
    return value
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at++
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #outOfRange(reason: string): DriftError {
    let path = ''
    for (const step of this.#path) path += typeof step === 'number' ? `[${step}]` : (path === '' ? '' : '.') + step
    const at = path === '' ? '' : ` at ${path}`
    return new DriftError('INVALID_DOCUMENT', `JSON: ${reason}${at} cannot be stored`, { path, reason, position: this.#at })
  }

  #unexpected(expected: string): DriftError {
    const position = this.#at
    const before = this.#text.slice(0, position).split('\n')
    const line = before.length
    const column = (before.at(-1) ?? '').length + 1
    const point = this.#text.codePointAt(position)
    const found = point === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(point))
    return new DriftError('SYNTAX', `JSON: line ${line}, column ${column}: found ${found}, expected ${expected}`, {
      position,
      line,
      column,
      found,
      expected
    })
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y

/** A float past 2^53 with an exponent: without one it would be read back as an integer. What JSON cannot say is null. */
export function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
}

/** True if JSON.stringify prints this exactly as we would. Times do: their toJSON is RFC 3339 with milliseconds. */
function isNative(value: unknown, level: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return !Number.isInteger(value) || Number.isSafeInteger(value)
    case 'undefined':
      return level > 1
    case 'object': {
      if (value === null) return true
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype === Date.prototype) return true
      if (level > PRINTED_LEVELS_MAX) return false
      if (Array.isArray(value)) return value.every((item) => isNative(item, level + 1))
      if (prototype !== Object.prototype && prototype !== null) return false
      // for … in: three times as fast as Object.keys; what a prototype adds only makes the answer more careful.
      for (const field in value) if (!isNative((value as Record<string, unknown>)[field], level + 1)) return false
      return true
    }
    default:
      return false
  }
}

/** The text of one value, or undefined for what a field leaves out. */
function print(value: unknown, spaces: string, margin: string, ancestors: object[]): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return jsonNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return value.toString()
    case 'object':
      return value === null ? 'null' : printObject(value, spaces, margin, ancestors)
    default:
      return undefined
  }
}

function printObject(object: object, spaces: string, margin: string, ancestors: object[]): string {
  const depth = ancestors.length
  try {
    if (object instanceof Date) return Number.isNaN(object.getTime()) ? 'null' : `"${object.toISOString()}"`
    if (object instanceof Uint8Array) {
      return `"${Buffer.from(object.buffer, object.byteOffset, object.byteLength).toString('base64')}"`
    }
    if (ancestors.length >= PRINTED_LEVELS_MAX || ancestors.includes(object)) return 'null'
    ancestors.push(object)
    const inner = margin + spaces
    const parts: string[] = []
    const isArray = Array.isArray(object)
    if (isArray) {
      for (const item of object as unknown[]) parts.push(print(item, spaces, inner, ancestors) ?? 'null')
    } else {
      for (const field of Object.keys(object)) {
        const text = printField(object as Record<string, unknown>, field, spaces, inner, ancestors)
        if (text !== undefined) parts.push(`${JSON.stringify(field)}:${spaces === '' ? '' : ' '}${text}`)
      }
    }
    ancestors.pop()
    const [open, close] = isArray ? ['[', ']'] : ['{', '}']
    if (parts.length === 0) return `${open}${close}`
    if (spaces === '') return `${open}${parts.join(',')}${close}`
    return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`
  } catch {
    // A proxy that refuses to be looked at, or more text than a string can hold.
    ancestors.length = depth
    return 'null'
  }
}

function printField(
  object: Record<string, unknown>,
  field: string,
  spaces: string,
  margin: string,
  ancestors: object[]
): string | undefined {
  try {
    return print(object[field], spaces, margin, ancestors)
  } catch {
    return 'null'
  }
}
