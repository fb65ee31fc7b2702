import { DriftError } from '../base/errors.js'
import { COMMITS_TABLE_ID } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ManifestSnapshot } from '../format/manifest.js'
import type { Io } from '../io/io.js'
import type { CommitLog } from '../mvcc/commit-log.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import type { IndexAccess } from './index-access.js'
import type { IndexCheckpoints } from './index-checkpoints.js'
import type { MaintainedTable, MissingPages } from './maintenance.js'
import type { PageAccess } from './page-access.js'
import { COMMITS_FOLDER } from './recovery.js'
import type { TableState } from './table-state.js'

export type MaintainedTablesParts = {
  readonly io: Io
  /** The database's. */
  readonly directory: string
  readonly logger: Log
  readonly commits: CommitLog
  readonly pages: PageAccess
  readonly indexes: IndexAccess
  readonly checkpoints: IndexCheckpoints
  /** Resolves when everything up to a seq is durable, and in segments. */
  readonly settled: (seq: number) => Promise<void>
  /** Of the commit log. */
  readonly checkpointSeq: () => number
}

/** Tables and the commit log as maintenance sees them. */
export class MaintainedTables {
  readonly #parts: MaintainedTablesParts

  constructor(parts: MaintainedTablesParts) {
    this.#parts = parts
  }

  of(table: TableState): MaintainedTable {
    const { indexes, checkpoints } = this.#parts
    return {
      tableId: table.definition.id,
      name: table.definition.name,
      directory: table.directory,
      segments: () => table.segments.segments,
      events: () => table.versions.count,
      installMerged: (merged) => table.segments.installMerged(merged),
      checkpointSeq: () => table.checkpointSeq,
      snapshots: () => table.snapshots,
      installSnapshots: (snapshots) => this.#installSnapshots(table, snapshots),
      writePages: (missing) => this.#writePages(table, missing),
      pages: () => table.pages,
      installPages: (pages) => void (table.pages = pages),
      writeIndexes: (missing) => checkpoints.write(table, missing),
      eventsBehindIndexes: () => indexes.eventsBehind(table)
    }
  }

  get commits(): MaintainedTable {
    const { commits, directory, checkpointSeq } = this.#parts
    return {
      tableId: COMMITS_TABLE_ID,
      name: COMMITS_FOLDER,
      directory: `${directory}/tables/${COMMITS_FOLDER}`,
      segments: () => commits.segments,
      events: () => 0,
      installMerged: (merged) => commits.installMerged(merged),
      checkpointSeq,
      snapshots: () => [],
      installSnapshots: () => {},
      writePages: async () => undefined,
      pages: () => undefined,
      installPages: () => {},
      writeIndexes: async () => 0,
      eventsBehindIndexes: () => 0
    }
  }

  async #writePages(table: TableState, missing: MissingPages): Promise<PageSnapshotInfo | undefined> {
    const { pages, settled } = this.#parts
    if (table.versions.count === 0) return undefined
    const written = await pages.snapshot(table, missing)
    // What is in the pages must be durable, and in segments, before a manifest names them.
    if (written !== undefined && written.bytes > 0) await settled(written.seq)
    return written
  }

  #installSnapshots(table: TableState, snapshots: readonly ManifestSnapshot[]): void {
    const { io, logger } = this.#parts
    try {
      table.installSnapshots(io, snapshots)
    } catch (error) {
      const { code, message } = DriftError.from(error, table.directory)
      logger.warn({ table: table.definition.name, code, message }, 'a new snapshot cannot be read; versions stay where they are')
    }
  }
}
