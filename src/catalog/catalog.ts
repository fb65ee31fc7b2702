import { DriftError } from '../base/errors.js'
import { FIRST_USER_TABLE_ID } from '../base/ids.js'
import { limits } from '../base/limits.js'
import { decodeValue, encodeValue } from '../codec/document-codec.js'
import { type Value } from '../codec/value.js'
import { fileNameOf } from './file-name.js'
import { decodedIndex, encodedIndex, type IndexDefinition, indexMadeAt, type IndexRequest, refuseTwice } from './index-definition.js'

/** A table's schema, as of the seq that made it. Plain data. */
export type TableDefinition = {
  readonly id: number
  readonly name: string
  readonly primaryKey: string
  readonly indexes: readonly IndexDefinition[]
  /** Name of its folder below `tables/`; never changes. */
  readonly folder: string
  readonly createdSeq: number
}

/** Kinds of schema events; on disk, never change them. */
const KIND_CREATE_TABLE = 1
const KIND_CREATE_INDEX = 2
const KIND_DROP_INDEX = 3
/** A unique index has been found to be so, and is from here on. */
const KIND_ENFORCE_INDEX = 4

/** What one schema event did; `table` is as it left it. */
export type SchemaEvent =
  | { readonly kind: 'create-table'; readonly table: TableDefinition }
  | { readonly kind: 'create-index' | 'drop-index' | 'enforce-index'; readonly table: TableDefinition; readonly index: IndexDefinition }

/** The schemas by seq: what SCHEMA events say, in their order. The coordinator's; rebuilt from `drift.catalog` and the WAL. */
export class Catalog {
  readonly #byId = new Map<number, TableDefinition>()
  readonly #byName = new Map<string, TableDefinition>()
  readonly #events = new Map<number, SchemaEvent>()
  #lastEventSeq = 0
  #nextId = FIRST_USER_TABLE_ID

  /** The table of this name, or UNKNOWN_TABLE. */
  table(name: string): TableDefinition {
    const found = this.#byName.get(name)
    if (found === undefined) {
      const names = [...this.#byName.keys()].slice(0, 10).map((known) => JSON.stringify(known))
      const advice = names.length === 0 ? 'there are no tables yet' : `tables are ${names.join(', ')}`
      throw new DriftError('UNKNOWN_TABLE', `no table ${JSON.stringify(name)}; ${advice}`, { table: name })
    }
    return found
  }

  find(name: string): TableDefinition | undefined {
    return this.#byName.get(name)
  }

  byId(id: number): TableDefinition | undefined {
    return this.#byId.get(id)
  }

  /** What the schema event `seq` did. */
  eventAt(seq: number): SchemaEvent {
    const found = this.#events.get(seq)
    if (found === undefined) throw new DriftError('INVARIANT', `CAT-1: no schema event has seq ${seq}`, { seq })
    return found
  }

  /** 0: there is none. */
  get lastEventSeq(): number {
    return this.#lastEventSeq
  }

  get tables(): readonly TableDefinition[] {
    return [...this.#byId.values()]
  }

  /** The table that has an index of this name, or UNKNOWN_INDEX. */
  tableOfIndex(name: string): { readonly table: TableDefinition; readonly index: IndexDefinition } {
    const found = this.findIndex(name)
    if (found !== undefined) return found
    const names = this.tables.flatMap(({ indexes }) => indexes.map((index) => JSON.stringify(index.name))).slice(0, 10)
    const advice = names.length === 0 ? 'there are no indexes' : `indexes are ${names.join(', ')}`
    throw new DriftError('UNKNOWN_INDEX', `no index ${JSON.stringify(name)}; ${advice}`, { index: name })
  }

  findIndex(name: string): { readonly table: TableDefinition; readonly index: IndexDefinition } | undefined {
    for (const table of this.#byId.values()) {
      const index = table.indexes.find((each) => each.name === name)
      if (index !== undefined) return { table, index }
    }
    return undefined
  }

  /** Checks a declaration against limits and what is there, and gives it its id and folder. Nothing changes yet. */
  declare(name: string, primaryKey: string, indexes: readonly IndexRequest[], seq: number): SchemaEvent {
    checkName(name, 'table name', limits.tableNameBytesMax)
    checkName(primaryKey, 'primary key', limits.fieldNameBytesMax)
    if (name.startsWith('drift.')) {
      throw new DriftError('INVALID_ARGUMENT', `table names that begin with "drift." belong to the system: ${JSON.stringify(name)}`, {
        table: name
      })
    }
    if (this.#byName.has(name)) throw new DriftError('ALREADY_EXISTS', `table ${JSON.stringify(name)} exists`, { table: name })
    overLimit('tablesMax', this.#byId.size + 1)
    overLimit('indexesPerTableMax', indexes.length)
    for (const index of indexes) this.#checkIndex(index)
    const twice = indexes.find((index, at) => indexes.findIndex((other) => other.name === index.name) < at)
    if (twice !== undefined) {
      throw new DriftError('INVALID_ARGUMENT', `two indexes of ${name} are named ${twice.name}; give one another name`, {
        table: name,
        found: twice.name
      })
    }
    const made = indexes.map((index, at) => indexMadeAt(seq, at, index))
    const folder = this.#folderOf(name, this.#nextId)
    return { kind: 'create-table', table: { id: this.#nextId, name, primaryKey, indexes: made, folder, createdSeq: seq } }
  }

  /** The same for an index of a table that is there. */
  declareIndex(tableName: string, request: IndexRequest, seq: number, isPending: boolean): SchemaEvent {
    const table = this.table(tableName)
    this.#checkIndex(request)
    overLimit('indexesPerTableMax', table.indexes.length + 1)
    const index = indexMadeAt(seq, 0, request, isPending)
    return { kind: 'create-index', table: { ...table, indexes: [...table.indexes, index] }, index }
  }

  declareEnforced(name: string): SchemaEvent {
    return enforced(this.tableOfIndex(name))
  }

  declareDrop(name: string): SchemaEvent {
    const { table, index } = this.tableOfIndex(name)
    return { kind: 'drop-index', table: { ...table, indexes: table.indexes.filter((each) => each !== index) }, index }
  }

  /** Takes a SCHEMA event's payload. */
  apply(payload: Uint8Array, seq: number): SchemaEvent {
    const event = this.#decoded(decodeValue(payload), seq)
    this.add(event, seq)
    return event
  }

  /** Takes an event that was declared. */
  add(event: SchemaEvent, seq: number): void {
    const { table } = event
    this.#byId.set(table.id, table)
    this.#byName.set(table.name, table)
    this.#nextId = Math.max(this.#nextId, table.id + 1)
    this.#events.set(seq, event)
    this.#lastEventSeq = Math.max(this.#lastEventSeq, seq)
  }

  /** The event that {@link apply} takes. */
  static encode(event: SchemaEvent): Uint8Array {
    const { id, name, primaryKey, indexes, folder } = event.table
    switch (event.kind) {
      case 'create-table':
        return encodeValue(
          [id, KIND_CREATE_TABLE, { name, primaryKey, indexes: indexes.map((index) => encodedIndex(index)), folder }],
          'table definition'
        )
      case 'create-index':
        return encodeValue([id, KIND_CREATE_INDEX, encodedIndex(event.index, event.index.isPending)], 'index definition')
      case 'enforce-index':
        return encodeValue([id, KIND_ENFORCE_INDEX, { name: event.index.name }], 'index definition')
      default:
        return encodeValue([id, KIND_DROP_INDEX, { name: event.index.name }], 'index definition')
    }
  }

  #decoded(decoded: Value, seq: number): SchemaEvent {
    const [id, kind, definition] = decoded as [number, number, { readonly [name: string]: Value }]
    const { name, primaryKey, folder, indexes } = definition as { name: string; primaryKey: string; folder: string; indexes: Value[] }
    if (kind === KIND_CREATE_TABLE) {
      const made = indexes.map((each, at) => indexMadeAt(seq, at, decodedIndex(each)))
      return { kind: 'create-table', table: { id, name, primaryKey, indexes: made, folder, createdSeq: seq } }
    }
    const table = this.#byId.get(id)
    if (table === undefined) throw new DriftError('CORRUPT', `schema event ${seq} is of table ${id}, which nobody made`, { seq, found: id })
    if (kind === KIND_CREATE_INDEX) {
      const { isPending, ...request } = decodedIndex(definition)
      const index = indexMadeAt(seq, 0, request, isPending)
      return { kind: 'create-index', table: { ...table, indexes: [...table.indexes, index] }, index }
    }
    if (kind === KIND_DROP_INDEX || kind === KIND_ENFORCE_INDEX) {
      const index = table.indexes.find((each) => each.name === name)
      if (index === undefined) throw new DriftError('CORRUPT', `schema event ${seq} is of index ${name}, which is not there`, { seq })
      if (kind === KIND_ENFORCE_INDEX) return enforced({ table, index })
      return { kind: 'drop-index', table: { ...table, indexes: table.indexes.filter((each) => each !== index) }, index }
    }
    throw new DriftError('UNSUPPORTED_VERSION', `schema event ${seq} is of kind ${kind}: written by a later release`, { seq, found: kind })
  }

  #checkIndex(index: IndexRequest): void {
    const { name, columns } = index
    checkName(name, 'index name', INDEX_NAME_BYTES_MAX)
    overLimit('indexColumnsMax', columns.length)
    if (columns.length === 0) throw new DriftError('INVALID_ARGUMENT', `index ${name} has no columns`, { index: name })
    for (const { path } of columns) for (const field of path) checkName(field, 'index column', limits.fieldNameBytesMax)
    refuseTwice(index)
    const there = this.findIndex(name)
    if (there === undefined) return
    throw new DriftError('ALREADY_EXISTS', `index ${JSON.stringify(name)} exists, of table ${there.table.name}`, {
      index: name,
      table: there.table.name
    })
  }

  /** `~id` where its name is taken, or too long. */
  #folderOf(name: string, id: number): string {
    const encoded = fileNameOf(name, id)
    return [...this.#byId.values()].some((table) => table.folder === encoded) ? `${encoded}~${id}` : encoded
  }
}

function enforced({ table, index }: { readonly table: TableDefinition; readonly index: IndexDefinition }): SchemaEvent {
  const made = { ...index, isPending: false }
  const indexes = table.indexes.map((each) => (each === index ? made : each))
  return { kind: 'enforce-index', table: { ...table, indexes }, index: made }
}

/** A name that is made of those of many columns is long. */
const INDEX_NAME_BYTES_MAX = 64 * 1024

function checkName(name: unknown, what: string, bytesMax: number): void {
  if (typeof name !== 'string' || name === '' || Buffer.from(name).toString() !== name) {
    throw new DriftError('INVALID_ARGUMENT', `a ${what} must be a text that is not empty and is valid Unicode`, { found: name })
  }
  const seen = Buffer.byteLength(name)
  if (seen > bytesMax) {
    throw new DriftError('LIMIT', `a ${what} of ${seen} bytes is longer than ${bytesMax}`, { name: what, limit: bytesMax, seen })
  }
}

function overLimit(name: 'tablesMax' | 'indexesPerTableMax' | 'indexColumnsMax', seen: number): void {
  if (seen > limits[name]) throw new DriftError('LIMIT', `${seen} is over ${name}, ${limits[name]}`, { name, limit: limits[name], seen })
}
