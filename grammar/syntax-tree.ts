/**
 * What the generated parser returns: the shape of the text, with its tokens. Nothing is decided here; `src/parser/parse.ts` makes the AST.
 * The postprocessors in `driftql.ne` are untyped, so these types are their contract.
 */
import { type Token } from './lexer.js'

/** A list as nearley builds it: pointing backwards, because copying an array for each item would be quadratic. */
export type Chain<T> = { readonly before: Chain<T> | null; readonly item: T }

export type PathTree = Chain<Token>
export type NumberTree = { readonly kind: 'number'; readonly negative: boolean; readonly token: Token }
/** `"…"`, `'…'`, TRUE, FALSE, NULL, a JSON literal, a parameter; or a number. */
export type ValueTree = { readonly kind: 'token'; readonly token: Token } | NumberTree
/** In expressions a number has no sign; `group` is a pair of parentheses. The operators are their tokens. */
export type ExpressionTree =
  | ValueTree
  | { readonly kind: 'path'; readonly path: PathTree }
  | { readonly kind: 'group'; readonly expression: ExpressionTree }
  | { readonly kind: 'binary'; readonly operator: Token; readonly left: ExpressionTree; readonly right: ExpressionTree }
  | { readonly kind: 'unary'; readonly operator: Token; readonly operand: ExpressionTree }
  | { readonly kind: 'not'; readonly operand: ExpressionTree }
  | { readonly kind: 'is-null'; readonly operand: ExpressionTree; readonly negated: boolean }
  | { readonly kind: 'in'; readonly operand: ExpressionTree; readonly items: Chain<ExpressionTree>; readonly negated: boolean }
  | {
      readonly kind: 'between'
      readonly operand: ExpressionTree
      readonly low: ExpressionTree
      readonly high: ExpressionTree
      readonly negated: boolean
    }
  | {
      readonly kind: 'like'
      readonly operand: ExpressionTree
      readonly pattern: ExpressionTree
      readonly escape: Token | null
      readonly verb: Token
      readonly negated: boolean
    }
  | { readonly kind: 'cast'; readonly operand: ExpressionTree; readonly type: Token }
  /** `items` null: `(*)`. */
  | { readonly kind: 'call'; readonly name: Token; readonly distinct: boolean; readonly items: Chain<ExpressionTree> | null }

/** The tokens of a point: one, or `@now - 1 hour`. */
export type PointTree = readonly Token[]
export type AsOfTree = { readonly keyword: Token; readonly point: PointTree }
export type RangeTree = { readonly from: PointTree; readonly to: PointTree; readonly includesEnd: boolean }
export type PeriodTree =
  | { readonly kind: 'diff'; readonly from: PointTree; readonly to: PointTree }
  | { readonly kind: 'all' }
  | { readonly kind: 'range'; readonly range: RangeTree }
  | { readonly kind: 'each'; readonly step: ValueTree; readonly unit: Token; readonly range: RangeTree }
/** `period` null: the table at one point. `asOf`: each place where one may stand. */
export type TableReferenceTree = {
  readonly table: Token
  readonly alias: Token | null
  readonly period: PeriodTree | null
  readonly asOf: readonly (AsOfTree | null)[]
}
/** `side` null: INNER; else LEFT, RIGHT, FULL or CROSS, which alone has no `on`. AS OF behind `on` is the query's. */
export type JoinTree = {
  readonly side: Token | null
  readonly table: TableReferenceTree
  readonly on: ExpressionTree | null
  readonly asOf: AsOfTree | null
}
/** `expression` null: the star, of one table if `of` names it. */
export type SelectItemTree =
  | { readonly expression: ExpressionTree; readonly alias: Token | null }
  | { readonly expression: null; readonly alias: null; readonly star: Token; readonly of: Token | null }
export type AssignmentTree = { readonly path: PathTree; readonly expression: ExpressionTree }
export type OrderItemTree = { readonly expression: ExpressionTree; readonly direction: Token | null; readonly nulls: Token | null }
export type InsertSourceTree =
  | { readonly kind: 'documents'; readonly documents: Chain<Token> }
  | { readonly kind: 'rows'; readonly columns: Chain<Token>; readonly rows: Chain<Chain<ExpressionTree>> }
  | { readonly kind: 'select'; readonly columns: Chain<Token> | null; readonly select: SelectTree }
export type ConflictTree = {
  readonly on: Token
  readonly target: Chain<Token> | null
  readonly set: Chain<AssignmentTree> | null
  readonly where: ExpressionTree | null
}
export type IndexColumnTree = { readonly path: PathTree; readonly direction: Token | null }
/** Each index is its columns. */
export type IndexTree = Chain<IndexColumnTree>

export type SelectTree = {
  readonly kind: 'select'
  readonly distinct: boolean
  readonly items: Chain<SelectItemTree>
  readonly from: { readonly table: TableReferenceTree; readonly joins: Chain<JoinTree> | null } | null
  readonly where: ExpressionTree | null
  readonly groupBy: Chain<ExpressionTree> | null
  readonly having: ExpressionTree | null
  readonly orderBy: Chain<OrderItemTree> | null
  readonly limit: ValueTree | null
  readonly offset: ValueTree | null
  readonly asOf: readonly (AsOfTree | null)[]
}

export type StatementTree =
  | {
      readonly kind: 'create-table'
      readonly table: Token
      readonly body: { readonly primaryKey: Token; readonly indexes: Chain<Chain<IndexTree>> | null }
      readonly ifNotExists: boolean
    }
  | {
      readonly kind: 'insert'
      readonly verb: Token
      readonly table: Token
      readonly source: InsertSourceTree
      readonly conflict: ConflictTree | null
      readonly returning: Chain<SelectItemTree> | null
    }
  | {
      readonly kind: 'update'
      readonly table: Token
      readonly set: Chain<AssignmentTree>
      readonly where: ExpressionTree | null
      readonly returning: Chain<SelectItemTree> | null
    }
  | {
      readonly kind: 'delete'
      readonly table: Token
      readonly where: ExpressionTree | null
      readonly returning: Chain<SelectItemTree> | null
    }
  | { readonly kind: 'patch'; readonly table: Token; readonly key: ValueTree; readonly set: Token }
  | { readonly kind: 'soft-delete' | 'show-drift'; readonly table: Token; readonly key: ValueTree }
  | SelectTree
  | { readonly kind: 'select-for-update'; readonly select: SelectTree; readonly whenLocked: 'wait' | 'refuse' | 'skip' }
  | {
      readonly kind: 'explain'
      readonly analyze: boolean
      readonly options: Chain<{ readonly name: Token; readonly value: Token | null }> | null
      readonly select: SelectTree
    }
  | { readonly kind: 'set'; readonly name: PathTree; readonly value: ValueTree | null }
  | { readonly kind: 'maintenance'; readonly verb: 'snapshot' | 'compact'; readonly table: Token }
  | { readonly kind: 'analyze'; readonly table: Token | null }
  | {
      readonly kind: 'begin'
      readonly isolation: 'read committed' | 'repeatable read' | 'serializable' | null
      readonly readOnly: boolean
      readonly options: { readonly name: Token; readonly value: Token } | null
    }
  | { readonly kind: 'commit' | 'rollback' }
  | { readonly kind: 'savepoint'; readonly verb: 'savepoint' | 'rollback-to' | 'release'; readonly name: Token }
  | {
      readonly kind: 'create-index'
      readonly table: Token
      readonly name: Token | null
      readonly columns: IndexTree
      readonly unique: boolean
      readonly ifNotExists: boolean
    }
  | { readonly kind: 'drop-index'; readonly name: Token; readonly ifExists: boolean }
  | { readonly kind: 'not-supported'; readonly statement: string }

/** One slot more than there are semicolons; an empty slot is null. */
export type ScriptTree = Chain<StatementTree | null>

export function arrayOf<T>(chain: Chain<T> | null): T[] {
  const items: T[] = []
  for (let link = chain; link !== null; link = link.before) items.push(link.item)
  return items.reverse()
}
