/**
 * What every peer is given: tables, and a stream of commits. A point in time is the number of a commit (1, 2, 3 …), so that all peers
 * are asked for the same past whatever they call it: a seq, a time, a transaction.
 */
export type Value = string | number
export type Document = { readonly [field: string]: Value }

export type TableShape = {
  readonly name: string
  readonly key: string
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'integer' | 'float' }[]
  /** Columns that an expert would index for what is asked here; made after the load, by the peers that have secondary indexes. */
  readonly indexes: readonly string[]
}

/** @throws Error for a name that no table has */
export function shapeNamed(tables: readonly TableShape[], name: string): TableShape {
  const shape = tables.find((table) => table.name === name)
  if (shape === undefined) throw new Error(`no table ${name}`)
  return shape
}

/** A commit changes a key at most once, so that every peer keeps the same versions. */
export type Change =
  | { readonly kind: 'insert'; readonly table: string; readonly document: Document }
  | { readonly kind: 'patch'; readonly table: string; readonly key: Value; readonly set: Document }
  /** The whole row again. */
  | { readonly kind: 'upsert'; readonly table: string; readonly document: Document }
  | { readonly kind: 'delete'; readonly table: string; readonly key: Value }

export type Commit = readonly Change[]

export function keyOfChange(change: Change, shape: TableShape): Value {
  return 'key' in change ? change.key : (change.document[shape.key] ?? '')
}

/** An upsert of a row that is there is a patch of all its fields where every row has the same columns. */
export function asPatch(change: Change, shape: TableShape): Exclude<Change, { readonly kind: 'upsert' }> {
  if (change.kind !== 'upsert') return change
  const { [shape.key]: key = '', ...set } = change.document
  return { kind: 'patch', table: change.table, key, set }
}

export type Workload = {
  readonly name: string
  readonly title: string
  readonly tables: readonly TableShape[]
  readonly commits: () => Iterable<Commit>
}
