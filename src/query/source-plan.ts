/** Where the rows of a query come from: a table, something else with a name after FROM, or a join of them. */
import { type Expression, type JoinSide, type Path } from '../parser/ast.js'
import { type ColumnConditions } from './column-conditions.js'
import { type Evaluator } from './evaluate.js'
import { type KeyAccess } from './key-access.js'

export type ColumnOrder = { readonly path: readonly string[]; readonly isDescending: boolean }

/** Of one table. */
export type TableScan = {
  readonly table: string | undefined
  /** What is taken out of the documents, in the columns of the scan. */
  readonly fields: readonly Path[]
  /** The key alone answers the query: no document is read. */
  readonly keysOnly: boolean
  readonly hasStar: boolean
  readonly access: KeyAccess
  readonly reverse: boolean
  /** What is asked of other columns, for an index that has them. */
  readonly asked?: ColumnConditions | undefined
  /** ORDER BY, where it is of fields only and nulls stand as they do unless asked otherwise. */
  readonly order?: readonly ColumnOrder[] | undefined
  /** What is asked of the column of times along the keys, of a table that has one. */
  readonly times?: KeyAccess | undefined
}

/** A condition, and how it is written. */
export type Condition = { readonly text: string; readonly evaluator: Evaluator; readonly expression: Expression }

/** `index`: which of the names after FROM. */
export type LeafPlan = {
  readonly kind: 'leaf'
  readonly index: number
  readonly name: string
  readonly scan: TableScan
  /** What rows must fulfil before they are joined; its columns are those of the scan. */
  readonly where: Condition | undefined
}

/**
 * Rows of the left with rows of the right; its columns are those of the left, then those of the right. A pair belongs together if the keys
 * are equal and the condition is true.
 */
export type JoinPlan = {
  readonly kind: 'join'
  readonly side: JoinSide
  readonly left: SourcePlan
  readonly right: LeafPlan
  readonly leftKeys: readonly Evaluator[]
  readonly rightKeys: readonly Evaluator[]
  readonly keyTexts: readonly string[]
  /** The only key of the right is that of its table: for few rows of the left, its rows are read by their keys. */
  readonly isByKey: boolean
  readonly condition: Condition | undefined
}

export type SourcePlan = LeafPlan | JoinPlan
