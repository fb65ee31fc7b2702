/**
 * Version pages as records of a page file, and back. The record is the page's image in memory: offsets within it stay as they are, so
 * that it can be put anywhere in page memory. What it names outside of itself (ordinals, dictionaries) is a number in the table's keys
 * and heap, which are kept with the same numbers; cells of a delta name its siblings by their place in the open rectangle.
 *
 * What no row has yet (room in a chunk of a delta) is not stored; it is zeros after a restore, as it was when the chunk was made.
 */
import { type BlockPart, type Keeping } from '../format/packed-block.js'
import { damagedRecord, decodeRecordHead, RECORD_PAGE, type RecordPlace } from '../format/page-file.js'
import { encodeRecord, recordBody, unpackRecord } from '../format/page-record.js'
import { type Arena } from '../memory/arena.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView } from './page-view.js'

/** The page as a record of its table: parts to be written one behind the other. It must not change meanwhile. */
export function encodePage(view: PageView, keeping: Keeping = 'keeping'): Uint8Array[] {
  const head = {
    kind: RECORD_PAGE,
    imageBytes: imageBytes(view),
    tableId: view.word(layout.TABLE),
    rows: view.rowCount,
    number: 0
  }
  return encodeRecord(head, partsOf(view), keeping)
}

/**
 * Puts the page of a record into fresh page memory.
 * @returns its address.
 * @throws DriftError CORRUPT with file, offset, expected, found; OVERLOADED where no page memory is free.
 */
export function decodePage(bytes: Uint8Array, arena: Arena, place: RecordPlace): number {
  const { head, blocks } = decodeRecordHead(bytes, place)
  if (head.kind !== RECORD_PAGE) throw damagedRecord(place, 4, 'another kind of record than a page', RECORD_PAGE, head.kind)
  if (head.imageBytes > layout.PAGE_BYTES_MAX) {
    throw damagedRecord(place, 12, 'a page that is too large', layout.PAGE_BYTES_MAX, head.imageBytes)
  }
  const address = arena.claim(head.imageBytes)
  try {
    const memory = arena.viewsOf(address)
    const at = arena.offsetOf(address)
    unpackRecord(memory, at, head, blocks, recordBody(bytes, blocks), place)
    const words = at / 4
    if (memory.i32[words + layout.MAGIC] !== layout.PAGE_MAGIC || memory.i32[words + layout.ROW_COUNT] !== head.rows) {
      throw damagedRecord(place, 0, 'a record that holds no page', layout.PAGE_MAGIC, memory.i32[words + layout.MAGIC])
    }
    // The room of a chunk is that of its claim.
    if (memory.i32[words + layout.KIND] === layout.DELTA) memory.i32[words + layout.HEAP_LIMIT] = arena.bytesOf(address)
    return address
  } catch (error) {
    arena.release(address)
    throw error
  }
}

function imageBytes(view: PageView): number {
  if (view.kind === layout.DELTA) return view.word(layout.HEAP_LIMIT)
  let end = view.heapEnd
  const reach = (at: number, bytes: number) => {
    if (at + bytes > end) end = at + bytes
  }
  for (const { at, bytes } of rowColumns) if (view.word(at) !== 0) reach(view.word(at), bytes * view.rowCapacity)
  for (const { dataAt, statesAt, encoding } of view.columns) {
    const width = layout.ENCODING_BYTES[encoding] as number
    if (width > 0) reach(dataAt * width - view.at, width * view.rowCapacity)
    if (statesAt >= 0) reach(statesAt - view.at, view.rowCapacity)
  }
  return (end + 7) & ~7
}

/** Columns that every page has a word for in its header, in the order in which they are stored. */
const rowColumns: readonly { readonly at: number; readonly bytes: number }[] = [
  { at: layout.BEGIN_AT, bytes: 4 },
  { at: layout.END_AT, bytes: 4 },
  { at: layout.ORDINAL_AT, bytes: 4 },
  { at: layout.PREVIOUS_AT, bytes: 4 },
  { at: layout.ORIGIN_AT, bytes: 8 },
  { at: layout.REST_AT, bytes: 4 },
  { at: layout.SHAPE_AT, bytes: 2 }
]

function partsOf(view: PageView): BlockPart[] {
  const { at, rowCount, rowCapacity } = view
  const prefix = (layout.HEADER_WORDS + view.columns.length * layout.COLUMN_WORDS) * 4
  const parts: BlockPart[] = [bytesPart(view, 0, prefix)]
  const heapStart = heapStartOf(view, prefix)
  parts.push(bytesPart(view, heapStart, view.heapEnd - heapStart))
  for (const { at: word, bytes } of rowColumns) {
    const from = view.word(word)
    if (from === 0) continue
    if (word === layout.END_AT)
      parts.push({ ...wordsPart(view, from, rowCount), begins: wordsOf(view, view.word(layout.BEGIN_AT), rowCount) })
    else if (bytes === 4) parts.push(wordsPart(view, from, rowCount))
    else if (bytes === 8) parts.push(floatsPart(view, from, rowCount))
    else parts.push(shortsPart(view, from, rowCount))
  }
  for (const column of view.columns) {
    const data = dataPart(view, column, rowCount)
    if (data !== undefined) parts.push(data)
    // The states behind the rows of a chunk are those of plain values.
    if (column.statesAt >= 0) parts.push(smallPart(view, column.statesAt - at, rowCapacity))
  }
  return parts
}

function heapStartOf(view: PageView, prefix: number): number {
  // In a chunk the key range was put into the heap first of all.
  if (view.kind === layout.DELTA) return view.word(layout.LOW_KEY)
  return Math.max(layout.DICTIONARY_CODES_MAX, (prefix + 7) & ~7)
}

function dataPart(view: PageView, column: ColumnView, rowCount: number): BlockPart | undefined {
  const offset = column.dataAt * (layout.ENCODING_BYTES[column.encoding] as number) - view.at
  switch (column.encoding) {
    case layout.ENCODED_U8:
      return smallPart(view, offset, rowCount)
    case layout.ENCODED_U16:
      return shortsPart(view, offset, rowCount)
    case layout.ENCODED_I32:
      return wordsPart(view, offset, rowCount)
    case layout.ENCODED_F64:
      return floatsPart(view, offset, rowCount)
    default:
      return undefined
  }
}

function wordsOf(view: PageView, offset: number, count: number): Int32Array {
  const from = (view.at + offset) / 4
  return view.i32.subarray(from, from + count)
}

function wordsPart(view: PageView, offset: number, count: number): BlockPart & { readonly words: Int32Array } {
  return { element: 4, offset, count, words: wordsOf(view, offset, count) }
}

/** What arithmetic makes is most often whole: then it is stored as integers. */
function floatsPart(view: PageView, offset: number, count: number): BlockPart {
  const from = (view.at + offset) / 8
  const words = new Int32Array(count)
  for (let index = 0; index < count; index++) {
    const value = view.f64[from + index] as number
    if (!Object.is(value | 0, value)) return { ...bytesPart(view, offset, count * 8), element: 8, count }
    words[index] = value
  }
  return { element: 8, offset, count, words }
}

function shortsPart(view: PageView, offset: number, count: number): BlockPart {
  const from = (view.at + offset) / 2
  const values = view.u16.subarray(from, from + count)
  const [first = 0] = values
  if (values.every((value) => value === first)) return { element: 2, offset, count, constant: first }
  return { ...bytesPart(view, offset, count * 2), element: 2, count }
}

function smallPart(view: PageView, offset: number, count: number): BlockPart {
  const part = bytesPart(view, offset, count)
  const [first = 0] = part.bytes
  return part.bytes.every((value) => value === first) ? { element: 1, offset, count, constant: first } : part
}

function bytesPart(view: PageView, offset: number, bytes: number): BlockPart & { readonly bytes: Uint8Array } {
  return { element: 1, offset, count: bytes, bytes: view.u8.subarray(view.at + offset, view.at + offset + bytes) }
}
