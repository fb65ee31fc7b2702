import type { Catalog } from '../catalog/catalog.js'
import type { IndexDefinition, IndexRequest } from '../catalog/index-definition.js'
import { schemaYaml } from '../catalog/schema-yaml.js'
import type { WriterLink } from '../runtime/writer-link.js'
import type { Commit, CommitPipeline, CommitRequest } from './commit-pipeline.js'
import type { IndexAccess } from './index-access.js'
import type { PageAccess } from './page-access.js'
import type { Recovered } from './recovery.js'

const noMetadata = new Uint8Array(0)

export type SchemaChangesParts = {
  readonly directory: string
  readonly state: Recovered
  readonly pipeline: CommitPipeline
  readonly link: WriterLink
  readonly pages: PageAccess
  readonly indexes: IndexAccess
}

/** Tables and indexes that come and go: each change is an event of its own, and what follows from it. */
export class SchemaChanges {
  readonly #parts: SchemaChangesParts

  constructor(parts: SchemaChangesParts) {
    this.#parts = parts
  }

  /** Resolves when the table is durable and has its folder. */
  async createTable(
    name: string,
    primaryKey: string,
    indexes: readonly IndexRequest[],
    request: Partial<CommitRequest> = {}
  ): Promise<Commit> {
    const { pipeline, link, state, pages, indexes: access, directory } = this.#parts
    let folderMade: Promise<void> | undefined
    const commit = await pipeline.submitSchema(
      {
        declare: (seq) => this.#catalog.declare(name, primaryKey, indexes, seq),
        made: (event, seq) => {
          const { table } = event
          state.takeSchema(event, seq)
          const made = state.tables.get(table.id)
          if (made === undefined) return
          pages.addTable(made)
          access.addTable(made)
          // Posted now, so that every later checkpoint finds the table made.
          const files = { tableId: table.id, directory: `${directory}/tables/${table.folder}`, checkpointSeq: 0, segments: [] }
          folderMade = link.addTable(files, schemaYaml(table))
          folderMade.catch(() => {})
        }
      },
      { metadata: noMetadata, ...request }
    )
    await folderMade
    return commit
  }

  /** Resolves when the index is declared, durably; it is made behind that, see {@link IndexAccess.make}. */
  async createIndex(
    table: string,
    wanted: IndexRequest,
    request: Partial<CommitRequest> = {}
  ): Promise<{ commit: Commit; index: IndexDefinition }> {
    let index: IndexDefinition | undefined
    const commit = await this.#change(
      (seq) => this.#catalog.declareIndex(table, wanted, seq),
      (made) => (index = made),
      request
    )
    return { commit, index: index as IndexDefinition }
  }

  /** Resolves when the index is gone. */
  async dropIndex(name: string, request: Partial<CommitRequest> = {}): Promise<Commit> {
    let dropped: IndexDefinition | undefined
    const commit = await this.#change(
      () => this.#catalog.declareDrop(name),
      (index) => (dropped = index),
      request
    )
    if (dropped !== undefined) await this.#parts.indexes.drop(dropped.id)
    return commit
  }

  get #catalog(): Catalog {
    return this.#parts.state.catalog
  }

  async #change(
    declare: (seq: number) => ReturnType<Catalog['declareDrop']>,
    made: (index: IndexDefinition) => void,
    request: Partial<CommitRequest>
  ): Promise<Commit> {
    const { pipeline, link, state, indexes } = this.#parts
    let schemaWritten: Promise<void> | undefined
    const commit = await pipeline.submitSchema(
      {
        declare,
        made: (event, seq) => {
          if (event.kind === 'create-table') return
          const { table, index } = event
          state.takeSchema(event, seq)
          const changed = state.tables.get(table.id)
          if (changed === undefined) return
          if (event.kind === 'create-index') indexes.addIndex(changed, index)
          made(index)
          schemaWritten = link.writeSchema(changed.directory, schemaYaml(table))
          schemaWritten.catch(() => {})
        }
      },
      { metadata: noMetadata, ...request }
    )
    await schemaWritten
    return commit
  }
}
