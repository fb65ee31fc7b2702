/** A database on real files and threads, with what only tests choose: the size of pages, and from how many versions on they are read. */
import { systemClock } from '../../src/base/clock.js'
import type { Durability } from '../../src/base/durability.js'
import { type Log, silentLog } from '../../src/base/log.js'
import { systemRandom } from '../../src/base/random.js'
import { Coordinator } from '../../src/coordinator/coordinator.js'
import { Database } from '../../src/index.js'
import { realIo } from '../../src/io/real-io.js'

export type PagedOptions = {
  readonly pageRows?: number
  readonly cacheBytes?: number
  readonly durability?: Durability
  readonly logBytes?: number
  /** With some, every scan is shared with them. */
  readonly queryThreads?: number
  /** Infinity: tables are read from documents only. */
  readonly pagesFromVersions?: number
  readonly log?: Log
}

/** Every table is read from its pages, however small it is. */
export async function openPaged(directory: string, options: PagedOptions = {}): Promise<{ coordinator: Coordinator; db: Database }> {
  const { pageRows = 64, cacheBytes = 64 * 1024 * 1024, durability = 'none', logBytes = 8 * 1024 * 1024, queryThreads } = options
  const { pagesFromVersions = 0, log = silentLog } = options
  const coordinator = await Coordinator.open({
    io: realIo,
    directory,
    clock: systemClock,
    random: systemRandom,
    log,
    durability,
    cacheBytes,
    readOnly: false,
    create: true,
    writer: 'thread',
    logBytes,
    pageRows,
    pagesFromVersions,
    queryThreads,
    worthwhileNs: 0
  })
  return { coordinator, db: new Database(coordinator, {}) }
}
