import { stringify } from 'yaml'
import type { TableDefinition } from './catalog.js'

/** `schema.yaml`: the schema for people. Derived from the catalog, never read back. */
export function schemaYaml(table: TableDefinition): string {
  return stringify({
    table: table.name,
    id: table.id,
    primary_key: table.primaryKey,
    indexes: table.indexes.map(({ name, columns }) => ({ name, columns: [...columns] })),
    created_seq: table.createdSeq
  })
}
