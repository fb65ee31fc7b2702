import type { IndexDefinition } from '../catalog/index-definition.js'
import { IndexFiles } from '../index/index-files.js'
import type { Io } from '../io/io.js'
import type { ApplyLink } from '../runtime/apply-link.js'
import type { IndexAccess } from './index-access.js'
import type { MissingPages } from './maintenance.js'
import type { TableState } from './table-state.js'

export type IndexCheckpointsParts = {
  readonly io: Io
  readonly databaseId: Uint8Array
  readonly link: ApplyLink
  readonly indexes: IndexAccess
  /** Resolves when everything up to a seq is durable, and in segments. */
  readonly settled: (seq: number) => Promise<void>
}

type Written = { readonly index: IndexDefinition; readonly seq: number; readonly events: number; readonly bytes: number }

/**
 * Writes the checkpoints of a table's indexes: what is derived gets its name when that which it is derived of is in segments (IDX-5). The
 * apply thread writes, and goes on with events between steps; syncs are made beside all threads.
 */
export class IndexCheckpoints {
  readonly #parts: IndexCheckpointsParts

  constructor(parts: IndexCheckpointsParts) {
    this.#parts = parts
  }

  /** Bytes that were written. Indexes that are not there are made before, or left. */
  async write(table: TableState, missing: MissingPages): Promise<number> {
    const { indexes, link, settled } = this.#parts
    const { id: tableId } = table.definition
    if (table.damage !== undefined || table.versions.count === 0) return 0
    if (missing === 'make') for (const { id } of table.definition.indexes) await indexes.tryMake(id)
    const written: Written[] = []
    for (const index of indexes.live(table)) {
      const answer = await link.index(tableId, index.id, { kind: 'write' })
      if (!('checkpoint' in answer) || answer.checkpoint.bytes === 0) continue
      await this.#sync(table, index)
      written.push({ index, ...answer.checkpoint })
    }
    if (written.length === 0) return 0
    await settled(Math.max(...written.map(({ seq }) => seq)))
    let total = 0
    for (const { index, events, bytes } of written) {
      const answer = await link.index(tableId, index.id, { kind: 'install' })
      // It was dropped, or given up, meanwhile.
      if (!('checkpoint' in answer)) continue
      indexes.checkpointed(index.id, events)
      total += bytes
    }
    return total
  }

  async #sync(table: TableState, definition: IndexDefinition): Promise<void> {
    const { io, databaseId } = this.#parts
    const { id: tableId, name } = table.definition
    const { nodes, unfinished } = new IndexFiles({ databaseId, tableId, table: name, directory: table.directory, definition })
    for (const path of [nodes, unfinished]) {
      // An index without closed nodes has no file of them; one that was dropped has none at all.
      if (io.kind(path) !== 'file') continue
      const file = io.openWrite(path)
      try {
        await file.syncAsync()
      } finally {
        file.close()
      }
    }
  }
}
