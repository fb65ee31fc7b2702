import { unreachable } from '../base/errors.js'
import { indexOn, type IndexRequest } from '../catalog/index-definition.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { CreateIndex, CreateTable, DropIndex } from '../parser/ast.js'
import { createIndex } from './create-index.js'

export type SchemaStatement = CreateTable | CreateIndex | DropIndex

const COMMANDS = { 'create-table': 'CREATE TABLE', 'create-index': 'CREATE INDEX', 'drop-index': 'DROP INDEX' } as const

export type SchemaCommand = (typeof COMMANDS)[SchemaStatement['kind']]

/** What a statement that changes the schema did; the notice says why it did nothing. */
export type SchemaDone = { readonly commit: Commit | undefined; readonly notice: string | undefined }

export function schemaCommand({ kind }: SchemaStatement): SchemaCommand {
  return COMMANDS[kind]
}

/** Changes the schema. Not within a transaction. */
export async function runSchemaStatement(
  coordinator: Coordinator,
  statement: SchemaStatement,
  signal: AbortSignal | undefined
): Promise<SchemaDone> {
  switch (statement.kind) {
    case 'create-table': {
      const { table, primaryKey, ifNotExists } = statement
      if (ifNotExists && coordinator.hasTable(table)) {
        await coordinator.untilVisible(table)
        return { commit: undefined, notice: `table ${JSON.stringify(table)} exists already` }
      }
      const indexes = statement.indexes.map((columns) => indexOn(table, columns))
      return { commit: await coordinator.schema.createTable(table, primaryKey, indexes), notice: undefined }
    }
    case 'create-index': {
      const { table, name, ifNotExists } = statement
      const wanted = requestOf(statement)
      const commit = await createIndex(coordinator, table, wanted, { ifNotExists, signal })
      const notice = commit === undefined ? `index ${JSON.stringify(name ?? wanted.name)} exists already` : undefined
      return { commit, notice }
    }
    case 'drop-index': {
      const { name, ifExists } = statement
      if (ifExists && coordinator.findIndex(name) === undefined) {
        return { commit: undefined, notice: `there is no index ${JSON.stringify(name)}` }
      }
      return { commit: await coordinator.schema.dropIndex(name), notice: undefined }
    }
    default:
      return unreachable(statement)
  }
}

function requestOf({ table, name, columns, isUnique }: CreateIndex): IndexRequest {
  const request = indexOn(table, columns, isUnique)
  return name === null ? request : { ...request, name }
}
