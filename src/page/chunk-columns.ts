/** Which columns the next chunk of a delta has: those of the base or of the chunk before, and fields that came up since. */
import { CLASS_BOOL, CLASS_FLOAT, CLASS_INT, CLASS_TEXT, CLASS_TIME, eachField, encodeFieldName } from '../codec/document-shape.js'
import { EVENT_INSERT } from '../format/frame.js'
import { type FieldNames } from './field-names.js'
import { type OpenRange } from './open-range.js'
import { type ColumnDraft } from './page-draft.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type SharedHeap } from './shared-heap.js'
import { TextDictionary } from './text-dictionary.js'

export class ChunkColumns {
  readonly #primaryKey: string
  readonly #names: FieldNames
  /** Of the table: dictionaries lie here. */
  readonly #heap: SharedHeap

  constructor(primaryKey: string, names: FieldNames, heap: SharedHeap) {
    this.#primaryKey = primaryKey
    this.#names = names
    this.#heap = heap
  }

  /** For a chunk of the rectangle that `event` is the first in. */
  columnsFor(range: OpenRange, event: PageEvent): ColumnDraft[] {
    this.#names.settle()
    const lastChunk = range.chunks[range.chunks.length - 1]
    const last = lastChunk?.page ?? range.base
    const columns: ColumnDraft[] = []
    const names = new Set<string>()
    const add = (name: string, encoded: Uint8Array, valueClass: number): void => {
      if (names.has(name) || columns.length >= layout.COLUMNS_MAX) return
      names.add(name)
      columns.push(this.#columnDraft(name, encoded, valueClass))
    }
    if (last === undefined) {
      if (event.event === EVENT_INSERT) {
        const classes = topClasses(event)
        for (const [name, valueClass] of classes) {
          if (valueClass !== layout.CLASS_UNTYPED)
            add(name, encodeFieldName(name), name === this.#primaryKey ? layout.CLASS_KEY : valueClass)
        }
      }
      return columns
    }
    last.renew()
    last.view.columns.forEach(({ valueClass }, index) => {
      const field = last.fieldOfColumn(index)
      add(field.name, field.encoded, valueClass === layout.CLASS_UNTYPED ? field.classSeen : valueClass)
    })
    if (lastChunk !== undefined) {
      for (const [field, rows] of lastChunk.fieldsWithoutColumn()) {
        if (rows * layout.COLUMN_SHARE >= lastChunk.rowCount && field.classSeen !== layout.CLASS_UNTYPED) {
          add(field.name, field.encoded, field.name === this.#primaryKey ? layout.CLASS_KEY : field.classSeen)
        }
      }
    }
    return columns
  }

  #columnDraft(name: string, encoded: Uint8Array, valueClass: number): ColumnDraft {
    let dictionary = 0
    if (valueClass === layout.CLASS_TEXT) {
      let known = this.#names.dictionaryOf(name)
      if (known === undefined) this.#names.setDictionary(name, (known = new TextDictionary(this.#heap)))
      dictionary = known.reference
    }
    return { encodedName: encoded, valueClass, encoding: deltaEncoding(valueClass), hasStates: true, dictionary }
  }
}

/** The top-level fields of a document with the class of column that each asks for. */
function topClasses({ source, from }: PageEvent): Map<string, number> {
  const classes = new Map<string, number>()
  eachField(source, from, (name, valueClass) => {
    switch (valueClass) {
      case CLASS_BOOL:
        classes.set(name, layout.CLASS_BOOLEAN)
        break
      case CLASS_INT:
      case CLASS_FLOAT:
        classes.set(name, layout.CLASS_NUMBER)
        break
      case CLASS_TEXT:
        classes.set(name, layout.CLASS_TEXT)
        break
      case CLASS_TIME:
        classes.set(name, layout.CLASS_TIME)
        break
      default:
        classes.set(name, layout.CLASS_UNTYPED)
    }
  })
  return classes
}

function deltaEncoding(valueClass: number): number {
  switch (valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME:
      return layout.ENCODED_F64
    case layout.CLASS_TEXT:
      return layout.ENCODED_I32
    case layout.CLASS_BOOLEAN:
      return layout.ENCODED_U8
    default:
      return layout.ENCODED_NOT
  }
}
