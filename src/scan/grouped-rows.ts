/**
 * Groups of any values, row by row: each value of GROUP BY becomes a number (of a code, of a number, of a text), the numbers of a row its
 * group, and then each aggregate goes through its field once. No object is made for a row.
 */
import { type Value } from '../codec/value.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { cellOf, numberOf } from '../page/row-reader.js'
import { type AggregateQuery } from './aggregate-query.js'
import { FieldReader } from './field-reader.js'
import { type AggregateStates, CountStates, type GroupTable } from './group-table.js'

/** By dictionary: the number of each code's text in a column of GROUP BY; -1: it was not met. */
type CodeNumbers = Map<number, Int32Array>

export class GroupedRows {
  readonly #groups: GroupTable
  readonly #keys: readonly FieldReader[]
  readonly #fields: readonly (FieldReader | undefined)[]
  readonly #codeNumbers: readonly CodeNumbers[]

  constructor(keys: readonly FieldReader[], { aggregates }: AggregateQuery, groups: GroupTable) {
    this.#groups = groups
    this.#keys = keys
    const [first] = keys
    this.#fields = aggregates.map(({ field }) => (field === null || first === undefined ? undefined : new FieldReader(first.table, field)))
    this.#codeNumbers = keys.map(() => new Map<number, Int32Array>())
  }

  add(page: PageView, rows: Int32Array): void {
    if (rows.length === 0) return
    const groupOf = this.#groupsOf(page, rows)
    this.#fields.forEach((reader, index) => {
      const states = this.#groups.states[index] as AggregateStates
      if (reader !== undefined) addField(states, reader, page, rows, groupOf)
      else if (states instanceof CountStates) for (let row = 0; row < rows.length; row++) states.add(groupOf[row] as number, 1)
    })
  }

  #groupsOf(page: PageView, rows: Int32Array): Int32Array {
    const numbers = this.#keys.map((reader, column) => this.#numbersOf(column, reader, page, rows))
    return this.#groups.groupsOf(numbers, rows.length)
  }

  #numbersOf(index: number, reader: FieldReader, page: PageView, rows: Int32Array): Int32Array {
    const column = page.columnNamed(reader.field)
    const numbers = new Int32Array(rows.length)
    if (column?.valueClass === layout.CLASS_TEXT && column.dictionary !== 0) {
      this.#numbersOfTexts(index, reader, page, rows, column, numbers)
      return numbers
    }
    const groups = this.#groups
    for (let row = 0; row < rows.length; row++) {
      numbers[row] = groups.numberOf(index, reader.valueOf(page, rows[row] as number, column))
    }
    return numbers
  }

  #numbersOfTexts(index: number, reader: FieldReader, page: PageView, rows: Int32Array, column: ColumnView, numbers: Int32Array): void {
    const groups = this.#groups
    const texts = reader.table.texts.dictionary(column.dictionary)
    const byDictionary = this.#codeNumbers[index] as CodeNumbers
    let known = byDictionary.get(column.dictionary)
    if (known === undefined) byDictionary.set(column.dictionary, (known = new Int32Array(layout.DICTIONARY_CODES_MAX).fill(-1)))
    for (let row = 0; row < rows.length; row++) {
      const from = rows[row] as number
      const isPlain = column.statesAt < 0 || page.u8[column.statesAt + from] === layout.STATE_VALUE
      const cell = isPlain ? cellOf(page, from, column) : -1
      if (!isPlain || cell >>> 0 >= layout.DICTIONARY_CODES_MAX) {
        numbers[row] = groups.numberOf(index, reader.valueOf(page, from, column))
        continue
      }
      let number = known[cell] as number
      if (number < 0) known[cell] = number = groups.numberOf(index, texts[cell] as string)
      numbers[row] = number
    }
  }
}

function addField(states: AggregateStates, reader: FieldReader, page: PageView, rows: Int32Array, groupOf: Int32Array): void {
  const column = page.columnNamed(reader.field)
  const isNumbers = column?.valueClass === layout.CLASS_NUMBER
  const isCount = states instanceof CountStates
  for (let row = 0; row < rows.length; row++) {
    const from = rows[row] as number
    const group = groupOf[row] as number
    const isPlain = column !== undefined && (column.statesAt < 0 || page.u8[column.statesAt + from] === layout.STATE_VALUE)
    // A plain value need not be read to be counted.
    if (isPlain && isCount && column.valueClass !== layout.CLASS_UNTYPED) {
      states.add(group, 1)
      continue
    }
    const value: Value = isPlain && isNumbers ? numberOf(page, from, column) : reader.valueOf(page, from, column)
    if (value === null) continue
    if (isCount) states.add(group, 1)
    else states.add(group, value)
  }
}
