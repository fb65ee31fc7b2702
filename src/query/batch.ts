/**
 * Rows in columns, at most 1,024 at a time: the form in which operators pass them on. A value is null where its null byte is 1 (null and
 * absent are the same here), so a hot loop looks at bytes.
 */
import { type Document, type Value } from '../codec/value.js'
import { type Path } from './ast.js'

export const BATCH_ROWS_MAX = 1024

export type BatchColumn = { readonly name: string; readonly values: readonly unknown[]; readonly nulls: Uint8Array }

export type Batch = {
  readonly rowCount: number
  readonly columns: readonly BatchColumn[]
  /** The whole documents of the rows, where the query asks for them. */
  readonly documents?: readonly Document[]
}

/** The fields become columns in this order, each named by the last part of its path. */
export type BatchFields = { readonly paths: readonly Path[]; readonly documents: 'keep' | 'drop' }

/** Pulls rows as batches are pulled; never yields an empty batch. */
export function* batchesFromDocuments(rows: Iterable<{ readonly document: Document }>, fields: BatchFields): Generator<Batch, void, void> {
  let documents: Document[] = []
  for (const row of rows) {
    documents.push(row.document)
    if (documents.length === BATCH_ROWS_MAX) {
      yield batchOf(documents, fields)
      documents = []
    }
  }
  if (documents.length > 0) yield batchOf(documents, fields)
}

function batchOf(documents: readonly Document[], fields: BatchFields): Batch {
  const columns = fields.paths.map((path) => columnOf(documents, path))
  return { rowCount: documents.length, columns, ...(fields.documents === 'keep' ? { documents } : {}) }
}

function columnOf(documents: readonly Document[], path: Path): BatchColumn {
  const values: unknown[] = []
  const nulls = new Uint8Array(documents.length)
  documents.forEach((document, row) => {
    const value = fieldAt(document, path)
    if (value === null) nulls[row] = 1
    values.push(value)
  })
  return { name: path.at(-1) ?? '', values, nulls }
}

/** The value at a path; null where there is none, and where a part of the path is no object. */
export function fieldAt(document: Document, path: Path): Value {
  let value: Value = document
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return null
    value = value[name] ?? null
  }
  return value
}

function isObject(value: Value): value is { readonly [field: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array)
}
