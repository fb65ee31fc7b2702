/**
 * Page snapshots of one table (the apply thread): the whole state of its version pages in a page file, and back.
 *
 * A snapshot is a chain of files. Sealed pages never change, so one that an earlier file has is named there (file and place) and not
 * written again; so are blocks of the heap into which nothing was put since. What is written each time are the pages that were sealed
 * since, the open pages, the references of keys and the directory. A file of which less than half is still named is not named any more:
 * its pages are copied as they are, so that a chain takes at most about twice what it holds.
 *
 * 1. sealed pages, in steps: events may be applied in between;
 * 2. at one seq, without a step: open pages, heap, keys, directory;
 * 3. in steps: every record is read back and proved, the file is synced and gets its name. Then the pages' places are those of the new file.
 *
 * At a restore the directory, the heap, the keys and the open pages are read; sealed pages are when a reader first needs them.
 */
import { DriftError } from '../base/errors.js'
import { damagedRecord, decodeRecordHead, RECORD_DIRECTORY, RECORD_HEAP, RECORD_KEYS } from '../format/page-file.js'
import { type ManifestPages } from '../format/manifest.js'
import { encodeRecord, keptRecord, proveRecord, recordBody, unpackRecord } from '../format/page-record.js'
import { type Io } from '../io/io.js'
import { type Arena } from '../memory/arena.js'
import { type PagePlace, type PageTable } from '../memory/page-table.js'
import { sharedInt32 } from '../memory/shared-array.js'
import { KeyTable, NOWHERE } from '../page/key-table.js'
import { pageFileName, PageFiles } from '../page/page-files.js'
import { isHandle, type PageHandle, type PagePins, type SealedPage } from '../page/page-handle.js'
import { decodePage, encodePage } from '../page/page-image.js'
import { type Past, type Slice } from '../page/page-directory.js'
import { type PageKeeper } from '../page/page-keeper.js'
import { PageView } from '../page/page-view.js'
import { SharedHeap } from '../page/shared-heap.js'
import { type SpillFile } from '../page/spill-file.js'
import { TablePages, type TablePagesOptions } from '../page/table-pages.js'
import { type OpenPageState, type TableState } from '../page/table-state.js'
import {
  encodeDirectory,
  type PageDirectoryRecord,
  type PlacedPage,
  type PlacedRange,
  type PlacedSealed,
  sealedPages
} from './page-directory-record.js'
import { PageFileWriter } from './page-file-writer.js'
import { readPageDirectory, unpackPrivate } from './read-page-directory.js'

export type PageSnapshotsParts = {
  readonly io: Io
  /** The table's folder of snapshots. */
  readonly folder: string
  readonly tableId: number
  readonly primaryKey: string
  readonly databaseId: Uint8Array
  readonly arena: Arena
  readonly pageTable: PageTable
  readonly keeper: PageKeeper
  readonly spill: SpillFile
  readonly pins: PagePins
}

/** A snapshot, for a manifest; files that it does not name are not needed any more. */
export type PageSnapshotInfo = ManifestPages & {
  /** Of the new file. */
  readonly bytes: number
}

/** Named bytes of a file as a share of all, below which what is named is copied. */
const NAMED_SHARE = 0.5

type HeapBlock = { readonly place: PagePlace; readonly changes: number }

export class PageSnapshots {
  readonly #parts: PageSnapshotsParts
  readonly #files: PageFiles
  /** What files have of the heap, by block. */
  #heap: (HeapBlock | undefined)[] = []

  constructor(parts: PageSnapshotsParts) {
    this.#parts = parts
    this.#files = new PageFiles(parts.io, () => parts.folder)
  }

  /**
   * Writes the table as it is at its applied seq. Yields the bytes of each step; events may be applied between them.
   * What the file system throws goes through, and nothing is changed then.
   * @throws DriftError CORRUPT where a page that must be copied cannot be read.
   */
  *write(pages: TablePages): Generator<number, PageSnapshotInfo> {
    const { io, folder, tableId, databaseId, keeper, spill } = this.#parts
    const poor = this.#poorFiles(pages.state)
    const fresh = new Map<PageHandle, PagePlace>()
    const writer = new PageFileWriter(io, folder, this.#nextNumber(), tableId, databaseId)
    // What is cut anew meanwhile is there until its place is known.
    const letGo = pages.holdSealed()
    try {
      for (let more = true; more;) {
        more = false
        for (const page of sealedPages(pages.state.ranges)) {
          const handle = handleOf(page)
          if (fresh.has(handle) || !this.#mustWrite(handle, poor)) continue
          more = true
          const place = writer.write(this.#recordOf(handle))
          fresh.set(handle, place)
          yield place.bytes
        }
      }
      const state = pages.state
      const seq = state.appliedSeq
      const heap = this.#writeHeap(writer, state.keys.heap, poor)
      const sealed = sealedPages(state.ranges).map(handleOf)
      const directory = this.#writeState(writer, pages, state, fresh, heap)
      spill.turn()
      yield* writer.finish(directory)
      this.#heap = heap
      for (const [handle, place] of fresh) keeper.placed(handle, place)
      // Every page that was sealed up to this seq is in a lasting file now, but for those that only readers of old directories find.
      const replaced = pages.replaced.map(handleOf)
      if (replaced.length === 0) spill.drop()
      const files = new Set(heap.map(({ place }) => place.file))
      for (const handle of sealed) files.add(this.#placeOf(handle).file)
      for (const { number } of replaced) {
        const place = this.#parts.pageTable.placeOf(number)
        if (place !== undefined && place.file > 0) files.add(place.file)
      }
      files.delete(writer.number)
      const named = [...[...files].sort((one, other) => one - other), writer.number]
      return { file: writer.number, seq, files: named, bytes: writer.bytes }
    } finally {
      letGo()
      writer.abandon()
    }
  }

  /**
   * The table that the file holds, ready for the events behind its applied seq.
   * @throws DriftError CORRUPT, UNSUPPORTED_VERSION, IO: it is made from the segments then; OVERLOADED where page memory is too small for it.
   */
  restore(file: number, options: Omit<TablePagesOptions, 'arena' | 'table' | 'primaryKey' | 'pageRows'>): TablePages {
    const { io, folder, arena, pageTable, tableId, primaryKey } = this.#parts
    const claimed: number[] = []
    const handles: PageHandle[] = []
    try {
      const { record, place } = readPageDirectory(io, folder, file, tableId)
      if (record.unitBytes !== arena.unitBytes) {
        throw new DriftError(
          'NOT_SUPPORTED',
          `${place.file} counts in units of ${record.unitBytes} bytes, page memory in ${arena.unitBytes}`,
          {
            file: place.file,
            expected: arena.unitBytes,
            found: record.unitBytes
          }
        )
      }
      if (record.primaryKey !== primaryKey) throw damagedRecord(place, 0, 'pages of another key', primaryKey, record.primaryKey)
      const keys = this.#readKeys(record, claimed)
      for (const { rows, place: sealed } of record.sealed) handles.push({ number: pageTable.addPlaced(tableId, sealed), rows })
      const pasts = new PastMaker(handles)
      const ranges = record.ranges.map((range) => this.#readRange(range, pasts, claimed))
      this.#heap = record.heap.map((block) => ({ place: block, changes: 0 }))
      const { pageRows } = record
      return TablePages.restore({ ...options, arena, table: tableId, primaryKey, pageRows }, { ...record, keys, ranges })
    } catch (error) {
      for (const address of claimed) arena.release(address)
      for (const { number } of handles) pageTable.remove(number)
      throw DriftError.from(error, `${this.#parts.folder}/${pageFileName(file)}`)
    }
  }

  /** The next snapshot takes nothing over from earlier ones. */
  reset(): void {
    this.#heap = []
  }

  close(): void {
    this.#files.close()
  }

  // Writing.

  /** Names are not given again while a file with one is there. */
  #nextNumber(): number {
    const { io, folder } = this.#parts
    const names = io.kind(folder) === 'directory' ? io.list(folder) : []
    return 1 + names.reduce((most, name) => Math.max(most, Number(/^(\d+)\.pages(?:\.tmp)?$/.exec(name)?.[1] ?? 0)), 0)
  }

  #placeOf({ number }: PageHandle): PagePlace {
    const place = this.#parts.pageTable.placeOf(number)
    if (place === undefined) throw new DriftError('INVARIANT', `MEM-7: page ${number} is in no file`, { law: 'MEM-7' })
    return place
  }

  /** In no file, in one that ends with the process, or in one that is given up. */
  #mustWrite({ number }: PageHandle, poor: ReadonlySet<number>): boolean {
    const place = this.#parts.pageTable.placeOf(number)
    return place === undefined || place.file < 0 || poor.has(place.file)
  }

  /** Files of which too little is named. */
  #poorFiles({ ranges }: TableState): ReadonlySet<number> {
    const { io, folder, pageTable } = this.#parts
    const named = new Map<number, number>()
    const add = (place: PagePlace | undefined) => {
      if (place !== undefined && place.file > 0) named.set(place.file, (named.get(place.file) ?? 0) + place.bytes)
    }
    for (const page of sealedPages(ranges)) add(pageTable.placeOf(handleOf(page).number))
    for (const block of this.#heap) add(block?.place)
    const poor = new Set<number>()
    for (const [number, bytes] of named) {
      const file = io.openRead(`${folder}/${pageFileName(number)}`)
      try {
        if (bytes < file.size() * NAMED_SHARE) poor.add(number)
      } finally {
        file.close()
      }
    }
    return poor
  }

  /** The record of a sealed page: made of the page, or copied from where it is. */
  #recordOf(handle: PageHandle): Uint8Array[] {
    const { pins, tableId, pageTable } = this.#parts
    const place = pageTable.placeOf(handle.number)
    if (place !== undefined) {
      const { bytes, place: at } = this.#files.read(tableId, place)
      if (place.file < 0) return keptRecord(bytes, at)
      proveRecord(bytes, at)
      return [bytes]
    }
    const view = pins.pin(handle)
    try {
      // The parts may be the page's own memory.
      return [new Uint8Array(Buffer.concat(encodePage(view)))]
    } finally {
      pins.unpin(view)
    }
  }

  #writeHeap(writer: PageFileWriter, heap: SharedHeap, poor: ReadonlySet<number>): HeapBlock[] {
    const { tableId } = this.#parts
    return Array.from({ length: heap.blockCount }, (_, number) => {
      const changes = heap.changesOf(number)
      const known = this.#heap[number]
      if (known !== undefined && known.changes === changes && !poor.has(known.place.file)) return known
      const bytes = heap.blockBytes(number)
      const head = { kind: RECORD_HEAP, imageBytes: bytes.length, tableId, rows: 0, number }
      return { place: writer.write(encodeRecord(head, [{ element: 1, offset: 0, count: bytes.length, bytes }])), changes }
    })
  }

  #writeState(
    writer: PageFileWriter,
    pages: TablePages,
    state: TableState,
    fresh: ReadonlyMap<PageHandle, PagePlace>,
    heap: readonly HeapBlock[]
  ): PagePlace {
    const { tableId, primaryKey, arena } = this.#parts
    const { ranges, keys, appliedSeq } = state
    const open = new Map<PageView, PagePlace>()
    for (const { base, chunks } of ranges) {
      for (const { view } of base === undefined ? chunks : [base, ...chunks]) open.set(view, writer.write(encodePage(view)))
    }
    const ordinals = metOrdinals(keys.references)
    const keysHead = { kind: RECORD_KEYS, imageBytes: ordinals * 4, tableId, rows: ordinals, number: 0 }
    const words = keys.references.subarray(0, ordinals)
    const keysPlace = writer.write(encodeRecord(keysHead, [{ element: 4, offset: 0, count: ordinals, words }]))
    const { numbers, bytes } = encodeDirectory(state, {
      primaryKey,
      pageRows: pages.pageRows,
      unitBytes: arena.unitBytes,
      heap: heap.map(({ place }) => place),
      keys: keysPlace,
      ordinals,
      openPlace: ({ view }) => open.get(view) as PagePlace,
      sealedPlace: (page) => fresh.get(handleOf(page)) ?? this.#placeOf(handleOf(page))
    })
    const numberBytes = new Uint8Array(numbers.buffer)
    const imageBytes = numberBytes.length + bytes.length
    const head = { kind: RECORD_DIRECTORY, imageBytes, tableId, rows: numbers.length, number: appliedSeq }
    return writer.write(
      encodeRecord(head, [
        { element: 8, offset: 0, count: numbers.length, bytes: numberBytes },
        { element: 1, offset: numberBytes.length, count: bytes.length, bytes }
      ])
    )
  }

  // Reading.

  #readKeys({ heap, heapEnd, keys, ordinals }: PageDirectoryRecord, claimed: number[]): KeyTable {
    const { arena, tableId } = this.#parts
    const blocks = heap.map((block, number) => {
      const { bytes, place } = this.#files.read(tableId, block)
      const { head, blocks: parts } = decodeRecordHead(bytes, place)
      if (head.kind !== RECORD_HEAP || head.number !== number || head.imageBytes > arena.unitBytes) {
        throw damagedRecord(place, 4, 'another record than a block of the heap', number, head.number)
      }
      const address = arena.claim(arena.unitBytes)
      claimed.push(address)
      unpackRecord(arena.viewsOf(address), arena.offsetOf(address), head, parts, recordBody(bytes, parts), place)
      return address
    })
    const { bytes, place } = this.#files.read(tableId, keys)
    const { head, memory } = unpackPrivate(bytes, place, RECORD_KEYS)
    if (head.rows !== ordinals) throw damagedRecord(place, 20, 'another number of keys', ordinals, head.rows)
    // Room for what comes next, as a table that grew would have.
    const room = 2 ** Math.ceil(Math.log2(Math.max(64, ordinals + 1)))
    const references = sharedInt32(room)
    references.set(memory.i32.subarray(0, ordinals))
    const shared = SharedHeap.restore(arena, blocks, heapEnd)
    return new KeyTable(shared, { references, locations: sharedInt32(room).fill(NOWHERE), heap: shared.addresses })
  }

  #readRange({ past, base, chunks, ...rest }: PlacedRange, pasts: PastMaker, claimed: number[]) {
    const { arena, tableId } = this.#parts
    const open = ({ number, place }: PlacedPage): OpenPageState => {
      const read = this.#files.read(tableId, place)
      const address = decodePage(read.bytes, arena, read.place)
      claimed.push(address)
      return { number, view: new PageView(arena, address) }
    }
    return { ...rest, past: pasts.past(past), base: base === undefined ? undefined : open(base), chunks: chunks.map(open) }
  }
}

/** The pasts of the table with handles in the place of what the directory says; each list, each past and each slice with a page once. */
class PastMaker {
  readonly #handles: readonly PageHandle[]
  readonly #lists = new Map<readonly Slice<PlacedSealed>[], Slice<SealedPage>[]>()
  readonly #slices = new Map<number, Slice<SealedPage>>()
  readonly #pasts = new Map<Past<PlacedSealed>, Past<SealedPage>>()

  constructor(handles: readonly PageHandle[]) {
    this.#handles = handles
  }

  past(from: Past<PlacedSealed>): Past<SealedPage> {
    let made = this.#pasts.get(from)
    if (made === undefined) {
      made = { ...from, slices: this.#list(from.slices), parents: from.parents.map((parent) => this.past(parent)) }
      this.#pasts.set(from, made)
    }
    return made
  }

  /** Lists that are no longer the same share slices, which are told by identity. */
  #slice({ page, ...slice }: Slice<PlacedSealed>): Slice<SealedPage> {
    if (page === undefined) return { ...slice, page }
    let made = this.#slices.get(page.index)
    if (made === undefined) this.#slices.set(page.index, (made = { ...slice, page: this.#handles[page.index] }))
    return made
  }

  #list(from: readonly Slice<PlacedSealed>[]): Slice<SealedPage>[] {
    let made = this.#lists.get(from)
    if (made === undefined) {
      made = from.map((slice) => this.#slice(slice))
      this.#lists.set(from, made)
    }
    return made
  }
}

/** Ordinals up to the last that was met. */
function metOrdinals(references: Int32Array): number {
  let count = references.length
  while (count > 0 && references[count - 1] === 0) count--
  return count
}

function handleOf(page: SealedPage): PageHandle {
  if (isHandle(page)) return page
  throw new DriftError('INVARIANT', 'MEM-7: a snapshot takes tables whose sealed pages are told by handles', { law: 'MEM-7' })
}
