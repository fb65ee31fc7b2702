/**
 * Statements that write, as the list of writes that they come to at the state they read. The floors above commit them; each write of a row
 * that was read says which event it was read at (`ifSeq`), so that nothing that came in between is overwritten.
 */
import { DriftError, unreachable } from '../base/errors.js'
import { parseJson } from '../codec/json-codec.js'
import { type Key } from '../codec/key-codec.js'
import { type Document, type Value } from '../codec/value.js'
import {
  type Assignment,
  type Delete,
  type Expression,
  type Insert,
  type JsonText,
  type ParameterReference,
  type Patch,
  type Path,
  type Select,
  type SelectItem,
  type SoftDelete,
  type Update
} from '../parser/ast.js'
import { pathText } from '../parser/expression-text.js'
import { batchOf, isObject, setField } from '../expression/batch.js'
import { compile, newExecution, NO_ROW, type Evaluator, type Scope } from '../expression/evaluate.js'
import { identityOf } from '../codec/value-order.js'
import { valueOf, type Parameters } from '../expression/parameters.js'
import { bytesOf, type QueryMemory } from './query-memory.js'
import { type QuerySource } from '../relation/query-source.js'
import { arraysOf, objectsOf } from './result-rows.js'
import { runSelect } from './run-select.js'

export type Write =
  | { readonly insert: string; readonly document: Document; readonly ifSeq?: number }
  | { readonly upsert: string; readonly document: Document; readonly ifSeq?: number }
  | { readonly patch: string; readonly key: Key; readonly set: Document; readonly ifSeq?: number }
  | { readonly softDelete: string; readonly key: Key; readonly ifSeq?: number }

export type CollectedWrites = {
  readonly writes: readonly Write[]
  /** Rows that are written: less than the writes where a key changes. */
  readonly rowCount: number
  /** Of each row, as RETURNING sees it: after the write; before it for a DELETE. Empty where nobody asked. */
  readonly returned: readonly Document[]
}

export type WriteStatement = Insert | Update | Delete | Patch | SoftDelete

/** What a statement reads, its values, and the memory in which its writes are kept. */
export type WriteContext = {
  readonly source: QuerySource
  /** Where the query of INSERT … SELECT reads. */
  readonly querySource: (select: Select) => QuerySource
  readonly parameters: Parameters
  readonly memory: QueryMemory
}

/**
 * Yields now and then, so that a long statement can be stopped. Each call makes values of its own. Whether a key or a document can be
 * stored is checked where it is stored.
 * @throws DriftError UNKNOWN_TABLE; INVALID_ARGUMENT for a parameter that is missing or a statement without meaning; INVALID_DOCUMENT for
 * a document or patch that is no object.
 */
export function* collectWrites(statement: WriteStatement, context: WriteContext): Generator<void, CollectedWrites> {
  const { parameters } = context
  switch (statement.kind) {
    case 'insert':
      return yield* ofInsert(statement, context)
    case 'update':
      return yield* ofUpdate(statement, context)
    case 'delete':
      return yield* ofDelete(statement, context)
    case 'patch': {
      const set = asDocument(sourceValue(statement.set, parameters), 'the patch')
      return { writes: [{ patch: statement.table, key: valueOf(statement.key, parameters) as Key, set }], rowCount: 1, returned: [] }
    }
    case 'soft-delete': {
      const key = valueOf(statement.key, parameters) as Key
      return { writes: [{ softDelete: statement.table, key }], rowCount: 1, returned: [] }
    }
    default:
      return unreachable(statement)
  }
}

function* ofInsert(statement: Insert, context: WriteContext): Generator<void, CollectedWrites> {
  const { source } = context
  const { table, verb, onConflict, conflictTarget } = statement
  const primaryKey = source.primaryKey(table)
  if (conflictTarget !== null && conflictTarget !== primaryKey) {
    const message = `ON CONFLICT (${conflictTarget}): only the primary key ${primaryKey} can conflict`
    throw new DriftError('INVALID_ARGUMENT', message, { table, columns: [primaryKey] })
  }
  const documents = yield* documentsToInsert(statement, context)
  if (onConflict === null) {
    const writes = documents.map((document): Write => (verb === 'insert' ? { insert: table, document } : { upsert: table, document }))
    return { writes, rowCount: writes.length, returned: statement.returning === null ? [] : documents }
  }
  const conflict = onConflict.set === null ? undefined : new ConflictUpdate(onConflict.set, onConflict.where, table, context)
  const writes: Write[] = []
  const returned: Document[] = []
  const seen = new Set<string>()
  for (const [index, document] of documents.entries()) {
    if (index % 1024 === 1023) yield
    const key = document[primaryKey] as Key
    const identity = identityOf(key)
    const before = source.get(table, key)
    if (before === undefined && !seen.has(identity)) {
      writes.push({ insert: table, document, ifSeq: source.lastSeqOf(table, key) })
      returned.push(document)
    } else if (conflict !== undefined) {
      if (before === undefined || seen.has(identity)) {
        throw new DriftError('INVALID_ARGUMENT', `ON CONFLICT DO UPDATE cannot change the row of key ${String(key)} twice`, { table, key })
      }
      const set = conflict.changes(before, document, primaryKey)
      if (set !== undefined) {
        writes.push({ patch: table, key, set, ifSeq: source.lastSeqOf(table, key) })
        returned.push({ ...before, ...set })
      }
    }
    seen.add(identity)
  }
  return { writes, rowCount: writes.length, returned }
}

function* documentsToInsert({ source: from }: Insert, context: WriteContext): Generator<void, Document[]> {
  const { parameters, memory } = context
  switch (from.kind) {
    case 'documents':
      return documentsOf(from.documents, parameters)
    case 'rows': {
      const execution = newExecution(parameters)
      return from.rows.map((row) => {
        const values = row.map((expression) => compile(expression, VALUES_SCOPE).vector(NO_ROW, execution).values[0])
        return documentOf(from.columns, values as Value[])
      })
    }
    case 'query': {
      const run = runSelect(from.select, context.querySource(from.select), parameters, memory)
      const { columns } = from
      if (columns !== null && columns.length !== run.columns.length) {
        const message = `${columns.length} columns for a query of ${run.columns.length}`
        throw new DriftError('INVALID_ARGUMENT', message, { columns })
      }
      const documents: Document[] = []
      for (const batch of run.batches) {
        const rows = columns === null ? objectsOf(batch, run) : arraysOf(batch, run).map((row) => documentOf(columns, row))
        for (const row of rows) {
          memory.take(bytesOf(row))
          documents.push(row)
        }
        yield
      }
      return documents
    }
    default:
      return unreachable(from)
  }
}

const VALUES_SCOPE: Scope = {
  columnOf: () => undefined,
  field: ({ path }) => {
    throw new DriftError('INVALID_ARGUMENT', `${pathText(path)} is a column, and VALUES has no row to take it from; a text is '…'`, {})
  }
}

/** UPDATE as a query: its rows whole, and the values of its assignments beside them. Kept, so that its plan is kept. */
const readings = new WeakMap<Update | Delete, Select>()

export function readingOf(statement: Update | Delete): Select {
  const known = readings.get(statement)
  if (known !== undefined) return known
  const values = statement.kind === 'update' ? statement.set : []
  const items = values.map(({ value }, index): SelectItem => ({ kind: 'item', expression: value, name: `set ${index}`, aliased: false }))
  const select = selectOf(statement.table, [{ kind: 'star' }, ...items], statement.where)
  readings.set(statement, select)
  return select
}

function* ofUpdate(statement: Update, context: WriteContext): Generator<void, CollectedWrites> {
  const { source, memory } = context
  const { table, set } = statement
  const primaryKey = source.primaryKey(table)
  const run = runSelect(readingOf(statement), source, context.parameters, memory)
  const writes: Write[] = []
  // Behind all deletions, so that keys can take each other's places: SET id = id + 1.
  const moved: Write[] = []
  const returned: Document[] = []
  let rowCount = 0
  for (const { rowCount: rows, columns, documents } of run.batches) {
    for (let row = 0; row < rows; row++) {
      const before = documents?.[row] as Document
      const values = columns.map((column) => column.values[row] as Value)
      const changes = changesOf(set, values, before)
      const key = before[primaryKey] as Key
      const ifSeq = source.lastSeqOf(table, key)
      const after = { ...before, ...changes }
      rowCount++
      if (statement.returning !== null) returned.push(after)
      if (!Object.hasOwn(changes, primaryKey) || identityOf(changes[primaryKey]) === identityOf(key)) {
        writes.push({ patch: table, key, set: changes, ifSeq })
      } else {
        writes.push({ softDelete: table, key, ifSeq })
        moved.push({ insert: table, document: after })
      }
      memory.take(64 + bytesOf(changes) + (statement.returning === null ? 0 : bytesOf(after)))
    }
    yield
  }
  for (const write of moved) writes.push(write)
  return { writes, rowCount, returned }
}

function* ofDelete(statement: Delete, context: WriteContext): Generator<void, CollectedWrites> {
  const { source, memory } = context
  const { table } = statement
  const primaryKey = source.primaryKey(table)
  const run = runSelect(readingOf(statement), source, context.parameters, memory)
  const writes: Write[] = []
  const returned: Document[] = []
  for (const { documents } of run.batches) {
    for (const document of documents ?? []) {
      const key = document[primaryKey] as Key
      writes.push({ softDelete: table, key, ifSeq: source.lastSeqOf(table, key) })
      if (statement.returning !== null) returned.push(document)
      memory.take(64 + (statement.returning === null ? 0 : bytesOf(document)))
    }
    yield
  }
  return { writes, rowCount: writes.length, returned }
}

/** What RETURNING shows of these rows, as a query over them. */
const returnings = new WeakMap<readonly SelectItem[], Select>()

export function returningSelect(table: string, items: readonly SelectItem[]): Select {
  const known = returnings.get(items)
  if (known !== undefined) return known
  const select = selectOf(table, items, null)
  returnings.set(items, select)
  return select
}

function selectOf(table: string, items: readonly SelectItem[], where: Expression | null): Select {
  const nothing = { distinct: false, groupBy: [], having: null, orderBy: [], asOf: null, limit: null, offset: null } as const
  return { kind: 'select', items, from: { kind: 'table', table, alias: null, asOf: null }, where, ...nothing }
}

/** DO UPDATE: names are the row's, `excluded.x` the document's that could not be inserted. */
class ConflictUpdate {
  readonly #set: readonly Assignment[]
  readonly #values: readonly Evaluator[]
  readonly #where: Evaluator | undefined
  readonly #paths: Path[] = []
  readonly #context: WriteContext

  constructor(set: readonly Assignment[], where: Expression | null, table: string, context: WriteContext) {
    this.#set = set
    this.#context = context
    const scope: Scope = {
      columnOf: () => undefined,
      field: ({ path }) => {
        const [first] = path
        const isExcluded = first === 'excluded' && path.length > 1
        const rest = isExcluded || (first === table && path.length > 1) ? path.slice(1) : path
        return this.#paths.push([isExcluded ? 'excluded' : 'row', ...rest]) - 1
      }
    }
    this.#values = set.map(({ value }) => compile(value, scope))
    this.#where = where === null ? undefined : compile(where, scope)
  }

  /** Undefined where the condition is not true. */
  changes(before: Document, excluded: Document, primaryKey: string): Document | undefined {
    const batch = batchOf([{ row: before, excluded }], { paths: this.#paths, documents: 'drop' })
    const execution = newExecution(this.#context.parameters)
    const one = (evaluator: Evaluator): Value => evaluator.vector(batch, execution).values[0] as Value
    if (this.#where !== undefined && one(this.#where) !== true) return undefined
    const changes = changesOf(this.#set, this.#values.map(one), before)
    if (!Object.hasOwn(changes, primaryKey) || identityOf(changes[primaryKey]) === identityOf(before[primaryKey])) return changes
    throw new DriftError('INVALID_ARGUMENT', `ON CONFLICT DO UPDATE cannot change the primary key ${primaryKey}`, { columns: [primaryKey] })
  }
}

/** The top-level fields that a patch must set so that every assignment holds. */
function changesOf(set: readonly Assignment[], values: readonly Value[], before: Document): Document {
  const changes: { [field: string]: Value } = {}
  for (const [index, { path }] of set.entries()) {
    const [first, ...rest] = path
    const field = String(first)
    const value = values[index] ?? null
    const old = Object.hasOwn(changes, field) ? changes[field] : Object.hasOwn(before, field) ? before[field] : undefined
    setField(changes, field, rest.length === 0 ? value : withValueAt(old ?? null, rest, value, path))
  }
  return changes
}

function withValueAt(old: Value, [step, ...rest]: Path, value: Value, whole: Path): Value {
  if (step === undefined) return value
  if (typeof step === 'number') {
    if (!Array.isArray(old) || step > old.length) {
      throw new DriftError('INVALID_ARGUMENT', `${pathText(whole)} cannot be set: there is no list of that length`, {
        path: pathText(whole)
      })
    }
    const items = [...(old as readonly Value[])]
    items[step] = withValueAt(items[step] ?? null, rest, value, whole)
    return items
  }
  if (old !== null && !isObject(old)) {
    throw new DriftError('INVALID_ARGUMENT', `${pathText(whole)} cannot be set: what holds it is no object`, { path: pathText(whole) })
  }
  const object = { ...old }
  setField(object, step, withValueAt(object[step] ?? null, rest, value, whole))
  return object
}

function documentOf(columns: readonly string[], values: readonly Value[]): Document {
  const document: { [field: string]: Value } = {}
  for (const [index, column] of columns.entries()) setField(document, column, values[index] ?? null)
  return document
}

function documentsOf(sources: readonly (JsonText | ParameterReference)[], parameters: Parameters): Document[] {
  const documents: Document[] = []
  for (const source of sources) {
    const value = sourceValue(source, parameters)
    // Not spread into push: a list may be longer than a call can have arguments.
    for (const item of Array.isArray(value) ? (value as readonly Value[]) : [value]) documents.push(asDocument(item, 'the document'))
  }
  return documents
}

function sourceValue(source: JsonText | ParameterReference, parameters: Parameters): Value {
  return source.kind === 'json' ? parseJson(source.text) : valueOf(source, parameters)
}

function asDocument(value: Value, what: string): Document {
  if (isObject(value)) return value
  throw new DriftError('INVALID_DOCUMENT', `${what} must be an object`, { path: '', reason: 'not an object' })
}
