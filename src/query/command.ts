/**
 * Statements that are not queries as plain data for the floors above, which execute them: parameters filled in, JSON read. The writes have
 * the shape of `db.batch`.
 */
import { DriftError, unreachable } from '../base/errors.js'
import { parseJson } from '../codec/json-codec.js'
import { type Document, type Value } from '../codec/value.js'
import { type JsonText, type ParameterReference, type Select, type Statement } from './ast.js'
import { valueOf, type Parameters } from './parameters.js'

export type Command =
  | { readonly insert: string; readonly document: Document }
  | { readonly upsert: string; readonly document: Document }
  | { readonly patch: string; readonly key: Value; readonly set: Document }
  | { readonly softDelete: string; readonly key: Value }
  | { readonly createTable: TableDefinition }
  | { readonly showDrift: { readonly table: string; readonly key: Value } }

export type TableDefinition = {
  readonly name: string
  readonly primaryKey: string
  /** The columns of each index. */
  readonly indexes: readonly (readonly string[])[]
  readonly ifNotExists: boolean
}

/**
 * What a statement asks for: one command, or one for each document of an INSERT or UPSERT. Each call makes values of its own. Whether a
 * key or a document can be stored is checked where it is stored.
 * @throws DriftError NOT_SUPPORTED (`statement`); INVALID_ARGUMENT for a parameter that is missing; INVALID_DOCUMENT for a document or
 * patch that is no object.
 */
export function commandsOf(statement: Exclude<Statement, Select>, parameters: Parameters): readonly Command[] {
  switch (statement.kind) {
    case 'create-table': {
      const { table, primaryKey, indexes, ifNotExists } = statement
      return [{ createTable: { name: table, primaryKey, indexes, ifNotExists } }]
    }
    case 'insert':
      return documentsOf(statement.documents, parameters).map((document) => ({ insert: statement.table, document }))
    case 'upsert':
      return documentsOf(statement.documents, parameters).map((document) => ({ upsert: statement.table, document }))
    case 'patch': {
      const set = asDocument(sourceValue(statement.set, parameters), 'the patch')
      return [{ patch: statement.table, key: valueOf(statement.key, parameters), set }]
    }
    case 'soft-delete':
      return [{ softDelete: statement.table, key: valueOf(statement.key, parameters) }]
    case 'show-drift':
      return [{ showDrift: { table: statement.table, key: valueOf(statement.key, parameters) } }]
    case 'not-supported': {
      const message = `${statement.statement} is part of the language, but this version does not execute it yet`
      throw new DriftError('NOT_SUPPORTED', message, { statement: statement.statement })
    }
    default:
      return unreachable(statement)
  }
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
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array)
  if (isObject) return value as Document
  throw new DriftError('INVALID_DOCUMENT', `${what} must be an object`, { path: '', reason: 'not an object' })
}
