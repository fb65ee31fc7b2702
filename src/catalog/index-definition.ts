import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { type Value } from '../codec/value.js'

/** A field of the document, by the names that lead to it. */
export type IndexColumn = { readonly path: readonly string[]; readonly isDescending: boolean }

/** What is asked for. */
export type IndexRequest = { readonly name: string; readonly columns: readonly IndexColumn[]; readonly isUnique: boolean }

/** A secondary index, as of the seq that made it. Plain data. */
export type IndexDefinition = IndexRequest & {
  /** Never given twice. */
  readonly id: number
  readonly createdSeq: number
  /** It is to be unique, and rows that were there before have not been looked at yet: it comes to be, or goes. */
  readonly isPending: boolean
}

/** The index that schema event `seq` made, the `place`th of its table. */
export function indexMadeAt(seq: number, place: number, request: IndexRequest, isPending = false): IndexDefinition {
  return { ...request, isPending, id: seq * limits.indexesPerTableMax + place, createdSeq: seq }
}

/** An index without a name of its own. */
export function indexOn(table: string, columns: readonly IndexColumn[], isUnique = false): IndexRequest {
  return { name: `${table}_${columns.map(({ path }) => path.join('_')).join('_')}_idx`, columns, isUnique }
}

/** `a.b desc` */
export function indexColumnText({ path, isDescending }: IndexColumn): string {
  return `${path.join('.')}${isDescending ? ' desc' : ''}`
}

/** As a schema event has it: most columns are one ascending field. */
export function encodedIndex({ name, columns, isUnique }: IndexRequest, isPending = false): Value {
  const encoded = columns.map(({ path, isDescending }) =>
    path.length === 1 && !isDescending ? (path[0] as string) : { path: [...path], descending: isDescending }
  )
  return isUnique ? { name, columns: encoded, unique: isPending ? 'pending' : true } : { name, columns: encoded }
}

type EncodedColumn = string | { readonly path: readonly string[]; readonly descending: boolean }

/** What {@link encodedIndex} made. */
export function decodedIndex(encoded: Value): IndexRequest & { readonly isPending: boolean } {
  const { name, columns, unique } = encoded as {
    readonly name: string
    readonly columns: readonly EncodedColumn[]
    readonly unique?: boolean | 'pending'
  }
  const decoded = columns.map((column): IndexColumn =>
    typeof column === 'string' ? { path: [column], isDescending: false } : { path: column.path, isDescending: column.descending }
  )
  return { name, columns: decoded, isUnique: unique !== undefined, isPending: unique === 'pending' }
}

/** @throws DriftError INVALID_ARGUMENT: two columns are one. */
export function refuseTwice({ name, columns }: IndexRequest): void {
  const texts = columns.map(({ path }) => JSON.stringify(path))
  const twice = columns.find((_, at) => texts.indexOf(texts[at] as string) < at)
  if (twice === undefined) return
  throw new DriftError('INVALID_ARGUMENT', `index ${name} has ${twice.path.join('.')} twice`, { index: name, found: twice.path.join('.') })
}
