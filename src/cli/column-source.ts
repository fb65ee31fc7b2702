/** The columns of a table, for completion and `.schema`: its primary key, then what its first rows have, in order of appearance. */
import type { Database, Document } from '../index.js'
import { typeOf } from './value-type.js'

export type KnownColumn = { readonly name: string; readonly type: string; readonly isKey: boolean }

/** Whoever knows more of a table's columns takes this one's place. */
export type ColumnSource = (db: Database, table: string) => Promise<readonly KnownColumn[]>

const ROWS = 100

export const columnsOfRows: ColumnSource = async (db, table) => {
  const { primaryKey } = db.tables().find(({ name }) => name === table) ?? {}
  const rows: Document[] = []
  for await (const row of db.table(table).scan({ limit: ROWS })) rows.push(row)
  const names = new Set(primaryKey === undefined ? [] : [primaryKey])
  for (const row of rows) for (const name of Object.keys(row)) names.add(name)
  return Array.from(names, (name) => ({ name, type: typeOf(rows.map((row) => row[name])), isKey: name === primaryKey }))
}
