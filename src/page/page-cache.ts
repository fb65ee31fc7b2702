/**
 * One thread's way to sealed pages: pins those that are in memory, reads in those that are not, and gives up others for them, by the
 * clock: a page that was used since the hand last went by is left once. All state that threads share lies in the page table; a cache only
 * keeps views of pages that it has seen.
 *
 * Whoever reads more pages than memory has, again and again, would find none of them there by the clock alone: each goes just before its
 * turn comes. So a page that was read in makes room for the next one, unless somebody used it once more, and only one in so many stays to
 * take another's place: what is in memory stays there, and what is asked for more often gets there (bimodal insertion, Qureshi et al. 2007).
 *
 * When page memory is short, whoever claims it (apply for new pages, a reader for one that it reads in) is helped by the cache of its
 * thread, see `Arena.relieve`. What is in no file yet cannot be given up; apply writes it first (`page-keeper.ts`).
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { type RecordPlace } from '../format/page-file.js'
import { type Arena } from '../memory/arena.js'
import { type PagePlace, type PageTable } from '../memory/page-table.js'
import { type PageHandle, type PagePins } from './page-handle.js'
import { decodePage } from './page-image.js'
import { PageView } from './page-view.js'

/** A record as it was read, and where, for the message of a fault. */
export type ReadRecord = { readonly bytes: Uint8Array; readonly place: RecordPlace }

/** Reads records of page files, in this thread, at once. */
export type RecordSource = {
  /** @throws DriftError CORRUPT where it is not the record of that place; IO. */
  readonly read: (tableId: number, place: PagePlace) => ReadRecord
}

/** How a thread holds claims: as it likes, or written down, for a thread that may be ended. */
export type ClaimPins = {
  readonly pin: (address: number, generation: number) => boolean
  /** Of the claim that was pinned last. */
  readonly unpin: (address: number) => void
}

/** Views that are kept of pages that may be gone, beyond those that are in memory. */
const VIEWS_MAX = 4096
/** Of the pages that are read in one in so many stays. */
const STAYING = 16
/** Pages that were read in and make room first; those before them are left to the clock. */
const PASSING_MAX = 64

export class PageCache implements PagePins {
  /** Pages that were read in, and given up. */
  readonly counters = { loads: 0, evictions: 0 }
  readonly #arena: Arena
  readonly #table: PageTable
  readonly #records: RecordSource
  readonly #waitMs: number
  readonly #claims: ClaimPins
  readonly #views = new Map<number, PageView>()
  /** Numbers of pages that make room first, oldest first. */
  readonly #passing: number[] = []

  /** With `waitMs` a pin waits so long for others to let go; the main thread must not wait. */
  constructor(
    arena: Arena,
    table: PageTable,
    records: RecordSource,
    { waitMs = 0, claims = arena }: { readonly waitMs?: number; readonly claims?: ClaimPins } = {}
  ) {
    this.#waitMs = waitMs
    this.#claims = claims
    this.#arena = arena
    this.#table = table
    this.#records = records
    arena.relieve = (memory) => this.evict(memory)
  }

  pin = (handle: PageHandle): PageView => {
    const { number } = handle
    for (let waited = 0; ;) {
      try {
        const view = this.#pinResident(number) ?? this.#load(number)
        if (view !== undefined) return view
      } catch (error) {
        const isShort = error instanceof DriftError && error.code === 'DRIFT_OVERLOADED'
        if (!isShort || waited++ >= this.#waitMs) throw error
        this.#table.pause()
      }
    }
  }

  unpin = ({ address }: PageView): void => {
    this.#claims.unpin(address)
  }

  /** Gives up one page, in `memory` if it is named; false where there is none that is in a file and not in use. */
  evict(memory?: number): boolean {
    const table = this.#table
    for (let left = this.#passing.length; left > 0; left--) {
      const number = this.#passing.shift() as number
      if (table.addressOf(number) < 0 || table.isUsed(number)) continue
      if (this.#evictOne(number, memory)) return true
      this.#passing.push(number)
    }
    // Twice around, and every page was looked at without having been used.
    for (let left = 2 * table.count; left > 0; left--) {
      const { number, wasUsed } = table.tick()
      if (wasUsed && left > table.count) continue
      if (this.#evictOne(number, memory)) return true
    }
    return false
  }

  /** False where the page is not in memory, is in no file, or in use. */
  #evictOne(number: number, memory: number | undefined): boolean {
    const arena = this.#arena
    const table = this.#table
    const address = table.addressOf(number)
    if (address < 0 || !table.isPlaced(number) || (memory !== undefined && arena.memoryOf(address) !== memory)) return false
    if (arena.isPinned(address) || !table.withdraw(number, address)) return false
    this.#views.delete(number)
    arena.retire(address)
    this.counters.evictions++
    return true
  }

  /** As {@link pin}; undefined where the page is not in memory. */
  pinResident = ({ number }: PageHandle): PageView | undefined => this.#pinResident(number)

  #pinResident(number: number): PageView | undefined {
    const claims = this.#claims
    const table = this.#table
    for (;;) {
      const address = table.addressOf(number)
      if (address < 0) return undefined
      const generation = table.generationOf(number)
      if (claims.pin(address, generation)) {
        // MEM-7: a claim that was pinned is this page if the entry names it still.
        if (table.addressOf(number) === address && table.generationOf(number) === generation) {
          table.touch(number)
          return this.#viewAt(number, address, generation)
        }
        claims.unpin(address)
      }
    }
  }

  /** Reads the page in; undefined where another thread did so meanwhile. */
  #load(number: number): PageView | undefined {
    const arena = this.#arena
    const table = this.#table
    const { bytes, place } = this.#record(number)
    const address = decodePage(bytes, arena, place)
    const generation = arena.generationOf(address)
    const isPinned = this.#claims.pin(address, generation)
    assertLaw(isPinned, 'MEM-5', `a page that was just read is gone from ${address}`)
    const isPassing = ++this.counters.loads % STAYING !== 0
    if (table.publish(number, address, generation, !isPassing)) {
      if (isPassing && this.#passing.push(number) > PASSING_MAX) this.#passing.shift()
      return this.#viewAt(number, address, generation)
    }
    this.counters.loads--
    this.#claims.unpin(address)
    arena.release(address)
    return undefined
  }

  #record(number: number): ReadRecord {
    const table = this.#table
    for (;;) {
      const place = table.placeOf(number)
      assertLaw(place !== undefined, 'MEM-7', `page ${number} is neither in memory nor in a file`)
      try {
        return this.#records.read(table.tableOf(number), place)
      } catch (error) {
        // A page that a snapshot took is not in its spill file any more.
        const now = table.placeOf(number)
        if (now === undefined || (now.file === place.file && now.offset === place.offset)) throw DriftError.from(error, 'page file')
      }
    }
  }

  #viewAt(number: number, address: number, generation: number): PageView {
    const known = this.#views.get(number)
    if (known?.address === address && known.generation === generation) return known
    if (this.#views.size >= VIEWS_MAX) this.#views.clear()
    const view = new PageView(this.#arena, address)
    this.#views.set(number, view)
    return view
  }
}
