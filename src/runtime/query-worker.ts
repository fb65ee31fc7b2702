import { threadId } from 'node:worker_threads'
import { DriftError } from '../base/errors.js'
import type { Io } from '../io/io.js'
import { wasmKernels } from '../kernel/wasm-kernels.js'
import { Arena } from '../memory/arena.js'
import { QueryControl } from '../memory/query-control.js'
import { ReaderSlots } from '../memory/reader-slots.js'
import { PageTable } from '../memory/page-table.js'
import { PageHandles, PageViews } from '../page/directory-image.js'
import { PageCache } from '../page/page-cache.js'
import { PageFiles } from '../page/page-files.js'
import { KeyTable } from '../page/key-table.js'
import { AttachedTiles, type TilePins } from '../page/tile-handle.js'
import { type Tile } from '../page/page-directory.js'
import { BatchPacker, type PackedBatch } from '../scan/packed-rows.js'
import { type Morsel, type MorselSource, runFragment, tilesOfMorsel } from '../scan/run-fragment.js'
import { RowScan } from '../scan/scan-rows.js'
import { ScanMemory } from '../scan/scan-memory.js'
import { ScanTable } from '../scan/scan-table.js'
import type { QueryReply, QueryTask, QueryThreadStart, QueryWork, RowPiece } from './query-task.js'

/** A reader of pages only met a value that lies in its frame, or a page that it could not bring back. */
class ValueElsewhere extends Error {}

/** A page is gone before it was pinned: the run was stopped and its pages were let go. */
class PageGone extends Error {}

/** With so many pages pinned no other morsel is taken beside those. */
const PINS_MAX = 256
/** A page that is not in memory waits so long for others to let go of theirs. */
const WAIT_MS = 2000
/** Tables that a thread keeps readers of. */
const TABLES_MAX = 64
/** A task ends after so many morsels, so that what it found is told; with rows to tell, earlier. */
const MORSELS_MAX = 64
const MORSELS_WITH_ROWS_MAX = 16

const NO_ROWS: PackedBatch = { rowCount: 0, columns: [] }

/**
 * What a query thread keeps from task to task: its view of page memory, kernels, working memory, and readers of tables. A task runs to
 * its end without leaving the thread; it looks at the run's control before each morsel and each batch.
 *
 * A thread pins the pages of the morsel that it works on, and no others, in its slot of shared memory: so a run can be left without
 * waiting for its threads, and the pins of a thread that ends are known.
 */
export class QueryWorker {
  readonly #arena: Arena
  readonly #slots: ReaderSlots
  readonly #start: QueryThreadStart
  readonly #views: PageViews
  readonly #handles = new PageHandles()
  readonly #pins: TilePins
  /** Folders of page files, by table id. */
  readonly #folders = new Map<number, string>()
  readonly #tables = new Map<number, ScanTable>()
  #slot = -1
  #memory: ScanMemory | undefined

  constructor(io: Io, start: QueryThreadStart) {
    this.#start = start
    const arena = Arena.attach(start.arena)
    this.#arena = arena
    this.#slots = ReaderSlots.attach(start.slots)
    this.#views = new PageViews(arena)
    const pin = (address: number, generation: number): boolean => this.#slots.pin(this.#slot, arena, address, generation)
    const files = new PageFiles(io, (tableId) => this.#folders.get(tableId) ?? '')
    const claims = { pin, unpin: () => this.#slots.unpinLast(this.#slot, arena) }
    const cache = new PageCache(arena, PageTable.attach(start.pageTable), files, { waitMs: WAIT_MS, claims })
    this.#pins = {
      pin,
      pinSealed: (handle) => {
        try {
          return cache.pin(handle)
        } catch {
          // The caller meets the same fault, and knows what to do about it.
          throw new ValueElsewhere()
        }
      }
    }
  }

  run(task: QueryTask): QueryReply {
    const control = QueryControl.attach(task.control)
    try {
      if (!this.#hasSlot() || !control.enter(task.participant)) return { kind: 'nothing' }
      const table = this.#table(task)
      this.#folders.set(task.tableId, task.pageFolder)
      const tiles = new AttachedTiles(task.tiles, this.#views, this.#handles)
      return this.#work(task, new Morsels(control, task.work.fragment, tiles, this), { table, S: task.S })
    } catch (error) {
      if (error instanceof ValueElsewhere) return { kind: 'elsewhere' }
      if (error instanceof PageGone && control.isStopped) return { kind: 'nothing' }
      return { kind: 'failed', error: DriftError.from(error, 'query thread').toData() }
    } finally {
      this.unpin()
    }
  }

  /** The tile with its pages pinned. @throws PageGone */
  pinned(tiles: AttachedTiles, index: number): Tile {
    const tile = tiles.pinned(index, this.#pins)
    if (tile === undefined) throw new PageGone('MEM-5: a page of a run is gone')
    return tile
  }

  get pins(): number {
    return this.#slots.pinsOf(this.#slot)
  }

  unpin(): void {
    if (this.#slot >= 0) this.#slots.unpinAll(this.#slot, this.#arena)
  }

  #hasSlot(): boolean {
    if (this.#slot < 0) this.#slot = this.#slots.claim(threadId)
    return this.#slot >= 0
  }

  #table({ tableNumber, keys }: QueryTask): ScanTable {
    const known = this.#tables.get(tableNumber)
    if (known !== undefined) {
      known.keys.renew(keys)
      return known
    }
    const { kernels, scratches } = this.#start
    const arena = this.#arena
    this.#memory ??= new ScanMemory(arena, (memory) => wasmKernels(kernels, memory), scratches[this.#slot])
    const readPlace = (): never => {
      throw new ValueElsewhere()
    }
    const table = new ScanTable({ arena, keys: KeyTable.attach(arena, keys), memory: this.#memory, readPlace })
    const [oldest] = this.#tables.keys()
    if (this.#tables.size >= TABLES_MAX && oldest !== undefined) this.#tables.delete(oldest)
    this.#tables.set(tableNumber, table)
    return table
  }

  #work({ work }: QueryTask, morsels: Morsels, pages: { readonly table: ScanTable; readonly S: number }): QueryReply {
    if (work.kind === 'rows') return { kind: 'rows', pieces: rowPieces(work, morsels, pages) }
    const steps = runFragment(work.fragment, pages, morsels)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return { kind: 'partial', partial: step.value }
      morsels.control.looked(step.value)
    }
  }
}

/** The morsels that one task takes: their pages are pinned until the next are asked for. */
class Morsels implements MorselSource {
  readonly control: QueryControl
  readonly #fragment: QueryWork['fragment']
  readonly #tiles: AttachedTiles
  readonly #worker: QueryWorker

  constructor(control: QueryControl, fragment: QueryWork['fragment'], tiles: AttachedTiles, worker: QueryWorker) {
    this.control = control
    this.#fragment = fragment
    this.#tiles = tiles
    this.#worker = worker
  }

  get count(): number {
    return this.#tiles.count
  }

  take(count: number): readonly Morsel[] {
    this.#worker.unpin()
    const taken: Morsel[] = []
    while (taken.length < count && this.#worker.pins < PINS_MAX) {
      const index = this.control.take()
      if (index < 0) break
      taken.push({ index, tiles: tilesOfMorsel(this.#fragment, index, (tile) => this.#pinned(tile)) })
    }
    return taken
  }

  /** One that was taken already. */
  tile(index: number): Tile {
    this.#worker.unpin()
    return this.#pinned(index)
  }

  #pinned(index: number): Tile {
    return this.#worker.pinned(this.#tiles, index)
  }
}

function rowPieces(
  { fragment, from, rowsRoom }: QueryWork & { readonly kind: 'rows' },
  morsels: Morsels,
  pages: { readonly table: ScanTable; readonly S: number }
): readonly RowPiece[] {
  const { query, isBounded, rowsMax } = fragment
  const { control } = morsels
  const looked = (rows: number) => control.looked(rows)
  const packer = new BatchPacker(pages.table, query)
  const scan = new RowScan(pages, query, packer.batch, { isBounded, looked })
  const pieces: RowPiece[] = []
  let room = rowsRoom
  let next = from
  while (room > 0 && pieces.length < (room < rowsRoom ? MORSELS_WITH_ROWS_MAX : MORSELS_MAX)) {
    const morsel = next?.morsel ?? control.take()
    if (morsel < 0) break
    const batches: PackedBatch[] = []
    let left = rowsMax - (next?.skip ?? 0)
    let isEnd = true
    let isElsewhere = false
    try {
      const tile = morsels.tile(query.reverse === true ? morsels.count - 1 - morsel : morsel)
      for (const batch of scan.tile(tile, NO_ROWS, next?.skip)) {
        if (batch.rowCount === 0) continue
        batches.push(batch)
        left -= batch.rowCount
        room -= batch.rowCount
        if (room > 0 && left > 0 && !control.isStopped) continue
        isEnd = left <= 0 || scan.rowsLeft === 0
        break
      }
    } catch (error) {
      if (!(error instanceof ValueElsewhere)) throw error
      isElsewhere = true
    }
    pieces.push({ morsel, batches, isEnd: isEnd && !isElsewhere, isElsewhere })
    if (isElsewhere || !isEnd) break
    next = undefined
  }
  return pieces
}
