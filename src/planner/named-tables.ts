/** Whether a statement names a table, at any place. Looked up once for each statement: they are frozen. */
import { type Statement } from '../parser/ast.js'

const known = new WeakMap<Statement, ReadonlySet<string>>()

export function namesTable(statement: Statement, table: string): boolean {
  let names = known.get(statement)
  if (names === undefined) {
    names = new Set(tablesIn(statement))
    known.set(statement, names)
  }
  return names.has(table)
}

function* tablesIn(node: unknown): Generator<string, void> {
  if (typeof node !== 'object' || node === null) return
  if ('table' in node && typeof node.table === 'string') yield node.table
  for (const inner of Object.values(node)) yield* tablesIn(inner)
}
