/**
 * Statements of DriftQL as frozen plain data: what a text means, before any table is looked at. They can be cached and sent to another
 * thread. JSON documents stay text, already checked, because each execution needs values of its own.
 */
import { type Value } from '../codec/value.js'
import { type PointInTime } from './point-in-time.js'

/** `a.b` is ['a', 'b']; a field whose name has a dot is one item. */
export type Path = readonly string[]

export type Literal = { readonly kind: 'literal'; readonly value: Value }
/** `$n` and the n-th `?` have the number n, from 1; `:name` has its name. */
export type ParameterReference = { readonly kind: 'parameter'; readonly reference: number | string }
export type Field = { readonly kind: 'field'; readonly path: Path }
export type JsonText = { readonly kind: 'json'; readonly text: string }
export type Point = { readonly kind: 'point'; readonly point: PointInTime }

export type Operand = Literal | ParameterReference | Field
export type Comparison = { readonly kind: 'comparison'; readonly operator: '='; readonly left: Field; readonly right: Operand }

export type CreateTable = {
  readonly kind: 'create-table'
  readonly table: string
  readonly primaryKey: string
  /** The columns of each index, in the order of the text. */
  readonly indexes: readonly (readonly string[])[]
  readonly ifNotExists: boolean
}
/** Each source is one document or a list of them. */
export type Insert = {
  readonly kind: 'insert' | 'upsert'
  readonly table: string
  readonly documents: readonly (JsonText | ParameterReference)[]
}
export type Patch = {
  readonly kind: 'patch'
  readonly table: string
  readonly key: Literal | ParameterReference
  readonly set: JsonText | ParameterReference
}
export type SoftDelete = { readonly kind: 'soft-delete'; readonly table: string; readonly key: Literal | ParameterReference }
export type Select = {
  readonly kind: 'select'
  readonly columns: '*' | readonly Field[]
  readonly table: string
  /** All of them must be true. */
  readonly where: readonly Comparison[]
  readonly asOf: Point | ParameterReference | null
  readonly limit: Literal | ParameterReference | null
}
export type ShowDrift = { readonly kind: 'show-drift'; readonly table: string; readonly key: Literal | ParameterReference }
/** Of the language, but not executed yet. */
export type NotSupported = { readonly kind: 'not-supported'; readonly statement: string }

export type Statement = CreateTable | Insert | Patch | SoftDelete | Select | ShowDrift | NotSupported
