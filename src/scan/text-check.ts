/**
 * A field's condition on the texts of a column. Each text of a dictionary is asked once, whatever number of rows have it; the answers
 * grow with the dictionary. Texts that lie in a heap are compared as bytes where the condition allows it.
 */
import { MASK_FALSE, MASK_TRUE } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView, textBytes, textFrom } from '../page/page-view.js'
import { type FieldCondition } from './condition.js'
import { kernelColumn } from './kernel-column.js'
import { ALL, NONE } from './mask.js'
import { type PageSlice } from './page-slice.js'
import { type TextCells } from './text-cells.js'
import { type ValueTest } from './value-test.js'

const SET_BYTES = layout.DICTIONARY_CODES_MAX / 8

type Answers = {
  /** A byte of a mask for each code. */
  readonly masks: Uint8Array
  /** A bit for each code. */
  readonly bits: Uint8Array
  count: number
  trueCount: number
}

/** True or false for the text at `at`. */
type BytesTest = (memory: Uint8Array, from: number, bytes: number) => boolean

export class TextCheck {
  readonly #test: ValueTest
  readonly #texts: TextCells
  readonly #bytesTest: BytesTest | undefined
  readonly #always: boolean | undefined
  readonly #answers = new Map<number, Answers>()

  constructor(condition: FieldCondition, test: ValueTest, texts: TextCells) {
    this.#test = test
    this.#texts = texts
    this.#always = alwaysOf(condition)
    this.#bytesTest = bytesTest(condition)
  }

  /** {@link ALL}: of every row with a plain value. */
  of(slice: PageSlice, column: ColumnView): number {
    if (this.#always !== undefined) return this.#always ? ALL : NONE
    const answers = this.#answersOf(column.dictionary)
    return column.encoding === layout.ENCODED_I32 ? this.#ofCells(slice, column, answers) : ofCodes(slice, column, answers)
  }

  #answersOf(dictionary: number): Answers {
    let answers = this.#answers.get(dictionary)
    if (answers === undefined) {
      answers = { masks: new Uint8Array(layout.DICTIONARY_CODES_MAX), bits: new Uint8Array(SET_BYTES), count: 0, trueCount: 0 }
      this.#answers.set(dictionary, answers)
    }
    if (dictionary === 0) return answers
    const texts = this.#texts.dictionary(dictionary)
    for (; answers.count < texts.length; answers.count++) {
      const code = answers.count
      if (!this.#test(texts[code])) continue
      answers.masks[code] = MASK_TRUE
      answers.bits[code >>> 3] = (answers.bits[code >>> 3] as number) | (1 << (code & 7))
      answers.trueCount++
    }
    return answers
  }

  /** Codes and references to heaps, mixed. */
  #ofCells(slice: PageSlice, column: ColumnView, { masks }: Answers): number {
    const { page, from, rows, scratch } = slice
    const { i32, u8 } = page
    const mask = scratch.take(rows)
    const cellsAt = column.dataAt + from
    const states = slice.statesAt(column) ?? -1
    for (let row = 0; row < rows; row++) {
      const cell = i32[cellsAt + row] as number
      if (states >= 0 && u8[states + row] !== layout.STATE_VALUE) u8[mask + row] = MASK_FALSE
      else if (cell >>> 0 < layout.DICTIONARY_CODES_MAX) u8[mask + row] = masks[cell] as number
      else u8[mask + row] = this.#isTrueInHeap(page, cell) ? MASK_TRUE : MASK_FALSE
    }
    return mask
  }

  #isTrueInHeap(page: PageView, cell: number): boolean {
    if (this.#bytesTest === undefined) return this.#test(this.#texts.heapText(page, cell))
    const home = page.homeOf(cell)
    const at = home.at + (cell & layout.OFFSET_MASK)
    return this.#bytesTest(home.u8, textFrom(home.u8, at), textBytes(home.u8, at))
  }
}

function ofCodes(slice: PageSlice, column: ColumnView, { bits, count, trueCount }: Answers): number {
  if (trueCount === 0) return NONE
  if (trueCount === count) return ALL
  const { rows, scratch } = slice
  const setAt = scratch.take(SET_BYTES)
  slice.page.u8.set(bits, setAt)
  const mask = scratch.take(rows)
  const { values, states } = kernelColumn(slice, column)
  const encoding = column.encoding === layout.ENCODED_U16 ? 'u16' : 'u8'
  scratch.kernels.codeIn(rows, { encoding, values, states }, setAt, mask)
  return mask
}

/** The answer for any text, where it is the same for all. */
function alwaysOf(condition: FieldCondition): boolean | undefined {
  switch (condition.kind) {
    case 'compare':
      return typeof condition.value === 'string' ? undefined : condition.operator === '<>'
    case 'in':
      return condition.values.some((value) => typeof value === 'string') ? undefined : condition.negated && !condition.hasNull
    case 'is':
      return false
    default:
      return undefined
  }
}

/** Texts compare by their UTF-8 bytes; a constant with a lone surrogate has none. */
function bytesTest(condition: FieldCondition): BytesTest | undefined {
  if (condition.kind === 'in') {
    const texts = condition.values.filter((value) => typeof value === 'string')
    if (!texts.every(isWellFormed)) return undefined
    const constants = texts.map((text) => Buffer.from(text, 'utf8'))
    const { negated, hasNull } = condition
    return (memory, from, bytes) => {
      const isFound = constants.some((constant) => isSame(memory, from, bytes, constant))
      return negated ? !isFound && !hasNull : isFound
    }
  }
  if (condition.kind !== 'compare' || typeof condition.value !== 'string' || !isWellFormed(condition.value)) return undefined
  const constant = Buffer.from(condition.value, 'utf8')
  switch (condition.operator) {
    case '=':
      return (memory, from, bytes) => isSame(memory, from, bytes, constant)
    case '<>':
      return (memory, from, bytes) => !isSame(memory, from, bytes, constant)
    case '<':
      return (memory, from, bytes) => order(memory, from, bytes, constant) < 0
    case '<=':
      return (memory, from, bytes) => order(memory, from, bytes, constant) <= 0
    case '>':
      return (memory, from, bytes) => order(memory, from, bytes, constant) > 0
    case '>=':
      return (memory, from, bytes) => order(memory, from, bytes, constant) >= 0
  }
}

function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}

function isSame(memory: Uint8Array, from: number, bytes: number, constant: Uint8Array): boolean {
  if (bytes !== constant.length) return false
  for (let index = 0; index < bytes; index++) if (memory[from + index] !== constant[index]) return false
  return true
}

function order(memory: Uint8Array, from: number, bytes: number, constant: Uint8Array): number {
  const shorter = Math.min(bytes, constant.length)
  for (let index = 0; index < shorter; index++) {
    const difference = (memory[from + index] as number) - (constant[index] as number)
    if (difference !== 0) return difference
  }
  return bytes - constant.length
}
