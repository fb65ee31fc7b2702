import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_PAGES } from '../format/file-header.js'
import {
  damagedRecord,
  decodePageFileEnd,
  decodeRecordHead,
  PAGE_FILE_END_BYTES,
  RECORD_DIRECTORY,
  type RecordHead,
  type RecordPlace
} from '../format/page-file.js'
import { recordBody, unpackRecord } from '../format/page-record.js'
import { type ImageMemory } from '../format/packed-block.js'
import { type Io } from '../io/io.js'
import { pageFileName } from '../page/page-files.js'
import { decodeDirectory, type PageDirectoryRecord } from './page-directory-record.js'

/**
 * The directory of a page snapshot: the record that the end of its file leads to.
 * @throws DriftError CORRUPT with file, offset, expected, found; UNSUPPORTED_VERSION; IO.
 */
export function readPageDirectory(
  io: Io,
  folder: string,
  number: number,
  tableId: number
): { readonly record: PageDirectoryRecord; readonly place: RecordPlace } {
  const path = `${folder}/${pageFileName(number)}`
  const file = io.openRead(path)
  try {
    const size = file.size()
    const head = new Uint8Array(FILE_HEADER_BYTES)
    const header = decodeFileHeader(head.subarray(0, file.read(head, 0)), path, FILE_KIND_PAGES)
    const wrong = (at: number, what: string, expected: unknown, found: unknown) =>
      damagedRecord({ file: path, offset: 0 }, at, what, expected, found)
    if (header.tableId !== tableId) throw wrong(12, 'pages of another table', tableId, header.tableId)
    if (header.number !== number) throw wrong(16, 'another number in its header', number, header.number)
    const endAt = Math.max(0, size - PAGE_FILE_END_BYTES)
    const end = new Uint8Array(PAGE_FILE_END_BYTES)
    const found = decodePageFileEnd(end.subarray(0, file.read(end, endAt)), { file: path, offset: endAt })
    const place = { file: path, offset: found.offset }
    const bytes = new Uint8Array(found.bytes)
    file.read(bytes, found.offset)
    const { memory, head: record } = unpackPrivate(bytes, place, RECORD_DIRECTORY)
    const numbers = memory.f64.subarray(0, record.rows)
    return { record: decodeDirectory({ numbers, bytes: memory.u8.subarray(record.rows * 8, record.imageBytes) }, place), place }
  } finally {
    file.close()
  }
}

/** A record that is not a page, in private memory. @throws DriftError CORRUPT */
export function unpackPrivate(
  bytes: Uint8Array,
  place: RecordPlace,
  kind: number
): { readonly head: RecordHead; readonly memory: ImageMemory } {
  const { head, blocks } = decodeRecordHead(bytes, place)
  if (head.kind !== kind) throw damagedRecord(place, 4, 'another kind of record', kind, head.kind)
  // What compression makes of nothing but one value is about a thousandth.
  if (head.imageBytes > bytes.length * 2048) throw damagedRecord(place, 12, 'an image that is too large', bytes.length, head.imageBytes)
  const buffer = new ArrayBuffer((head.imageBytes + 7) & ~7)
  const memory: ImageMemory = {
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer)
  }
  unpackRecord(memory, 0, head, blocks, recordBody(bytes, blocks), place)
  return { head, memory }
}
