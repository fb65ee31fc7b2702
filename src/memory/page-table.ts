/**
 * The table of sealed pages, in shared memory: of each page, by its number, where it is in page memory and where in a file. Any thread
 * reads pages in and gives them up; one thread, apply, adds pages and says where they are in files.
 *
 * An entry is 16 words:
 *
 *   0 residence: 0 absent, address + 1, or -1 while someone is putting it there (three stores long)
 *   1 generation of the claim at that address
 *   2 1: used since the clock's hand went by
 *   3 table id
 *   4 version of the place: odd while it changes
 *   5 ... 10 place: file, offset (two words each), bytes, crc of the record's head; bytes 0: it is in no file yet
 *
 * MEM-7: an absent page is in a file; whoever pins the claim that an entry names, and then finds that the entry still names it, has that page.
 *
 * A page that two threads miss at once is read by both: the first to publish it wins, the other one gives its memory back and takes that
 * page. So nobody waits for a thread that may have died.
 */
import { assertLaw, DriftError } from '../base/errors.js'

const WASM_PAGE_BYTES = 64 * 1024
const HEAD_WORDS = 16
const ENTRY_WORDS = 16

/** Words of the head. */
const HAND = 0
const COUNT = 1
/** Nobody ever notifies it. */
const NEVER = 2

const RESIDENCE = 0
const GENERATION = 1
const USED = 2
const TABLE = 3
const VERSION = 4
const FILE = 5
const OFFSET = 7
const BYTES = 9
const CRC = 10

const ABSENT = 0
const BUSY = -1
const TWO_32 = 2 ** 32

/** Numbers of pages at most: 16 G rows and more. It is address space, not memory. */
const PAGES_MAX = 1 << 20

/** Where a page's record is: `file` is a number between whoever writes page files and whoever reads them. */
export type PagePlace = { readonly file: number; readonly offset: number; readonly bytes: number; readonly crc: number }

/** It can be sent to another thread. */
export type PageTableHandle = { readonly memory: WebAssembly.Memory; readonly pagesMax: number }

export class PageTable {
  readonly handle: PageTableHandle
  #words: Int32Array
  /** Numbers that were given back; only the adding thread's. */
  readonly #free: number[] = []

  private constructor(handle: PageTableHandle) {
    this.handle = handle
    this.#words = new Int32Array(handle.memory.buffer)
  }

  static create(pagesMax = PAGES_MAX): PageTable {
    const maximum = Math.ceil(((HEAD_WORDS + pagesMax * ENTRY_WORDS) * 4) / WASM_PAGE_BYTES)
    return new PageTable({ memory: new WebAssembly.Memory({ initial: 1, maximum, shared: true }), pagesMax })
  }

  static attach(handle: PageTableHandle): PageTable {
    return new PageTable(handle)
  }

  /** Numbers given out so far. */
  get count(): number {
    return Atomics.load(this.#words, COUNT)
  }

  // The adding thread.

  /** A page that is in memory and in no file. @throws DriftError LIMIT */
  addResident(tableId: number, address: number, generation: number): number {
    const number = this.#newNumber(tableId)
    const at = this.#at(number)
    Atomics.store(this.#words, at + GENERATION, generation)
    Atomics.store(this.#words, at + USED, 1)
    Atomics.store(this.#words, at + RESIDENCE, address + 1)
    return number
  }

  /** A page that is in a file and not in memory. @throws DriftError LIMIT */
  addPlaced(tableId: number, place: PagePlace): number {
    const number = this.#newNumber(tableId)
    this.setPlace(number, place)
    return number
  }

  setPlace(number: number, { file, offset, bytes, crc }: PagePlace): void {
    const at = this.#at(number)
    const words = this.#words
    Atomics.add(words, at + VERSION, 1)
    this.#setWide(at + FILE, file)
    this.#setWide(at + OFFSET, offset)
    Atomics.store(words, at + BYTES, bytes)
    Atomics.store(words, at + CRC, crc | 0)
    Atomics.add(words, at + VERSION, 1)
  }

  /** Gives the number back. The page must not be in memory, and nobody may ask for it any more. */
  remove(number: number): void {
    const at = this.#at(number)
    assertLaw(Atomics.load(this.#words, at + RESIDENCE) === ABSENT, 'MEM-7', `page ${number} is removed and in memory`)
    Atomics.store(this.#words, at + BYTES, 0)
    this.#free.push(number)
  }

  // Any thread.

  /** Address of the page; -1 where it is not in memory. */
  addressOf(number: number): number {
    const at = this.#at(number)
    const words = this.#words
    for (;;) {
      const residence = Atomics.load(words, at + RESIDENCE)
      if (residence !== BUSY) return residence - 1
    }
  }

  /** Of the claim at {@link addressOf}; ask for the address again behind it. */
  generationOf(number: number): number {
    const at = this.#at(number)
    return Atomics.load(this.#words, at + GENERATION)
  }

  touch(number: number): void {
    const at = this.#at(number) + USED
    if (Atomics.load(this.#words, at) === 0) Atomics.store(this.#words, at, 1)
  }

  /** True if the page was used since the clock's hand went by, or since it came without that. */
  isUsed(number: number): boolean {
    const at = this.#at(number) + USED
    return Atomics.load(this.#words, at) !== 0
  }

  /** Says that the absent page is at an address now; false where another thread was first. */
  publish(number: number, address: number, generation: number, isUsed = true): boolean {
    const at = this.#at(number)
    if (Atomics.compareExchange(this.#words, at + RESIDENCE, ABSENT, BUSY) !== ABSENT) return false
    Atomics.store(this.#words, at + GENERATION, generation)
    Atomics.store(this.#words, at + USED, isUsed ? 1 : 0)
    Atomics.store(this.#words, at + RESIDENCE, address + 1)
    return true
  }

  /** Makes the page absent; whoever is given true retires the claim at that address. */
  withdraw(number: number, address: number): boolean {
    const at = this.#at(number)
    return Atomics.compareExchange(this.#words, at + RESIDENCE, address + 1, ABSENT) === address + 1
  }

  isPlaced(number: number): boolean {
    const at = this.#at(number)
    return Atomics.load(this.#words, at + BYTES) !== 0
  }

  tableOf(number: number): number {
    const at = this.#at(number)
    return Atomics.load(this.#words, at + TABLE)
  }

  /** Undefined while the page is in no file. */
  placeOf(number: number): PagePlace | undefined {
    const at = this.#at(number)
    const words = this.#words
    for (;;) {
      const version = Atomics.load(words, at + VERSION)
      const place = {
        file: this.#wide(at + FILE),
        offset: this.#wide(at + OFFSET),
        bytes: Atomics.load(words, at + BYTES),
        crc: Atomics.load(words, at + CRC) >>> 0
      }
      if ((version & 1) === 0 && Atomics.load(words, at + VERSION) === version) return place.bytes === 0 ? undefined : place
    }
  }

  /** The clock: the next page to be looked at, and whether it was used since the last time; what it says is forgotten. -1: no pages. */
  tick(): { readonly number: number; readonly wasUsed: boolean } {
    const { count } = this
    if (count === 0) return { number: -1, wasUsed: false }
    const number = (Atomics.add(this.#words, HAND, 1) >>> 0) % count
    const at = this.#at(number)
    return { number, wasUsed: Atomics.exchange(this.#words, at + USED, 0) !== 0 }
  }

  /** Lets other threads go on for a millisecond. Not for the main thread, which must not block. */
  pause(): void {
    Atomics.wait(this.#words, NEVER, 0, 1)
  }

  #newNumber(tableId: number): number {
    const number = this.#free.pop() ?? this.count
    const { pagesMax } = this.handle
    if (number >= pagesMax) {
      throw new DriftError('LIMIT', `a database has room for ${pagesMax} sealed pages`, {
        name: 'pagesMax',
        limit: pagesMax,
        seen: number + 1
      })
    }
    const missing = (HEAD_WORDS + (number + 1) * ENTRY_WORDS) * 4 - this.handle.memory.buffer.byteLength
    if (missing > 0) this.handle.memory.grow(Math.ceil(missing / WASM_PAGE_BYTES))
    const at = this.#at(number)
    Atomics.store(this.#words, at + TABLE, tableId)
    Atomics.store(this.#words, at + USED, 0)
    if (number === this.count) Atomics.store(this.#words, COUNT, number + 1)
    return number
  }

  /** To be called before `#words` is looked at. */
  #at(number: number): number {
    const at = HEAD_WORDS + number * ENTRY_WORDS
    // The array is a new one after the memory grew.
    if (at + ENTRY_WORDS > this.#words.length) this.#words = new Int32Array(this.handle.memory.buffer)
    return at
  }

  #setWide(at: number, value: number): void {
    Atomics.store(this.#words, at, (value % TWO_32) | 0)
    Atomics.store(this.#words, at + 1, Math.floor(value / TWO_32))
  }

  #wide(at: number): number {
    return Atomics.load(this.#words, at + 1) * TWO_32 + (Atomics.load(this.#words, at) >>> 0)
  }
}
