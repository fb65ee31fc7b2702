/**
 * Rows in columns, at most 1,024 at a time: the form in which operators pass them on. A value is null where its null byte is 1 (null and
 * absent are the same here), so a hot loop looks at bytes.
 */
import { type Document, type Value } from '../codec/value.js'
import { type Path } from '../parser/ast.js'

export const BATCH_ROWS_MAX = 1024
/** Rows of the first batch, at most, where few may be enough; each later one has twice as many. */
export const FIRST_BATCH_ROWS = 32

/** One value a row. */
export type Vector = { readonly values: readonly unknown[]; readonly nulls: Uint8Array }

export type Batch = {
  readonly rowCount: number
  readonly columns: readonly Vector[]
  /** The whole documents of the rows, where the query asks for them. */
  readonly documents?: readonly Document[]
}

/** Nothing was found in a stretch of work: whoever drives the query may look up from it. */
export const EMPTY_BATCH: Batch = { rowCount: 0, columns: [], documents: [] }

/** The fields become columns in this order. */
export type BatchFields = { readonly paths: readonly Path[]; readonly documents: 'keep' | 'drop' }

export function batchOf(documents: readonly Document[], { paths, documents: keep }: BatchFields): Batch {
  const columns = paths.map((path) => columnOf(documents, path))
  return { rowCount: documents.length, columns, ...(keep === 'keep' ? { documents } : {}) }
}

function columnOf(documents: readonly Document[], path: Path): Vector {
  const values = new Array<unknown>(documents.length)
  const nulls = new Uint8Array(documents.length)
  const [only] = path
  const name = path.length === 1 && typeof only === 'string' && !(only in Object.prototype) ? only : undefined
  for (let row = 0; row < documents.length; row++) {
    const document = documents[row] as Document
    const value = name === undefined ? valueAt(document, path) : (document[name] ?? null)
    values[row] = value
    if (value === null) nulls[row] = 1
  }
  return { values, nulls }
}

/** The value at a path; null where there is none, and where a part of the path is no object or list. */
export function valueAt(document: Document, path: Path): Value {
  let value: Value = document
  for (const step of path) {
    if (typeof step === 'number') {
      if (!Array.isArray(value)) return null
      value = (value as readonly Value[])[step] ?? null
    } else {
      if (!isObject(value) || !Object.hasOwn(value, step)) return null
      value = value[step] ?? null
    }
  }
  return value
}

export function isObject(value: unknown): value is { readonly [field: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array)
}

/**
 * Documents as they come, in batches; `wanted`: so many rows may be enough. A document that is undefined is a chance to look up.
 * `scanned` is told how many there were.
 */
export function* documentBatches(
  documents: Iterable<Document | undefined>,
  fields: BatchFields,
  wanted: number,
  scanned: (rows: number) => void
): Generator<Batch, void, void> {
  let rowsMax = wanted === Number.POSITIVE_INFINITY ? BATCH_ROWS_MAX : Math.max(1, Math.min(FIRST_BATCH_ROWS, wanted))
  let rows: Document[] = []
  const batch = (): Batch => {
    scanned(rows.length)
    const made = batchOf(rows, fields)
    rows = []
    rowsMax = Math.min(BATCH_ROWS_MAX, rowsMax * 2)
    return made
  }
  for (const document of documents) {
    if (document === undefined) {
      yield EMPTY_BATCH
      continue
    }
    rows.push(document)
    if (rows.length >= rowsMax) yield batch()
  }
  if (rows.length > 0) yield batch()
}

/** The rows of these numbers, in this order. */
export function pick(batch: Batch, rows: readonly number[]): Batch {
  const columns = batch.columns.map(({ values, nulls }) => {
    const picked = new Array<unknown>(rows.length)
    const pickedNulls = new Uint8Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0
      picked[index] = values[row]
      pickedNulls[index] = nulls[row] ?? 0
    }
    return { values: picked, nulls: pickedNulls }
  })
  const { documents } = batch
  if (documents === undefined) return { rowCount: rows.length, columns }
  return { rowCount: rows.length, columns, documents: rows.map((row) => documents[row] as Document) }
}

export function vectorOf(values: readonly unknown[]): Vector {
  const nulls = new Uint8Array(values.length)
  for (let row = 0; row < values.length; row++) if (values[row] === null || values[row] === undefined) nulls[row] = 1
  return { values, nulls }
}

/** Not an assignment where that would set a prototype, for a field `__proto__`. */
export function setField(object: { [field: string]: Value }, field: string, value: Value): void {
  if (field === '__proto__') Object.defineProperty(object, field, { value, enumerable: true, writable: true, configurable: true })
  else object[field] = value
}
