import { DriftError } from '../base/errors.js'
import { type IndexColumn, indexOn, type IndexRequest } from '../catalog/index-definition.js'

/** A field by its name, `a.b` for a field of a field; as names, where one has a dot in it, or in descending order. */
export type IndexColumnOption = string | { readonly path: readonly string[]; readonly descending?: boolean }

export type NamedIndex = {
  /** Unless given, that of the table and the columns: `orders_status_idx`. */
  readonly name?: string
  readonly columns: readonly IndexColumnOption[]
  /** No two rows may have the same values, unless one of them is null or absent. */
  readonly unique?: boolean
}

/** One column, several, or all that can be said. */
export type IndexOption = string | readonly IndexColumnOption[] | NamedIndex

/** @throws DriftError INVALID_ARGUMENT for what is no index. */
export function indexRequest(table: string, option: IndexOption): IndexRequest {
  const named: NamedIndex = typeof option === 'string' ? { columns: [option] } : isNamed(option) ? option : { columns: option }
  if (!Array.isArray(named.columns)) throw new DriftError('INVALID_ARGUMENT', 'an index has a list of columns', { found: named.columns })
  const request = indexOn(table, named.columns.map(columnOf), named.unique === true)
  return named.name === undefined ? request : { ...request, name: named.name }
}

function isNamed(option: IndexOption): option is NamedIndex {
  return typeof option === 'object' && 'columns' in option
}

function columnOf(option: IndexColumnOption): IndexColumn {
  if (typeof option === 'string') return { path: option.split('.'), isDescending: false }
  if (typeof option === 'object' && Array.isArray(option.path) && option.path.length > 0) {
    return { path: [...option.path], isDescending: option.descending === true }
  }
  throw new DriftError('INVALID_ARGUMENT', 'a column of an index is a name, or { path, descending }', { found: option })
}
