import { createRequire } from 'node:module'
import type { stringify as Stringify } from 'yaml'
import type { TableDefinition } from './catalog.js'
import { indexColumnText } from './index-definition.js'

/** `schema.yaml`: the schema for people. Derived from the catalog, never read back; its library is loaded when a schema is written. */
export function schemaYaml(table: TableDefinition): string {
  const { stringify } = createRequire(import.meta.url)('yaml') as { readonly stringify: typeof Stringify }
  return stringify({
    table: table.name,
    id: table.id,
    primary_key: table.primaryKey,
    indexes: table.indexes.map(({ name, columns, isUnique }) => ({
      name,
      columns: columns.map(indexColumnText),
      ...(isUnique ? { unique: true } : {})
    })),
    created_seq: table.createdSeq
  })
}
