import { type ManifestPages } from '../format/manifest.js'
import { type Io } from '../io/io.js'
import { type Arena } from '../memory/arena.js'
import { type PageTable } from '../memory/page-table.js'
import { PageCache } from '../page/page-cache.js'
import { PageFiles } from '../page/page-files.js'
import { type PagePins, type SealedPages } from '../page/page-handle.js'
import { PageKeeper } from '../page/page-keeper.js'
import { SpillFile } from '../page/spill-file.js'
import { type PageSnapshotInfo, PageSnapshots } from '../snapshot/page-snapshots.js'
import { type TablePages } from '../page/table-pages.js'

export type PageStorageParts = {
  readonly io: Io
  readonly arena: Arena
  readonly pageTable: PageTable
  readonly databaseId: Uint8Array
}

/** Folder of a table's page files, in its own folder. */
export const PAGE_FOLDER = 'snapshots'

/** Nothing is written to spill files for so many steps after one could not be. */
const PAUSE_STEPS = 256

/** Where the sealed pages of all tables are when they are not in memory (the apply thread). */
export class PageStorage {
  readonly #parts: PageStorageParts
  readonly #folders = new Map<number, string>()
  readonly #tables = new Map<number, TablePageStorage>()
  readonly #files: PageFiles
  readonly #cache: PageCache
  readonly #keeper: PageKeeper
  #pause = 0
  #isClosed = false

  constructor(parts: PageStorageParts) {
    const { io, arena, pageTable } = parts
    this.#parts = parts
    this.#files = new PageFiles(io, (tableId) => this.#folders.get(tableId) ?? '')
    this.#cache = new PageCache(arena, pageTable, this.#files)
    this.#keeper = new PageKeeper(arena, pageTable, this.#cache)
  }

  /** Of one table, whose folder is `directory`. */
  table(tableId: number, primaryKey: string, directory: string): TablePageStorage {
    let table = this.#tables.get(tableId)
    if (table === undefined) {
      const folder = `${directory}/${PAGE_FOLDER}`
      this.#folders.set(tableId, folder)
      const { io, arena, pageTable, databaseId } = this.#parts
      const spill = new SpillFile(io, folder, -1, tableId, databaseId)
      const parts = { io, folder, tableId, primaryKey, databaseId, arena, pageTable, keeper: this.#keeper, spill, pins: this.#cache }
      table = new TablePageStorage(folder, this.#keeper.of(tableId, spill), this.#cache, new PageSnapshots(parts), spill)
      this.#tables.set(tableId, table)
    }
    return table
  }

  /** Between events: pages go into spill files while page memory is short. Where that fails they stay, and it is tried again later. */
  settle(): void {
    if (this.#isClosed || this.#pause-- > 0) return
    this.#pause = 0
    try {
      this.#keeper.settle()
    } catch {
      // Whoever needs the memory gets the fault: claiming tries it too.
      this.#pause = PAUSE_STEPS
    }
  }

  /** Removes what is of no use without this process. */
  close(): void {
    this.#isClosed = true
    this.#files.close()
    for (const { spill, snapshots } of this.#tables.values()) {
      snapshots.close()
      spill.remove()
    }
  }
}

export class TablePageStorage {
  readonly folder: string
  readonly sealed: SealedPages
  readonly pins: PagePins
  readonly snapshots: PageSnapshots
  readonly spill: SpillFile
  /** What was written or restored last, and the version of the directory then. */
  #last: { readonly info: ManifestPages; readonly version: number } | undefined

  constructor(folder: string, sealed: SealedPages, pins: PagePins, snapshots: PageSnapshots, spill: SpillFile) {
    this.folder = folder
    this.sealed = sealed
    this.pins = pins
    this.snapshots = snapshots
    this.spill = spill
  }

  /** The table's pages are made anew: what files have of others is of no use. */
  reset(): void {
    this.#last = undefined
    this.snapshots.reset()
    this.spill.remove()
  }

  /** A snapshot of the pages, in steps; events may be applied in between. Bytes 0: the last one still says all. */
  *snapshot(pages: TablePages): Generator<number, PageSnapshotInfo> {
    const last = this.#last
    if (last?.info.seq === pages.appliedSeq && last.version === pages.structureVersion) return { ...last.info, bytes: 0 }
    const version = pages.structureVersion
    const info = yield* this.snapshots.write(pages)
    // Where pages came or went meanwhile, the next one is written whatever the seq.
    this.#last = { info, version: pages.structureVersion === version ? version : -1 }
    return info
  }

  /** @throws DriftError CORRUPT, UNSUPPORTED_VERSION, NOT_SUPPORTED, IO, OVERLOADED: then pages are made of the segments. */
  restore(info: ManifestPages): TablePages {
    const pages = this.snapshots.restore(info.file, { sealed: this.sealed, pins: this.pins })
    this.#last = { info, version: pages.structureVersion }
    return pages
  }
}
