/**
 * Sealed pages on the apply thread: takes them over when they are sealed, and sees to it that they can leave memory. While memory is
 * plenty a page waits for the next snapshot; past a share of the budget it is written to its table's spill file at once, so that reading
 * threads, which cannot write it, find something to give up.
 */
import { type Arena } from '../memory/arena.js'
import { type PagePlace, type PageTable } from '../memory/page-table.js'
import { type PageCache } from './page-cache.js'
import { type PageHandle, type SealedPages } from './page-handle.js'
import { encodePage } from './page-image.js'
import { type PageView } from './page-view.js'

/** Claimed share of the budget from which on sealed pages are written at once. */
const SPILL_SHARE = 0.5

/** Where a table's pages go that no snapshot has yet. */
export type PageSpill = { readonly write: (record: readonly Uint8Array[]) => PagePlace }

type Unplaced = { readonly handle: PageHandle; readonly view: PageView; readonly spill: PageSpill }

export class PageKeeper {
  readonly counters = { spilledPages: 0, spilledBytes: 0 }
  readonly #arena: Arena
  readonly #table: PageTable
  readonly #cache: PageCache
  /** Oldest first; those that a snapshot has taken meanwhile are skipped. */
  readonly #unplaced = new Map<number, Unplaced>()

  constructor(arena: Arena, table: PageTable, cache: PageCache) {
    this.#arena = arena
    this.#table = table
    this.#cache = cache
    arena.relieve = (memory) => this.#relieve(memory)
  }

  /** The sealed pages of one table. */
  of(tableId: number, spill: PageSpill): SealedPages {
    return {
      add: (view) => this.#add(tableId, view, spill),
      release: (handle) => this.#release(handle)
    }
  }

  /** A snapshot has the page from now on. */
  placed({ number }: PageHandle, place: PagePlace): void {
    this.#table.setPlace(number, place)
    this.#unplaced.delete(number)
  }

  #add(tableId: number, view: PageView, spill: PageSpill): PageHandle {
    const handle = { number: this.#table.addResident(tableId, view.address, view.generation), rows: view.rowCount }
    this.#unplaced.set(handle.number, { handle, view, spill })
    return handle
  }

  /** Writes pages while more is claimed than should be. Called between events: writing may fail. */
  settle(): void {
    const { budgetBytes } = this.#arena
    while (this.#unplaced.size > 0 && this.#arena.claimedBytes > budgetBytes * SPILL_SHARE) this.#spill()
  }

  #relieve(memory: number | undefined): boolean {
    return this.#cache.evict(memory) || this.#spill()
  }

  /** Writes the oldest page that is in no file; false where there is none. */
  #spill(): boolean {
    for (const [number, { view, spill }] of this.#unplaced) {
      const record = encodePage(view, 'passing')
      const place = spill.write(record)
      this.#table.setPlace(number, place)
      this.#unplaced.delete(number)
      this.counters.spilledPages++
      this.counters.spilledBytes += place.bytes
      return true
    }
    return false
  }

  #release({ number }: PageHandle): void {
    this.#unplaced.delete(number)
    const address = this.#table.addressOf(number)
    if (address >= 0 && this.#table.withdraw(number, address)) this.#arena.retire(address)
    this.#table.remove(number)
  }
}
