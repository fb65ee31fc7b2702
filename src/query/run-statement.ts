/** Runs a SELECT over a source, on the caller's thread. Rows are made as they are pulled. */
import { DriftError } from '../base/errors.js'
import { unixMsOf, seqOf } from '../base/ids.js'
import { limits } from '../base/limits.js'
import { encodeKey, type Key } from '../codec/key-codec.js'
import { type Document, type Value } from '../codec/value.js'
import { type Field, type Path, type Select } from './ast.js'
import { batchesFromDocuments, type Batch } from './batch.js'
import { filter, limit, project, type Equality } from './operators.js'
import { valueOf, type Parameters } from './parameters.js'
import { parsePoint, type PointInTime } from './point-in-time.js'
import { type QuerySource, type SourceAt } from './query-source.js'

export type ResultColumn = { readonly name: string; readonly type?: string; readonly nullable: boolean }

/**
 * `columns` is there before the first row. Of `SELECT *` it is empty here (which columns a table has had, the catalog knows) and the rows
 * are the batches' `documents`. `batches` can be iterated once.
 */
export type SelectResult = { readonly columns: readonly ResultColumn[]; readonly batches: Iterable<Batch> }

/** Longer than the longest canonical key; encodeKey asks for this much. */
const KEY_SCRATCH_BYTES = limits.keyBytesMax + 128

/**
 * The rows of a SELECT at the point of `source`, in key order.
 * @throws DriftError UNKNOWN_TABLE; INVALID_ARGUMENT for a parameter that is missing or no row count. Both before the first row.
 */
export function runSelect(statement: Select, source: QuerySource, parameters: Parameters): SelectResult {
  const primaryKey = source.primaryKey(statement.table)
  const fields = new FieldList()
  const named = statement.columns === '*' ? [] : statement.columns.map((field) => fields.indexOf(field))
  const equalities = statement.where.map(({ left, right }): Equality => {
    const column = fields.indexOf(left)
    return { column, to: right.kind === 'field' ? { column: fields.indexOf(right) } : { value: valueOf(right, parameters) } }
  })
  const rowCountMax = statement.limit === null ? undefined : rowCountOf(valueOf(statement.limit, parameters))
  const documents = statement.columns === '*' ? 'keep' : 'drop'

  const rows = rowsOf(statement, source, keyAsked(primaryKey, fields.paths, equalities))
  let batches: Iterable<Batch> = batchesFromDocuments(rows, { paths: fields.paths, documents })
  if (equalities.length > 0) batches = filter(batches, equalities)
  batches = project(batches, { columns: named, documents })
  if (rowCountMax !== undefined) batches = limit(batches, rowCountMax)
  return { columns: statement.columns === '*' ? [] : statement.columns.map((field) => resultColumn(field, primaryKey)), batches }
}

/**
 * {@link runSelect} at the statement's own AS OF.
 * @throws DriftError also what `sourceAt` throws, and INVALID_ARGUMENT for a parameter that is no point in time.
 */
export function runSelectAt(statement: Select, sourceAt: SourceAt, parameters: Parameters): SelectResult {
  return runSelect(statement, sourceAt(pointOf(statement, parameters)), parameters)
}

/**
 * The point of a SELECT's AS OF, or undefined without one. A parameter may be a seq (number), a text or a Date.
 * @throws DriftError INVALID_ARGUMENT for a parameter that is missing or no point in time.
 */
export function pointOf(statement: Select, parameters: Parameters): PointInTime | undefined {
  const { asOf } = statement
  if (asOf === null) return undefined
  if (asOf.kind === 'point') return asOf.point
  const value = valueOf(asOf, parameters)
  if (typeof value === 'string') return parsePoint(value)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return { kind: 'time', time: unixMsOf(value.getTime()) }
  if (typeof value === 'number' || typeof value === 'bigint') {
    const seq = Number(value)
    if (Number.isSafeInteger(seq) && seq >= 0) return { kind: 'seq', seq: seqOf(seq) }
  }
  const advice = "a seq (a whole number from 0), a Date or a text such as '@seq:100' or '2025-01-31T10:30:00Z'"
  throw new DriftError('INVALID_ARGUMENT', `a parameter after AS OF is ${advice}`, { parameter: asOf.reference })
}

/** The rows of a result as objects: documents as they are for `SELECT *`, else each named column, null where it has no value. */
export function* objectsOf(result: SelectResult): Generator<Document, void, void> {
  for (const { rowCount, columns, documents } of result.batches) {
    if (documents !== undefined) yield* documents
    else {
      for (let row = 0; row < rowCount; row++) {
        // fromEntries and not an assignment, which would set a prototype for a column `__proto__`.
        yield Object.fromEntries(columns.map((column) => [column.name, column.values[row]])) as Document
      }
    }
  }
}

/** Each path once, in order of first use: a field that is both shown and compared is taken out of the documents once. */
class FieldList {
  readonly paths: Path[] = []
  readonly #indexes = new Map<string, number>()

  indexOf(field: Field): number {
    const name = JSON.stringify(field.path)
    const known = this.#indexes.get(name)
    if (known !== undefined) return known
    this.#indexes.set(name, this.paths.length)
    return this.paths.push(field.path) - 1
  }
}

function* rowsOf(statement: Select, source: QuerySource, key: Key | undefined): Generator<{ readonly document: Document }, void, void> {
  if (key === undefined) {
    for (const document of source.scan(statement.table, {})) yield { document }
    return
  }
  const document = source.get(statement.table, key)
  if (document !== undefined) yield { document }
}

/** The key of the one row that can be in the answer, if the WHERE compares the primary key with a legal key. */
function keyAsked(primaryKey: string, paths: readonly Path[], equalities: readonly Equality[]): Key | undefined {
  for (const { column, to } of equalities) {
    const path = paths[column]
    if (path?.length !== 1 || path[0] !== primaryKey || !('value' in to)) continue
    if (isKey(to.value)) return to.value
  }
  return undefined
}

/** What cannot be a key equals no key: the scan and the filter then find nothing, as they must. */
function isKey(value: unknown): value is Key {
  if (value === null || typeof value === 'object') return false
  try {
    encodeKey(value, new Uint8Array(KEY_SCRATCH_BYTES))
    return true
  } catch (thrown) {
    if (thrown instanceof DriftError && thrown.kind === 'invalid') return false
    throw thrown
  }
}

function rowCountOf(value: Value): number {
  // More rows than a number can count are all rows.
  if (typeof value === 'bigint' && value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  const rowCount = typeof value === 'bigint' ? Number(value) : value
  if (typeof rowCount === 'number' && Number.isSafeInteger(rowCount) && rowCount >= 0) return rowCount
  throw new DriftError('INVALID_ARGUMENT', 'LIMIT takes a whole number from 0', { name: 'LIMIT' })
}

function resultColumn(field: Field, primaryKey: string): ResultColumn {
  const { path } = field
  return { name: path.at(-1) ?? '', nullable: path.length !== 1 || path[0] !== primaryKey }
}
