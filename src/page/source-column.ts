import { textEnd, textHeadBytes } from '../codec/document-shape.js'
import { type MergeField } from './merge-fields.js'
import * as layout from './page-layout.js'
import { type ColumnView, hasOnlyValues, type PageView, writeTextLength } from './page-view.js'
import { numberAt, timeAt } from './payload.js'
import { classOfHead } from './value-head.js'

/** The cell of a text that stood in a rest: it lies in `madeTexts`. No reference is this. */
export const MADE_TEXT = -1

/** One column of all source rows; it is used again by the next merge. */
export class SourceColumn {
  field: MergeField | undefined
  valueClass = layout.CLASS_UNTYPED
  encoding = layout.ENCODED_NOT
  dictionary = 0
  /** Some row has no plain value: {@link states} hold. */
  hasStates = false
  hasRest = false
  /** Some text is no code of the dictionary. */
  hasHeapTexts = false
  /** Values are in {@link floats}, else in {@link words}. */
  isFloat = false
  /** Booleans, numbers that are all words, texts as in their pages. */
  words = new Int32Array(0)
  floats = new Float64Array(0)
  states = new Uint8Array(0)
  /** Cells of the page that is being written, where it has texts in its heap. */
  texts = new Int32Array(0)
  /** `[length][bytes]` of texts that stood in the rest, by row. */
  madeTexts: Map<number, Uint8Array> | undefined
  #total = 0

  /** The field's name as a msgpack text. */
  get encodedName(): Uint8Array {
    return (this.field as MergeField).encoded
  }

  begin(field: MergeField, total: number): void {
    this.field = field
    this.valueClass = commonestClass(field.classes)
    this.encoding = layout.ENCODED_NOT
    this.dictionary = this.valueClass === layout.CLASS_TEXT ? field.dictionary : 0
    this.hasStates = this.hasRest = this.hasHeapTexts = false
    this.isFloat = this.valueClass === layout.CLASS_TIME
    this.madeTexts = undefined
    this.#total = total
    const hasWords = this.valueClass >= layout.CLASS_BOOLEAN && !this.isFloat
    if (hasWords && this.words.length < total) this.words = new Int32Array(total)
    if (this.isFloat && this.floats.length < total) this.floats = new Float64Array(total)
  }

  load(page: PageView, start: number, count: number, shapes: readonly (readonly MergeField[])[]): void {
    const field = this.field as MergeField
    const from = page.columnNamed(field.name)
    if (from === undefined) {
      // A field without a column is in the rest of the rows that have it.
      const stateOfCode = shapes.map((fields) => (fields.includes(field) ? layout.STATE_REST : layout.STATE_ABSENT))
      const states = this.#needStates()
      for (let row = 0; row < count; row++) states[start + row] = stateOfCode[page.shapeCodeOf(row)] as number
      return
    }
    const hasStates = from.statesAt >= 0 && !hasOnlyValues(page, from, count)
    if (hasStates) this.#needStates().set(page.u8.subarray(from.statesAt, from.statesAt + count), start)
    if (from.valueClass === this.valueClass) {
      this.#loadValues(page, from, start, count)
    } else {
      const states = this.#needStates()
      for (let row = start; row < start + count; row++) if (states[row] === layout.STATE_VALUE) states[row] = layout.STATE_REST
    }
  }

  /** Puts a value of the rest into the column if it is of its class. */
  takeRest(row: number, memory: Uint8Array, at: number): void {
    const head = memory[at] as number
    const states = this.#needStates()
    if (head === 0xc0) {
      states[row] = layout.STATE_NULL
      return
    }
    switch (this.valueClass) {
      case layout.CLASS_NUMBER:
      case layout.CLASS_TIME: {
        const value = this.valueClass === layout.CLASS_NUMBER ? numberAt(memory, at) : timeAt(memory, at)
        if (value !== value) return
        if (!this.isFloat && (value | 0) !== value) this.#becomeFloat()
        if (this.isFloat) this.floats[row] = value
        else this.words[row] = value
        break
      }
      case layout.CLASS_BOOLEAN:
        if (head !== 0xc2 && head !== 0xc3) return
        this.words[row] = head & 1
        break
      case layout.CLASS_TEXT: {
        if (classOfHead(head) !== layout.CLASS_TEXT) return
        const from = at + textHeadBytes(memory, at)
        const bytes = textEnd(memory, at) - from
        if (bytes > layout.INLINE_BYTES_MAX) return
        const made = new Uint8Array(bytes + 2)
        const target = writeTextLength(made, 0, bytes)
        made.set(memory.subarray(from, from + bytes), target)
        this.madeTexts ??= new Map()
        this.madeTexts.set(row, made)
        // No code: whoever copies it looks into the made texts.
        this.words[row] = MADE_TEXT
        break
      }
      default:
        return
    }
    states[row] = layout.STATE_VALUE
  }

  /** The encoding, now that all values are known. */
  settle(): void {
    if (this.hasStates) this.#settleStates()
    switch (this.valueClass) {
      case layout.CLASS_BOOLEAN:
        this.encoding = layout.ENCODED_U8
        break
      case layout.CLASS_TIME:
        this.encoding = layout.ENCODED_F64
        break
      case layout.CLASS_NUMBER:
        this.encoding = this.isFloat ? layout.ENCODED_F64 : layout.ENCODED_I32
        break
      case layout.CLASS_TEXT: {
        const most = largest(this.words, this.#total)
        this.hasHeapTexts = most >= layout.DICTIONARY_CODES_MAX
        this.encoding = this.hasHeapTexts ? layout.ENCODED_I32 : most < 256 ? layout.ENCODED_U8 : layout.ENCODED_U16
        break
      }
      default:
        break
    }
  }

  #settleStates(): void {
    const { states, words, floats, isFloat } = this
    this.hasStates = false
    const hasWords = this.valueClass >= layout.CLASS_BOOLEAN
    for (let row = 0; row < this.#total; row++) {
      const state = states[row] as number
      if (state === layout.STATE_VALUE) continue
      this.hasStates = true
      // What a cell without a plain value holds is of no account: the same bytes for the same rows.
      if (isFloat) floats[row] = 0
      else if (hasWords) words[row] = 0
      if (state === layout.STATE_REST) this.hasRest = true
    }
  }

  #needStates(): Uint8Array {
    if (!this.hasStates) {
      if (this.states.length < this.#total) this.states = new Uint8Array(this.#total)
      else this.states.fill(layout.STATE_VALUE, 0, this.#total)
      this.hasStates = true
    }
    return this.states
  }

  #loadValues(page: PageView, { encoding, dataAt }: ColumnView, start: number, count: number): void {
    const { valueClass, words } = this
    if (valueClass < layout.CLASS_BOOLEAN) return
    if (encoding === layout.ENCODED_F64) this.#loadFloats(page.f64, dataAt, start, count)
    else if (this.isFloat) this.floats.set(page.i32.subarray(dataAt, dataAt + count), start)
    else if (encoding === layout.ENCODED_I32) words.set(page.i32.subarray(dataAt, dataAt + count), start)
    else if (encoding === layout.ENCODED_U16) for (let row = 0; row < count; row++) words[start + row] = page.u16[dataAt + row] as number
    else widen(page.u8, dataAt, words, start, count)
  }

  #loadFloats(source: Float64Array, dataAt: number, start: number, count: number): void {
    let row = 0
    if (!this.isFloat) {
      const { words } = this
      for (; row < count; row++) {
        const value = source[dataAt + row] as number
        const word = value | 0
        if (word !== value && (!this.hasStates || this.states[start + row] === layout.STATE_VALUE)) break
        words[start + row] = word
      }
      if (row === count) return
      this.#becomeFloat()
    }
    this.floats.set(source.subarray(dataAt + row, dataAt + count), start + row)
  }

  #becomeFloat(): void {
    this.isFloat = true
    if (this.floats.length < this.#total) this.floats = new Float64Array(this.#total)
    this.floats.set(this.words.subarray(0, this.#total))
  }
}

function commonestClass(classes: readonly number[]): number {
  // What is the key in some row is the key field.
  if ((classes[layout.CLASS_KEY] as number) > 0) return layout.CLASS_KEY
  let valueClass = layout.CLASS_UNTYPED
  for (let each = layout.CLASS_BOOLEAN; each < classes.length; each++) {
    const most = valueClass === layout.CLASS_UNTYPED ? 0 : (classes[valueClass] as number)
    if ((classes[each] as number) > most) valueClass = each
  }
  return valueClass
}

function widen(source: Uint8Array, from: number, target: Int32Array, to: number, count: number): void {
  for (let row = 0; row < count; row++) target[to + row] = source[from + row] as number
}

/** The largest cell, without a sign. */
function largest(cells: Int32Array, count: number): number {
  let most = 0
  for (let row = 0; row < count; row++) {
    const cell = (cells[row] as number) >>> 0
    if (cell > most) most = cell
  }
  return most
}
