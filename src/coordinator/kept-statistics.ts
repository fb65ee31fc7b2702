import { DriftError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { decodeStatistics, encodeStatistics, STATISTICS_FILE, type TableStatistics } from '../format/statistics-file.js'
import { readWhole, type Io } from '../io/io.js'
import type { WriterLink } from '../runtime/writer-link.js'
import type { TableState } from './table-state.js'

/** Changes after which statistics are old: this many, and a tenth of the rows that they are of. */
const CHANGES_MAX = 500
const CHANGED_SHARE_MAX = 0.1

type Options = {
  readonly io: Io
  readonly databaseId: Uint8Array
  readonly logger: Log
  /** The last visible seq. */
  readonly lastSeq: () => number
  /** Undefined where the database is only read. */
  readonly link: () => WriterLink | undefined
}

/**
 * The statistics of the tables (the coordinator's): read from their files when they are first asked for, replaced by ANALYZE. Nothing but
 * plans depends on them, so what is damaged, or of a future that a crash took back, is none: it is removed, and made again.
 */
export class KeptStatistics {
  readonly #options: Options
  /** By id of the table; null: there are none. */
  readonly #known = new Map<number, TableStatistics | null>()

  constructor(options: Options) {
    this.#options = options
  }

  of(table: TableState): TableStatistics | undefined {
    const known = this.#known.get(table.definition.id)
    if (known !== undefined) return known ?? undefined
    const found = this.#read(table)
    this.#known.set(table.definition.id, found ?? null)
    return found
  }

  /** Many rows changed since, or nobody looked yet. */
  isOld(table: TableState): boolean {
    const statistics = this.of(table)
    const changes = table.versions.count - (statistics?.events ?? 0)
    return changes > CHANGES_MAX + CHANGED_SHARE_MAX * (statistics?.rows ?? 0)
  }

  /** They count from when their file is there, which a crash of the machine may yet take back. */
  async install(table: TableState, statistics: TableStatistics): Promise<void> {
    const tableId = table.definition.id
    const bytes = encodeStatistics(statistics, { databaseId: this.#options.databaseId, tableId })
    await this.#options.link()?.maintain({ kind: 'statistics', tableId, bytes })
    this.#known.set(tableId, statistics)
  }

  /** A reader beside a writer: they may have been replaced. */
  forget(): void {
    this.#known.clear()
  }

  #read(table: TableState): TableStatistics | undefined {
    const { io, databaseId, lastSeq, link } = this.#options
    const path = `${table.directory}/${STATISTICS_FILE}`
    try {
      if (io.kind(path) !== 'file') return undefined
      const found = decodeStatistics(readWhole(io, path), path, { databaseId, tableId: table.definition.id })
      // A reader may see a file that is newer than what it reads.
      if (found.seq <= lastSeq() || link() === undefined) return found
      this.#remove(table, `they are of seq ${found.seq}, the last one is ${lastSeq()}`)
    } catch (thrown) {
      // One that went away meanwhile, or that a later release wrote, is none.
      this.#remove(table, DriftError.from(thrown, path).message)
    }
    return undefined
  }

  #remove(table: TableState, reason: string): void {
    const { logger, link } = this.#options
    const { id: tableId, name } = table.definition
    logger.warn({ table: name, reason }, 'statistics cannot be used; ANALYZE makes them again')
    const removed = async (): Promise<unknown> => link()?.maintain({ kind: 'statistics', tableId, bytes: undefined })
    removed().catch((thrown: unknown) => {
      logger.warn({ table: name, code: DriftError.from(thrown, table.directory).code }, 'statistics cannot be removed')
    })
  }
}
