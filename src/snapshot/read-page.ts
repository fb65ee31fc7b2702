import { decodeValue } from '../codec/document-codec.js'
import { readU32 } from '../format/bytes.js'
import {
  COLUMN_BEGIN,
  COLUMN_DOCUMENT,
  COLUMN_END,
  COLUMN_PAGE_KEY,
  COLUMN_SHAPE,
  COLUMN_SHAPES,
  type SnapshotBlock
} from '../format/snapshot-file.js'
import type { SnapshotReader } from './snapshot-reader.js'

/** One version of a page. */
export type PageVersion = {
  readonly key: Uint8Array
  readonly begin: number
  /** 0: it is the newest that the snapshot knows. */
  readonly end: number
  /** Names of the document's fields, in order; undefined: a delete. */
  readonly shape: readonly string[] | undefined
  /** msgpack; empty: a delete. */
  readonly document: Uint8Array
}

/** The versions of the page that `group` is, sorted by key and begin. Throws CORRUPT with file and offset. */
export async function readPage(reader: SnapshotReader, group: readonly SnapshotBlock[]): Promise<PageVersion[]> {
  const bytes = (column: number) => reader.anyBytes(reader.column(group, column))
  const numbers = async (column: number) => reader.numbersOf(reader.column(group, column), await bytes(column))
  const beginBlock = reader.column(group, COLUMN_BEGIN)
  const begins = await numbers(COLUMN_BEGIN)
  const ends = await numbers(COLUMN_END)
  const codes = await numbers(COLUMN_SHAPE)
  const shapes = decodeValue(await bytes(COLUMN_SHAPES)) as readonly (readonly string[])[]
  const keys = items(await bytes(COLUMN_PAGE_KEY), 2)
  const documents = items(await bytes(COLUMN_DOCUMENT), 4)
  const rows = begins.length
  if ([ends, codes, keys, documents].some((column) => column?.length !== rows)) {
    throw reader.damaged(beginBlock.offset, 'the columns of a page have not the same rows')
  }
  return Array.from(begins, (offset, row) => {
    const begin = beginBlock.base + offset
    const lasts = ends[row] ?? 0
    const code = codes[row] ?? 0
    return {
      key: keys?.[row] ?? none,
      begin,
      end: lasts === 0 ? 0 : begin + lasts,
      shape: code === 0 ? undefined : shapes[code - 1],
      document: documents?.[row] ?? none
    }
  })
}

const none = new Uint8Array(0)

/** `[length][bytes]` items one behind the other; undefined where they do not end where the bytes do. */
function items(bytes: Uint8Array, lengthBytes: 2 | 4): Uint8Array[] | undefined {
  const found: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const length = lengthBytes === 4 ? readU32(bytes, at) : (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    found.push(bytes.subarray(at + lengthBytes, at + lengthBytes + length))
    at += lengthBytes + length
  }
  return at === bytes.length ? found : undefined
}
