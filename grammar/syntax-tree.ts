/**
 * What the generated parser returns: the shape of the text, with its tokens. Nothing is decided here; `src/query/parse.ts` makes the AST.
 * The postprocessors in `driftql.ne` are untyped, so these types are their contract.
 */
import { type Token } from './lexer.js'

/** A list as nearley builds it: pointing backwards, because copying an array for each item would be quadratic. */
export type Chain<T> = { readonly before: Chain<T> | null; readonly item: T }

export type PathTree = Chain<Token>
export type NumberTree = { readonly kind: 'number'; readonly negative: boolean; readonly token: Token }
/** `"…"`, `'…'`, TRUE, FALSE, NULL, a JSON literal, a parameter; or a number. */
export type ValueTree = { readonly kind: 'token'; readonly token: Token } | NumberTree
export type OperandTree = ValueTree | { readonly kind: 'path'; readonly path: PathTree }
/** The tokens of a point: one, or `@now - 1 hour`. */
export type AsOfTree = { readonly keyword: Token; readonly point: readonly Token[] }
export type ComparisonTree = { readonly left: PathTree; readonly right: OperandTree }
/** Each index is its columns. */
export type IndexTree = Chain<Token>

export type StatementTree =
  | {
      readonly kind: 'create-table'
      readonly table: Token
      readonly body: { readonly primaryKey: Token; readonly indexes: Chain<Chain<IndexTree>> | null }
      readonly ifNotExists: boolean
    }
  | { readonly kind: 'insert' | 'upsert'; readonly table: Token; readonly documents: Chain<Token> }
  | { readonly kind: 'patch'; readonly table: Token; readonly key: ValueTree; readonly set: Token }
  | { readonly kind: 'soft-delete' | 'show-drift'; readonly table: Token; readonly key: ValueTree }
  | {
      readonly kind: 'select'
      readonly columns: Chain<PathTree> | null
      readonly table: Token
      readonly where: Chain<ComparisonTree> | null
      readonly limit: ValueTree | null
      readonly asOf: readonly (AsOfTree | null)[]
    }
  | { readonly kind: 'not-supported'; readonly statement: string }

/** One slot more than there are semicolons; an empty slot is null. */
export type ScriptTree = Chain<StatementTree | null>

export function arrayOf<T>(chain: Chain<T> | null): T[] {
  const items: T[] = []
  for (let link = chain; link !== null; link = link.before) items.push(link.item)
  return items.reverse()
}
