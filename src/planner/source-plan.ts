/** Where the rows of a query come from: a table, something else with a name after FROM, or a join of them. */
import { type Expression, type JoinSide, type Path } from '../parser/ast.js'
import { type ColumnConditions } from './column-conditions.js'
import { type Evaluator } from '../expression/evaluate.js'
import { type KeyAccess } from './key-access.js'

export type ColumnOrder = { readonly path: readonly string[]; readonly isDescending: boolean }

/** MIN or MAX of a field. */
export type ExtremeOf = { readonly path: readonly string[]; readonly isGreatest: boolean }

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
  /**
   * The order of the rows where it is one of fields, with nulls as they stand unless asked otherwise; empty: that of the keys. Undefined: of
   * something else, or the rows are grouped.
   */
  readonly order?: readonly ColumnOrder[] | undefined
  /** Nothing is asked of the rows but how many there are. */
  readonly isOnlyCounted?: boolean | undefined
  /** Nothing is asked of the rows but these. */
  readonly extremes?: readonly ExtremeOf[] | undefined
  readonly isAggregated?: boolean | undefined
  /** Nothing is asked but MIN and MAX of the primary key, over all rows: the first and the last of them say it. */
  readonly isKeyEnds?: boolean | undefined
  /** In a join, what the paths of its conditions begin with. */
  readonly name?: string | undefined
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
  /** The same, its paths as the documents have them. */
  readonly own: Condition | undefined
}

/** `field`: the right side, where it is a field of its table. */
export type JoinKey = { readonly left: Expression; readonly right: Expression; readonly field: readonly string[] | undefined }

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
  /** What the keys are evaluated from; paths begin with the names of their tables. */
  readonly keys: readonly JoinKey[]
  /** Rows of the right may be looked for by their keys, instead of reading all of them: of a table at one point, whose rows stand for nothing alone. */
  readonly mayLookUp: boolean
  readonly condition: Condition | undefined
}

export type SourcePlan = LeafPlan | JoinPlan
