/**
 * The directory record of a page snapshot: where every page of the table is, and what apply must know to go on. Numbers (float64) and
 * bytes, in one order that writer and reader share; a list begins with its length.
 */
import { type DriftError } from '../base/errors.js'
import { damagedRecord, type RecordPlace } from '../format/page-file.js'
import { type PagePlace } from '../memory/page-table.js'
import { type Past, type Slice } from '../page/page-directory.js'
import { isHandle, type SealedPage } from '../page/page-handle.js'
import { type PageCounters } from '../page/page-counters.js'
import { type OpenPageState, type RangeState, type TableState } from '../page/table-state.js'

/** Of a page of an open rectangle. */
export type PlacedPage = { readonly number: number; readonly place: PagePlace }

export type PlacedRange = Omit<RangeState, 'base' | 'chunks' | 'past'> & {
  readonly past: Past<PlacedSealed>
  readonly base: PlacedPage | undefined
  readonly chunks: readonly PlacedPage[]
}

export type PlacedSealed = { readonly index: number; readonly rows: number; readonly place: PagePlace }

export type PageDirectoryRecord = {
  readonly primaryKey: string
  readonly pageRows: number
  /** References count through blocks of so many bytes. */
  readonly unitBytes: number
  readonly appliedSeq: number
  readonly structureVersion: number
  readonly heapPerRow: number
  readonly counters: PageCounters
  readonly heapEnd: number
  readonly heap: readonly PagePlace[]
  readonly ordinals: number
  readonly keys: PagePlace
  readonly dictionaries: readonly { readonly name: string; readonly reference: number }[]
  readonly sealed: readonly PlacedSealed[]
  readonly ranges: readonly PlacedRange[]
}

/** Of this list of numbers. */
const VERSION = 1
const NONE = -1

export type DirectoryBytes = { readonly numbers: Float64Array; readonly bytes: Uint8Array }

/** What stands in the record beside the table's state. */
export type DirectoryPlaces = Pick<PageDirectoryRecord, 'primaryKey' | 'pageRows' | 'unitBytes' | 'heap' | 'keys' | 'ordinals'> & {
  readonly openPlace: (page: OpenPageState) => PagePlace
  readonly sealedPlace: (page: SealedPage) => PagePlace
}

export function encodeDirectory(state: TableState, places: DirectoryPlaces): DirectoryBytes {
  const numbers: number[] = []
  const parts: Uint8Array[] = []
  let byteCount = 0
  const put = (...values: readonly number[]) => {
    for (const value of values) numbers.push(value)
  }
  const putBytes = (bytes: Uint8Array) => {
    put(byteCount, bytes.length)
    parts.push(bytes)
    byteCount += bytes.length
  }
  const putText = (text: string) => putBytes(new Uint8Array(Buffer.from(text, 'utf8')))
  const putPlace = ({ file, offset, bytes, crc }: PagePlace) => put(file, offset, bytes, crc)
  const putOpen = (page: OpenPageState | undefined) => {
    if (page === undefined) put(NONE)
    else {
      put(page.number)
      putPlace(places.openPlace(page))
    }
  }
  const { counters, ranges } = state
  put(VERSION, places.pageRows, places.unitBytes, state.appliedSeq, state.structureVersion, state.heapPerRow)
  put(counters.events, counters.rowCopies, counters.merges, counters.sealedPages, counters.sealedRows)
  putText(places.primaryKey)
  put(state.keys.heap.end, places.heap.length)
  for (const place of places.heap) putPlace(place)
  put(places.ordinals)
  putPlace(places.keys)
  put(state.dictionaries.length)
  for (const { name, reference } of state.dictionaries) {
    putText(name)
    put(reference)
  }
  const { pasts, lists, sealed } = collected(ranges)
  put(sealed.size)
  for (const page of sealed.keys()) {
    put(rowsOf(page))
    putPlace(places.sealedPlace(page))
  }
  put(lists.size)
  for (const list of lists.keys()) {
    put(list.length)
    for (const { low, t0, t1, page } of list) {
      putBytes(low)
      put(t0, t1, page === undefined ? NONE : (sealed.get(page) as number))
    }
  }
  put(pasts.size)
  for (const { low, since, slices, sliceCount, parents } of pasts.keys()) {
    putBytes(low)
    put(since, lists.get(slices) as number, sliceCount, parents.length)
    for (const parent of parents) put(pasts.get(parent) as number)
  }
  put(ranges.length)
  for (const { low, t0, past, base, chunks, alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal } of ranges) {
    putBytes(low)
    put(t0, pasts.get(past) as number, alive, aliveMin, hasDeletes ? 1 : 0, isAppended ? 1 : 0, seqBase, lastOrdinal)
    putOpen(base)
    put(chunks.length)
    for (const chunk of chunks) putOpen(chunk)
  }
  const bytes = new Uint8Array(byteCount)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { numbers: Float64Array.from(numbers), bytes }
}

/** Every sealed page of the table, once. */
export function sealedPages(ranges: readonly RangeState[]): readonly SealedPage[] {
  return [...collected(ranges).sealed.keys()]
}

function rowsOf(page: SealedPage): number {
  return isHandle(page) ? page.rows : page.rowCount
}

type Collected = {
  readonly pasts: ReadonlyMap<Past<SealedPage>, number>
  readonly lists: ReadonlyMap<readonly Slice<SealedPage>[], number>
  readonly sealed: ReadonlyMap<SealedPage, number>
}

/** Every past once, parents before what came of them; every list of slices once, every page once: with their numbers. */
function collected(ranges: readonly RangeState[]): Collected {
  const pasts = new Map<Past<SealedPage>, number>()
  const lists = new Map<readonly Slice<SealedPage>[], number>()
  const sealed = new Map<SealedPage, number>()
  const add = (past: Past<SealedPage>): void => {
    if (pasts.has(past)) return
    past.parents.forEach(add)
    pasts.set(past, pasts.size)
    if (lists.has(past.slices)) return
    lists.set(past.slices, lists.size)
    for (const { page } of past.slices) if (page !== undefined && !sealed.has(page)) sealed.set(page, sealed.size)
  }
  for (const { past } of ranges) add(past)
  return { pasts, lists, sealed }
}

/** @throws DriftError CORRUPT where the numbers do not make a directory. */
export function decodeDirectory({ numbers, bytes }: DirectoryBytes, place: RecordPlace): PageDirectoryRecord {
  let at = 0
  const fault = (what: string, found: unknown): DriftError => damagedRecord(place, 0, what, 'a directory of pages', found)
  const number = (): number => {
    if (at >= numbers.length) throw fault('a directory that ends too early', numbers.length)
    return numbers[at++] as number
  }
  const count = (): number => {
    const value = number()
    if (!(value >= 0 && value <= numbers.length)) throw fault('a list that is longer than its directory', value)
    return value
  }
  const times = <Value>(make: (index: number) => Value): Value[] => Array.from({ length: count() }, (_, index) => make(index))
  const of = <Value>(list: readonly Value[]): Value => {
    const index = number()
    const value = list[index]
    if (value === undefined) throw fault('a number that names nothing', index)
    return value
  }
  const key = (): Uint8Array => {
    const from = number()
    return bytes.slice(from, from + number())
  }
  const text = () => Buffer.from(key()).toString('utf8')
  const pagePlace = (): PagePlace => ({ file: number(), offset: number(), bytes: number(), crc: number() })
  const open = (): PlacedPage | undefined => {
    const name = number()
    return name === NONE ? undefined : { number: name, place: pagePlace() }
  }
  const version = number()
  if (version !== VERSION) throw fault('a directory of another version', version)
  const [pageRows, unitBytes, appliedSeq, structureVersion, heapPerRow] = [number(), number(), number(), number(), number()]
  const counters = { events: number(), rowCopies: number(), merges: number(), sealedPages: number(), sealedRows: number() }
  const primaryKey = text()
  const heapEnd = number()
  const heap = times(pagePlace)
  const ordinals = number()
  const keys = pagePlace()
  const dictionaries = times(() => ({ name: text(), reference: number() }))
  const sealed = times((index): PlacedSealed => ({ index, rows: number(), place: pagePlace() }))
  const lists = times(() =>
    times((): Slice<PlacedSealed> => {
      const [low, t0, t1] = [key(), number(), number()]
      if (numbers[at] !== NONE) return { low, t0, t1, page: of(sealed) }
      at++
      return { low, t0, t1, page: undefined }
    })
  )
  const pasts: Past<PlacedSealed>[] = []
  for (let left = count(); left > 0; left--) {
    const [low, since, slices, sliceCount] = [key(), number(), of(lists), number()]
    pasts.push({ low, since, slices, sliceCount, parents: times(() => of(pasts)) })
  }
  const ranges = times((): PlacedRange => {
    const [low, t0, past, alive, aliveMin] = [key(), number(), of(pasts), number(), number()]
    const [hasDeletes, isAppended, seqBase, lastOrdinal] = [number() === 1, number() === 1, number(), number()]
    const base = open()
    const chunks = times(() => {
      const chunk = open()
      if (chunk === undefined) throw fault('a chunk that is none', NONE)
      return chunk
    })
    return { low, t0, past, alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal, base, chunks }
  })
  if (at !== numbers.length || ranges.length === 0) throw fault('a directory that does not end where it should', at)
  const head = { primaryKey, pageRows, unitBytes, appliedSeq, structureVersion, heapPerRow, counters, heapEnd, heap, ordinals, keys }
  return { ...head, dictionaries, sealed, ranges }
}
