/**
 * Statements of DriftQL as frozen plain data: what a text means, before any table is looked at. They can be cached and sent to another
 * thread. JSON documents stay text, already checked, because each execution needs values of its own.
 */
import { type IndexColumn } from '../catalog/index-definition.js'
import { type Value } from '../codec/value.js'
import { type PointInTime } from './point-in-time.js'

/** `a.b[0]` is ['a', 'b', 0]; a field whose name has a dot is one item. */
export type Path = readonly (string | number)[]

/** `quoted`: it was written `"…"` where that is a value, and might have been meant for a name. */
export type Literal = { readonly kind: 'literal'; readonly value: Value; readonly quoted?: true }
/** `$n` and the n-th `?` have the number n, from 1; `:name` has its name. */
export type ParameterReference = { readonly kind: 'parameter'; readonly reference: number | string }
export type Field = { readonly kind: 'field'; readonly path: Path }
export type JsonText = { readonly kind: 'json'; readonly text: string }
export type Point = { readonly kind: 'point'; readonly point: PointInTime }

export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>='
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'
export type AggregateName = 'count' | 'sum' | 'avg' | 'min' | 'max'
export type CastType = 'int8' | 'float8' | 'text' | 'bool' | 'timestamptz' | 'bytea' | 'jsonb'

export type Expression =
  | Literal
  | ParameterReference
  | Field
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not' | 'negate'; readonly operand: Expression }
  | { readonly kind: 'comparison'; readonly operator: ComparisonOperator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'arithmetic'; readonly operator: ArithmeticOperator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'in'; readonly operand: Expression; readonly items: readonly Expression[]; readonly negated: boolean }
  | {
      readonly kind: 'between'
      readonly operand: Expression
      readonly low: Expression
      readonly high: Expression
      readonly negated: boolean
    }
  | {
      readonly kind: 'like'
      readonly operand: Expression
      readonly pattern: Expression
      /** One character, or '' for none. */
      readonly escape: string
      readonly ignoreCase: boolean
      readonly negated: boolean
    }
  | { readonly kind: 'is-null'; readonly operand: Expression; readonly negated: boolean }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: CastType }
  | Aggregate

/** `operand` null: COUNT(*). */
export type Aggregate = {
  readonly kind: 'aggregate'
  readonly name: AggregateName
  readonly distinct: boolean
  readonly operand: Expression | null
}

/** A point in time; a parameter may be a seq, a text or a Date. */
export type AsOf = Point | ParameterReference

/** From one point to another, which belongs to it (BETWEEN … AND) or does not (FROM … TO). */
export type TimeRange = { readonly from: AsOf; readonly to: AsOf; readonly includesEnd: boolean }

/** `unitMs` null: steps of seqs. */
export type TimeStep = { readonly count: Literal | ParameterReference; readonly unitMs: number | null }

/**
 * What one name after FROM stands for. `asOf` null: the point of the query; AS OF of a table that stands alone is the query's.
 *
 * - `table`: its rows at one point.
 * - `diff`: a row for each key whose document differs between two points.
 * - `versions`: a row for each version, of a range of time or (`range` null) of all of it.
 * - `each`: the rows at each of many points.
 */
export type TableReference =
  | { readonly kind: 'table'; readonly table: string; readonly alias: string | null; readonly asOf: AsOf | null }
  | { readonly kind: 'diff'; readonly table: string; readonly alias: string | null; readonly from: AsOf; readonly to: AsOf }
  | {
      readonly kind: 'versions'
      readonly table: string
      readonly alias: string | null
      readonly range: TimeRange | null
      readonly asOf: AsOf | null
    }
  | { readonly kind: 'each'; readonly table: string; readonly alias: string | null; readonly step: TimeStep; readonly range: TimeRange }

export type JoinSide = 'inner' | 'left' | 'right' | 'full' | 'cross'

/** `on` null: CROSS JOIN. */
export type Join = {
  readonly kind: 'join'
  readonly side: JoinSide
  readonly left: From
  readonly right: TableReference
  readonly on: Expression | null
}
export type From = TableReference | Join

export type CreateTable = {
  readonly kind: 'create-table'
  readonly table: string
  readonly primaryKey: string
  /** The columns of each index, in the order of the text. */
  readonly indexes: readonly (readonly IndexColumn[])[]
  readonly ifNotExists: boolean
}

export type CreateIndex = {
  readonly kind: 'create-index'
  readonly table: string
  /** Null: that of its table and columns. */
  readonly name: string | null
  readonly columns: readonly IndexColumn[]
  readonly isUnique: boolean
  readonly ifNotExists: boolean
}

export type DropIndex = { readonly kind: 'drop-index'; readonly name: string; readonly ifExists: boolean }

/** Each source is one document or a list of them. */
export type InsertSource =
  | { readonly kind: 'documents'; readonly documents: readonly (JsonText | ParameterReference)[] }
  | { readonly kind: 'rows'; readonly columns: readonly string[]; readonly rows: readonly (readonly Expression[])[] }
  | { readonly kind: 'query'; readonly columns: readonly string[] | null; readonly select: Select }

/** `set` null: DO NOTHING. */
export type OnConflict = { readonly set: readonly Assignment[] | null; readonly where: Expression | null }

export type Insert = {
  readonly kind: 'insert'
  readonly verb: 'insert' | 'upsert'
  readonly table: string
  readonly source: InsertSource
  /** The column in `ON CONFLICT (c)`, which must be the primary key; null without one. */
  readonly conflictTarget: string | null
  readonly onConflict: OnConflict | null
  readonly returning: readonly SelectItem[] | null
}
export type Assignment = { readonly path: Path; readonly value: Expression }
export type Update = {
  readonly kind: 'update'
  readonly table: string
  readonly set: readonly Assignment[]
  readonly where: Expression | null
  readonly returning: readonly SelectItem[] | null
}
export type Delete = {
  readonly kind: 'delete'
  readonly table: string
  readonly where: Expression | null
  readonly returning: readonly SelectItem[] | null
}
export type Patch = {
  readonly kind: 'patch'
  readonly table: string
  readonly key: Literal | ParameterReference
  readonly set: JsonText | ParameterReference
}
export type SoftDelete = { readonly kind: 'soft-delete'; readonly table: string; readonly key: Literal | ParameterReference }

/** `name` is the column's: the alias, the last name of a path, or the expression as text. */
export type SelectItem =
  /** `of`: the alias in `x.*`. */
  | { readonly kind: 'star'; readonly of?: string }
  | { readonly kind: 'item'; readonly expression: Expression; readonly name: string; readonly aliased: boolean }

/** `nulls` null: last in ascending order, first in descending. */
export type OrderItem = {
  readonly expression: Expression
  readonly descending: boolean
  readonly nulls: 'first' | 'last' | null
}

export type Select = {
  readonly kind: 'select'
  readonly distinct: boolean
  readonly items: readonly SelectItem[]
  readonly from: From | null
  readonly where: Expression | null
  readonly groupBy: readonly Expression[]
  readonly having: Expression | null
  readonly orderBy: readonly OrderItem[]
  readonly asOf: AsOf | null
  readonly limit: Literal | ParameterReference | null
  readonly offset: Literal | ParameterReference | null
}
/** `whenLocked`: what to do with a row that another transaction has locked. */
export type SelectForUpdate = { readonly kind: 'select-for-update'; readonly select: Select; readonly whenLocked: WhenLocked }
export type WhenLocked = 'wait' | 'refuse' | 'skip'
export type Explain = { readonly kind: 'explain'; readonly analyze: boolean; readonly format: 'text' | 'json'; readonly select: Select }
export type ShowDrift = { readonly kind: 'show-drift'; readonly table: string; readonly key: Literal | ParameterReference }
/** `value` null: RESET. */
export type SetOption = { readonly kind: 'set'; readonly name: string; readonly value: Literal | ParameterReference | null }
export type Maintenance = { readonly kind: 'snapshot' | 'compact'; readonly table: string }
/** `table` null: all tables. */
export type Analyze = { readonly kind: 'analyze'; readonly table: string | null }
export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable'
/** `isolation` null: none was named. */
export type Begin = {
  readonly kind: 'begin'
  readonly isolation: IsolationLevel | null
  readonly readOnly: boolean
  readonly metadata: JsonText | ParameterReference | null
}
export type Commit = { readonly kind: 'commit' }
export type Rollback = { readonly kind: 'rollback' }
export type Savepoint = { readonly kind: 'savepoint' | 'rollback-to' | 'release'; readonly name: string }
export type TransactionStatement = Begin | Commit | Rollback | Savepoint
/** Of the language, but not executed yet. */
export type NotSupported = { readonly kind: 'not-supported'; readonly statement: string }

export type Statement =
  | CreateTable
  | CreateIndex
  | DropIndex
  | Insert
  | Patch
  | SoftDelete
  | Update
  | Delete
  | Select
  | SelectForUpdate
  | Explain
  | ShowDrift
  | SetOption
  | Maintenance
  | Analyze
  | TransactionStatement
  | NotSupported
