/**
 * A directory as numbers and bytes, so that it can be sent to another thread: pages are named by address and generation there, sealed ones
 * that may leave memory by their number. The reader's side makes views of pages when they are first looked at; a page that is gone by then
 * says that the directory is an old one.
 */
import { type Arena } from '../memory/arena.js'
import { type KeyTableHandle } from './key-table.js'
import { type PageDirectory, type Past, type RangeEntry, type Slice } from './page-directory.js'
import { isHandle, type PageHandle, type SealedPage } from './page-handle.js'
import { PageView } from './page-view.js'

export type DirectoryImage = {
  readonly version: number
  readonly appliedSeq: number
  readonly keys: KeyTableHandle
  readonly numbers: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Thrown where a page of a directory is gone: pages are merged, and there is a newer directory. */
export class StaleDirectory extends Error {}

const NO_PAGE = -1
/** From here down: a handle, by its number. */
export const FIRST_HANDLE = -2
const NO_END = -1

class ImageWriter {
  readonly #numbers: number[] = []
  readonly #bytes: Uint8Array[] = []
  readonly #lists = new Map<readonly Slice<SealedPage>[], number>()
  readonly #pasts = new Map<Past<SealedPage>, number>()
  #byteCount = 0

  image(directory: PageDirectory<SealedPage>, keys: KeyTableHandle): DirectoryImage {
    const { version, appliedSeq, ranges } = directory
    const { past: pasts, lists } = collected(ranges)
    this.#put(lists.length)
    for (const [index, list] of lists.entries()) {
      this.#lists.set(list, index)
      this.#put(list.length)
      for (const { low, t0, t1, page } of list) {
        this.#key(low)
        this.#put(t0, t1)
        this.#page(page)
      }
    }
    this.#put(pasts.length)
    for (const [index, { low, since, slices, sliceCount, parents }] of pasts.entries()) {
      this.#key(low)
      this.#put(since, this.#lists.get(slices) as number, sliceCount, parents.length)
      for (const parent of parents) this.#put(this.#pasts.get(parent) as number)
      this.#pasts.set(pasts[index] as Past<SealedPage>, index)
    }
    this.#put(ranges.length)
    for (const { low, t0, base, chunks, past } of ranges) {
      this.#key(low)
      this.#put(t0, this.#pasts.get(past) as number)
      this.#page(base)
      this.#put(chunks.length)
      for (const chunk of chunks) this.#page(chunk)
    }
    const bytes = new Uint8Array(this.#byteCount)
    let at = 0
    for (const part of this.#bytes) {
      bytes.set(part, at)
      at += part.length
    }
    return { version, appliedSeq, keys, numbers: Float64Array.from(this.#numbers), bytes }
  }

  #put(...numbers: readonly number[]): void {
    for (const number of numbers) this.#numbers.push(number === Infinity ? NO_END : number)
  }

  #key(low: Uint8Array): void {
    this.#numbers.push(this.#byteCount, low.length)
    this.#bytes.push(low)
    this.#byteCount += low.length
  }

  #page(page: SealedPage | undefined): void {
    if (page === undefined) this.#numbers.push(NO_PAGE, 0)
    else if (isHandle(page)) this.#numbers.push(FIRST_HANDLE - page.number, page.rows)
    else this.#numbers.push(page.address, page.generation)
  }
}

/** Every past once, parents before what came of them, and every list of slices once. */
function collected(ranges: readonly RangeEntry<SealedPage>[]): {
  readonly past: readonly Past<SealedPage>[]
  readonly lists: readonly (readonly Slice<SealedPage>[])[]
} {
  const past = new Set<Past<SealedPage>>()
  const lists = new Set<readonly Slice<SealedPage>[]>()
  const add = (each: Past<SealedPage>): void => {
    if (past.has(each)) return
    each.parents.forEach(add)
    past.add(each)
    lists.add(each.slices)
  }
  for (const range of ranges) add(range.past)
  return { past: [...past], lists: [...lists] }
}

/** @returns what {@link attachDirectory} takes; its arrays may be transferred. */
export function directoryImage(directory: PageDirectory<SealedPage>, keys: KeyTableHandle): DirectoryImage {
  return new ImageWriter().image(directory, keys)
}

/** Views of pages by their addresses, kept while the page at an address is the same. One reading thread's. */
export class PageViews {
  readonly #arena: Arena
  readonly #views = new Map<number, PageView>()

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** @throws StaleDirectory where the page is gone. */
  view(address: number, generation: number): PageView {
    const known = this.#views.get(address)
    if (known?.generation === generation) return known
    // Pinned, nobody can put another page there while its head is read.
    if (!this.#arena.pin(address, generation)) throw new StaleDirectory()
    try {
      return this.pinnedView(address, generation)
    } finally {
      this.#arena.unpin(address)
    }
  }

  /** Of a page that the caller has pinned. */
  pinnedView(address: number, generation: number): PageView {
    const known = this.#views.get(address)
    if (known?.generation === generation) return known
    const view = new PageView(this.#arena, address)
    this.#views.set(address, view)
    return view
  }
}

/** One reading thread's handles: one object for a page, whatever directory names it. */
export class PageHandles {
  readonly #handles = new Map<number, PageHandle>()

  handle(number: number, rows: number): PageHandle {
    let handle = this.#handles.get(number)
    // A number is given again after the table that had it is gone.
    if (handle?.rows !== rows) this.#handles.set(number, (handle = { number, rows }))
    return handle
  }
}

type PageName = { readonly address: number; readonly generation: number }

class AttachedSlice implements Slice {
  readonly low: Uint8Array
  readonly t0: number
  readonly t1: number
  readonly #name: PageName
  readonly #views: PageViews

  constructor(low: Uint8Array, t0: number, t1: number, name: PageName, views: PageViews) {
    this.low = low
    this.t0 = t0
    this.t1 = t1
    this.#name = name
    this.#views = views
  }

  get page(): PageView | undefined {
    const { address, generation } = this.#name
    return address === NO_PAGE ? undefined : this.#views.view(address, generation)
  }
}

class AttachedRange implements RangeEntry<SealedPage> {
  readonly low: Uint8Array
  readonly t0: number
  readonly past: Past<SealedPage>
  readonly #base: PageName
  readonly #chunks: readonly PageName[]
  readonly #views: PageViews
  #open: { readonly base: PageView | undefined; readonly chunks: readonly PageView[] } | undefined

  constructor(low: Uint8Array, t0: number, past: Past<SealedPage>, base: PageName, chunks: readonly PageName[], views: PageViews) {
    this.low = low
    this.t0 = t0
    this.past = past
    this.#base = base
    this.#chunks = chunks
    this.#views = views
  }

  get base(): PageView | undefined {
    return this.#opened().base
  }

  get chunks(): readonly PageView[] {
    return this.#opened().chunks
  }

  /** The open rectangle as a whole: cells of its delta refer to its other pages by their order. */
  #opened() {
    if (this.#open !== undefined) return this.#open
    const { address, generation } = this.#base
    const base = address === NO_PAGE ? undefined : this.#views.view(address, generation)
    const chunks = this.#chunks.map((chunk) => this.#views.view(chunk.address, chunk.generation))
    const siblings = [base, ...chunks]
    siblings.forEach((page, index) => {
      if (page === undefined) return
      page.siblings = siblings
      page.sibling = index
    })
    return (this.#open = { base, chunks })
  }
}

/**
 * The directory as a reading thread sees it. Looking at a page of it may throw {@link StaleDirectory}; sealed pages that may be gone from
 * memory are told by handles.
 */
export function attachDirectory(
  { version, appliedSeq, numbers, bytes }: DirectoryImage,
  views: PageViews,
  handles: PageHandles
): PageDirectory<SealedPage> {
  let at = 0
  const number = () => numbers[at++] as number
  const seq = () => {
    const value = number()
    return value === NO_END ? Infinity : value
  }
  const key = () => {
    const from = number()
    return bytes.subarray(from, from + number())
  }
  const name = (): PageName => ({ address: number(), generation: number() })
  const times = <Value>(make: () => Value): Value[] => Array.from({ length: number() }, make)
  const slice = (): Slice<SealedPage> => {
    const [low, t0, t1, { address, generation }] = [key(), number(), seq(), name()]
    if (address > FIRST_HANDLE) return new AttachedSlice(low, t0, t1, { address, generation }, views)
    return { low, t0, t1, page: handles.handle(FIRST_HANDLE - address, generation) }
  }
  const lists = times(() => times(slice))
  const pasts: Past<SealedPage>[] = []
  for (let left = number(); left > 0; left--) {
    const [low, since, list, sliceCount] = [key(), number(), number(), number()]
    const parents = times(() => pasts[number()] as Past<SealedPage>)
    pasts.push({ low, since, slices: lists[list] as Slice<SealedPage>[], sliceCount, parents })
  }
  const ranges = times((): RangeEntry<SealedPage> => {
    const [low, t0, past, base] = [key(), number(), pasts[number()] as Past<SealedPage>, name()]
    return new AttachedRange(low, t0, past, base, times(name), views)
  })
  return { version, appliedSeq, ranges }
}
