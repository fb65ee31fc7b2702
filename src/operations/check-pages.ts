import { DriftError } from '../base/errors.js'
import { proveRecord } from '../format/page-record.js'
import { type ManifestPages } from '../format/manifest.js'
import { type Io } from '../io/io.js'
import { Arena } from '../memory/arena.js'
import { type PagePlace, PageTable } from '../memory/page-table.js'
import { checkTiling, type TilingFinding } from '../page/check-tiling.js'
import { PageCache } from '../page/page-cache.js'
import { pageFileName, PageFiles } from '../page/page-files.js'
import { PageKeeper } from '../page/page-keeper.js'
import { SpillFile } from '../page/spill-file.js'
import { PageSnapshots } from '../snapshot/page-snapshots.js'
import { type PageDirectoryRecord } from '../snapshot/page-directory-record.js'
import { readPageDirectory } from '../snapshot/read-page-directory.js'
import { type Findings } from './findings.js'

const UNITS_PER_SLOT = 32
/** Slots for sealed pages, which are read one after the other. */
const SEALED_SLOTS = 16
/** Address space, of which only what is read becomes memory. */
const BYTES_MAX = 8 * 1024 ** 3
/** The tiling is looked at in so many states; every page is looked at in any case. */
const POINTS_MAX = 1000

/**
 * Checks a page snapshot: that every record which its directory names is whole, and then that its rectangles tile the plane key x seq,
 * that each page says the truth about its rows, and that enough of each was visible when it was sealed (VIS-7 to VIS-10). Writes nothing.
 * Yields the bytes that it went through.
 */
export function* checkPages(
  io: Io,
  folder: string,
  tableId: number,
  { file, seq, files: named }: ManifestPages,
  findings: Findings
): Generator<number, void> {
  const path = `${folder}/${pageFileName(file)}`
  const files = new PageFiles(io, () => folder)
  try {
    const { record, place } = readPageDirectory(io, folder, file, tableId)
    if (record.appliedSeq > seq) {
      findings.problem(path, place.offset, `its pages hold event ${record.appliedSeq}, the manifest says seq ${seq}`)
    }
    const unnamed = placesOf(record).find((each) => !named.includes(each.file))
    if (unnamed !== undefined) {
      findings.problem(path, place.offset, `it names a page in ${pageFileName(unnamed.file)}, which the manifest does not name (CMP-5)`)
    }
    const before = findings.problems.length
    for (const each of placesOf(record)) {
      proveRecordAt(files, tableId, each, `${folder}/${pageFileName(each.file)}`, findings)
      yield each.bytes
    }
    // What is damaged cannot be looked at row by row.
    if (findings.problems.length > before) return
    for (const { law, message, offset, file: at } of tilingOf(io, folder, file, tableId, record, files)) {
      findings.problem(at ?? path, offset ?? place.offset, `${message} (${law})`)
    }
  } catch (error) {
    findings.thrown(error, path)
  } finally {
    files.close()
  }
}

/** Each record once. */
function placesOf({ heap, keys, sealed, ranges }: PageDirectoryRecord): PagePlace[] {
  const open = ranges.flatMap(({ base, chunks }) => (base === undefined ? chunks : [base, ...chunks]))
  return [...heap, keys, ...sealed.map(({ place }) => place), ...open.map(({ place }) => place)]
}

function proveRecordAt(files: PageFiles, tableId: number, place: PagePlace, path: string, findings: Findings): void {
  try {
    const { bytes, place: at } = files.read(tableId, place)
    proveRecord(bytes, at)
  } catch (error) {
    findings.thrown(error, path, place.offset)
  }
}

type PlacedFinding = TilingFinding & { readonly file?: string; readonly offset?: number }

function tilingOf(
  io: Io,
  folder: string,
  file: number,
  tableId: number,
  record: PageDirectoryRecord,
  files: PageFiles
): readonly PlacedFinding[] {
  const slotBytes = record.unitBytes * UNITS_PER_SLOT
  const open = record.ranges.reduce((sum, { chunks }) => sum + 2 + chunks.length, 0)
  const bytes = Math.min(BYTES_MAX, record.heap.length * record.unitBytes + (open + SEALED_SLOTS) * slotBytes)
  const arena = Arena.create({ bytes, slotBytes })
  const pageTable = PageTable.create()
  const cache = new PageCache(arena, pageTable, files)
  const snapshots = new PageSnapshots({
    io,
    folder,
    tableId,
    primaryKey: record.primaryKey,
    databaseId: new Uint8Array(16),
    arena,
    pageTable,
    keeper: new PageKeeper(arena, pageTable, cache),
    // Nothing is spilled, for nothing is sealed here.
    spill: new SpillFile(io, folder, -1, tableId, new Uint8Array(16)),
    pins: cache
  })
  try {
    const pages = snapshots.restore(file, {})
    const source = { directory: pages.handleDirectory, keys: pages.keys }
    return checkTiling(source, { pageRows: pages.pageRows, pointsMax: POINTS_MAX, pins: cache }).map((finding) => {
      const place = finding.page === undefined ? undefined : pageTable.placeOf(finding.page.number)
      return place === undefined ? finding : { ...finding, file: `${folder}/${pageFileName(place.file)}`, offset: place.offset }
    })
  } catch (error) {
    // A directory that leads nowhere breaks what reads it in many ways: all of them say that it is wrong.
    throw error instanceof DriftError
      ? error
      : new DriftError('CORRUPT', `${String(error)}: the pages cannot be looked at`, { file: folder })
  } finally {
    snapshots.close()
  }
}
