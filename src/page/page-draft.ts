/**
 * From what is known about a page to its place in page memory: offsets are worked out, memory is claimed, header and directory written.
 * In a base or sealed page the heap is complete beforehand and stands in front of the columns; in a chunk of a delta it stands behind
 * them and grows. Either way a reference is never below {@link layout.DICTIONARY_CODES_MAX}, so that it is no dictionary code.
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import * as layout from './page-layout.js'
import { PageView } from './page-view.js'

export type ColumnDraft = {
  /** The field's name as a msgpack text. */
  readonly encodedName: Uint8Array
  readonly valueClass: number
  readonly encoding: number
  readonly hasStates: boolean
  readonly dictionary: number
}

export type PageDraft = {
  readonly kind: number
  readonly table: number
  readonly rowCapacity: number
  readonly t0: number
  readonly t1: number
  readonly seqBase: number
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly hasOrigin: boolean
  readonly columns: readonly ColumnDraft[]
}

const PREFIX_BYTES = layout.HEADER_WORDS * 4

function aligned(bytes: number): number {
  return (bytes + 7) & ~7
}

/** Bytes of the columns of a page. */
export function columnsBytes({ kind, rowCapacity, columns, hasOrigin }: PageDraft): number {
  const words = kind === layout.DELTA ? 5 : 4
  let bytes = rowCapacity * (words * 4 + 2 + (hasOrigin ? 8 : 0)) + 8 * (words + 2)
  for (const { encoding, hasStates } of columns) {
    bytes += rowCapacity * ((layout.ENCODING_BYTES[encoding] as number) + (hasStates ? 1 : 0)) + 16
  }
  return aligned(bytes)
}

/** The heap of a page that is not made yet. */
export class HeapDraft {
  readonly start: number
  bytes: Uint8Array<ArrayBuffer>
  /** The same bytes. */
  data: DataView
  /** Bytes written; the next one gets the reference `start + length`. */
  length = 0

  constructor(draft: PageDraft, scratch: Uint8Array<ArrayBuffer> = new Uint8Array(1024)) {
    const prefix = PREFIX_BYTES + draft.columns.length * layout.COLUMN_WORDS * 4
    const behind = draft.kind === layout.DELTA ? columnsBytes(draft) : 0
    this.start = Math.max(layout.DICTIONARY_CODES_MAX, aligned(prefix) + behind)
    this.bytes = scratch
    this.data = new DataView(scratch.buffer)
  }

  /** Room for `bytes`; returns its index in {@link bytes}, which may be another array afterwards. */
  reserve(bytes: number, alignment: 1 | 4 = 1): number {
    const at = (this.length + alignment - 1) & -alignment
    this.length = at + bytes
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      larger.set(this.bytes)
      this.bytes = larger
      this.data = new DataView(larger.buffer)
    }
    return at
  }

  add(bytes: Uint8Array, alignment: 1 | 4 = 1): number {
    const at = this.reserve(bytes.length, alignment)
    this.bytes.set(bytes, at)
    return this.start + at
  }

  addKey(key: Uint8Array): number {
    const at = this.reserve(key.length + 2)
    this.bytes[at] = key.length & 0xff
    this.bytes[at + 1] = key.length >>> 8
    this.bytes.set(key, at + 2)
    return this.start + at
  }
}

/**
 * A page with room for its rows and none in it. `heap` is copied; a delta gets at least `heapRoom` bytes more of it.
 * @throws DriftError OVERLOADED where no page memory is free; LIMIT where the page would be larger than a reference reaches.
 */
export function createPage(arena: Arena, draft: PageDraft, heap: HeapDraft, heapRoom = 0): PageView {
  const low = heap.addKey(draft.low)
  const high = draft.high === undefined ? 0 : heap.addKey(draft.high)
  const names = draft.columns.map(({ encodedName }) => heap.add(encodedName))
  const isDelta = draft.kind === layout.DELTA
  const heapBytes = heap.start + heap.length + heapRoom
  let at = isDelta ? aligned(PREFIX_BYTES + draft.columns.length * layout.COLUMN_WORDS * 4) : aligned(heapBytes)
  const bytes = isDelta ? heapBytes : at + columnsBytes(draft)
  if (bytes > layout.PAGE_BYTES_MAX) {
    throw new DriftError('LIMIT', `a version page of ${bytes} bytes; ${layout.PAGE_BYTES_MAX} at most`, {
      name: 'pageBytesMax',
      limit: layout.PAGE_BYTES_MAX,
      seen: bytes
    })
  }
  const address = arena.claim(bytes)
  const { u8, i32, f64 } = arena.viewsOf(address)
  const start = arena.offsetOf(address)
  const head = start / 4
  i32.fill(0, head, head + layout.HEADER_WORDS + draft.columns.length * layout.COLUMN_WORDS)
  const take = (width: number): number => {
    const from = at
    at = aligned(at + draft.rowCapacity * width)
    return from
  }
  const set = (word: number, value: number) => (i32[head + word] = value)
  set(layout.KIND, draft.kind)
  set(layout.TABLE, draft.table)
  set(layout.ROW_CAPACITY, draft.rowCapacity)
  f64[(head + layout.T0_F64) / 2] = draft.t0
  f64[(head + layout.T1_F64) / 2] = draft.t1
  f64[(head + layout.SEQ_BASE_F64) / 2] = draft.seqBase
  set(layout.COLUMN_COUNT, draft.columns.length)
  if (draft.hasOrigin) set(layout.ORIGIN_AT, take(8))
  set(layout.BEGIN_AT, take(4))
  set(layout.END_AT, take(4))
  set(layout.ORDINAL_AT, take(4))
  if (isDelta) set(layout.PREVIOUS_AT, take(4))
  set(layout.REST_AT, take(4))
  set(layout.SHAPE_AT, take(2))
  draft.columns.forEach((column, index) => {
    const entry = head + layout.HEADER_WORDS + index * layout.COLUMN_WORDS
    i32[entry + layout.NAME] = names[index] as number
    i32[entry + layout.NAME_BYTES] = column.encodedName.length
    i32[entry + layout.CLASS] = column.valueClass
    i32[entry + layout.ENCODING] = column.encoding
    i32[entry + layout.DICTIONARY] = column.dictionary
    f64[(entry + layout.MIN_F64) / 2] = Infinity
    f64[(entry + layout.MAX_F64) / 2] = -Infinity
    const width = layout.ENCODING_BYTES[column.encoding] as number
    if (width > 0) i32[entry + layout.DATA_AT] = take(width)
    if (column.hasStates) {
      const statesAt = take(1)
      i32[entry + layout.STATES_AT] = statesAt
      u8.fill(layout.STATE_VALUE, start + statesAt, start + statesAt + draft.rowCapacity)
    }
  })
  u8.set(heap.bytes.subarray(0, heap.length), start + heap.start)
  set(layout.HEAP_END, heap.start + heap.length)
  set(layout.HEAP_LIMIT, isDelta ? arena.bytesOf(address) : heap.start + heap.length)
  set(layout.LOW_KEY, low)
  set(layout.HIGH_KEY, high)
  set(layout.BEGIN_MIN, layout.OPEN_END)
  set(layout.BEGIN_MAX, layout.CLAMPED_BEGIN)
  set(layout.END_MIN, layout.OPEN_END)
  set(layout.END_MAX, layout.CLAMPED_BEGIN)
  set(layout.MAGIC, layout.PAGE_MAGIC)
  return new PageView(arena, address)
}
