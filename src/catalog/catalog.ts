import { DriftError } from '../base/errors.js'
import { FIRST_USER_TABLE_ID } from '../base/ids.js'
import { limits } from '../base/limits.js'
import { decodeValue, encodeValue } from '../codec/document-codec.js'

/** An index as it was declared; nothing is built from it yet, and no answer depends on it. */
export type IndexDefinition = { readonly name: string; readonly columns: readonly string[] }

/** An index without a name of its own. */
export function indexOn(table: string, columns: readonly string[]): IndexDefinition {
  return { name: `${table}_${columns.join('_')}_idx`, columns }
}

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

/** The schemas by seq: what SCHEMA events say, in their order. The coordinator's; rebuilt from `drift.catalog` and the WAL. */
export class Catalog {
  readonly #byId = new Map<number, TableDefinition>()
  readonly #byName = new Map<string, TableDefinition>()
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

  /** The table that the schema event `seq` made. */
  createdAt(seq: number): TableDefinition {
    const found = this.tables.find((table) => table.createdSeq === seq)
    if (found === undefined) throw new DriftError('INVARIANT', `CAT-1: no schema event has seq ${seq}`, { seq })
    return found
  }

  get tables(): readonly TableDefinition[] {
    return [...this.#byId.values()]
  }

  /** Checks a declaration against limits and what is there, and gives it its id and folder. Nothing changes yet. */
  declare(name: string, primaryKey: string, indexes: readonly IndexDefinition[], seq: number): TableDefinition {
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
    for (const index of indexes) {
      overLimit('indexColumnsMax', index.columns.length)
      for (const column of index.columns) checkName(column, 'index column', limits.fieldNameBytesMax)
    }
    const twice = indexes.find((index, at) => indexes.findIndex((other) => other.name === index.name) < at)
    if (twice !== undefined) {
      throw new DriftError('INVALID_ARGUMENT', `two indexes of ${name} are named ${twice.name}; give one another name`, {
        table: name,
        found: twice.name
      })
    }
    return { id: this.#nextId, name, primaryKey, indexes, folder: this.#folderOf(name, this.#nextId), createdSeq: seq }
  }

  /** Takes a SCHEMA event's payload. */
  apply(payload: Uint8Array, seq: number): TableDefinition {
    const [id, kind, definition] = decodeValue(payload) as [number, number, Omit<TableDefinition, 'id' | 'createdSeq'>]
    if (kind !== KIND_CREATE_TABLE) {
      throw new DriftError('UNSUPPORTED_VERSION', `schema event ${seq} is of kind ${kind}: written by a later release`, {
        seq,
        found: kind
      })
    }
    const table = { ...definition, id, createdSeq: seq }
    this.add(table)
    return table
  }

  /** Takes a table that {@link declare} checked. */
  add(table: TableDefinition): void {
    this.#byId.set(table.id, table)
    this.#byName.set(table.name, table)
    this.#nextId = Math.max(this.#nextId, table.id + 1)
  }

  /** The event that {@link apply} takes. */
  static encode(table: TableDefinition): Uint8Array {
    const { id, name, primaryKey, indexes, folder } = table
    return encodeValue([id, KIND_CREATE_TABLE, { name, primaryKey, indexes, folder }], 'table definition')
  }

  /** Every byte outside `[a-z0-9_-]` percent-encoded, so that names differ on any file system; `~id` where that is too long or taken. */
  #folderOf(name: string, id: number): string {
    const encoded = encodeName(name)
    const taken = [...this.#byId.values()].some((table) => table.folder === encoded)
    if (encoded.length > FOLDER_NAME_MAX) return `${encoded.slice(0, FOLDER_NAME_MAX)}~${id}`
    return taken ? `${encoded}~${id}` : encoded
  }
}

const FOLDER_NAME_MAX = 200

function encodeName(name: string): string {
  let encoded = ''
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte)
    encoded += /[a-z0-9_-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`
  }
  return encoded
}

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
