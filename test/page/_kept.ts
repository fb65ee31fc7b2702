/** Page memory of a few slots, with everything that lets sealed pages leave it. */
import { type Io } from '../../src/io/io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Arena } from '../../src/memory/arena.js'
import { PageTable } from '../../src/memory/page-table.js'
import { PageCache } from '../../src/page/page-cache.js'
import { PageFiles } from '../../src/page/page-files.js'
import { PageKeeper } from '../../src/page/page-keeper.js'
import { SpillFile } from '../../src/page/spill-file.js'

export const FOLDER = '/data/tables/t/snapshots'
export const databaseId = Uint8Array.from({ length: 16 }, (_, index) => index)

export type Kept = ReturnType<typeof keptMemory>

export function keptMemory(bytes: number, slotBytes = 64 * 1024, io: Io = new MemoryIo(), table = 16, folder = FOLDER) {
  io.makeDirectory(folder)
  const arena = Arena.create({ bytes, slotBytes, memoryBytesMax: 64 * slotBytes })
  const pageTable = PageTable.create()
  const files = new PageFiles(io, () => folder)
  const cache = new PageCache(arena, pageTable, files)
  const keeper = new PageKeeper(arena, pageTable, cache)
  const spill = new SpillFile(io, folder, -1, table, databaseId)
  return { io, arena, pageTable, files, cache, keeper, spill, sealed: keeper.of(table, spill) }
}
