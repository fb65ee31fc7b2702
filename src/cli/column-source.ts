/** The columns of a table at the present, for completion and `.schema`: all that it has been seen to have, in order of first appearance. */
import type { Database } from '../index.js'

export type KnownColumn = { readonly name: string; readonly type: string; readonly isKey: boolean }

/** Whoever knows more of a table's columns takes this one's place. */
export type ColumnSource = (db: Database, table: string) => readonly KnownColumn[]

export function columnsOf(db: Database, table: string): readonly KnownColumn[] {
  const { primaryKey } = db.tables().find(({ name }) => name === table) ?? {}
  return db
    .table(table)
    .columns()
    .map(({ name, type }) => ({ name, type, isKey: name === primaryKey }))
}
