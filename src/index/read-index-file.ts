import { crc32 } from '../codec/checksum.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_INDEX } from '../format/file-header.js'
import { damagedIndex, decodeIndexEnd, INDEX_END_BYTES, type IndexFileEnd, indexTablesBytes } from '../format/index-file.js'
import { type File, type Io } from '../io/io.js'
import { type IndexFiles } from './index-files.js'
import { isImageOf } from './index-node.js'
import { NODE_BYTES } from './node-memory.js'
import { type IndexProgress } from './write-index-file.js'

/** What an `.idx` file says, but for its open nodes. */
export type IndexCheckpoint = IndexProgress & {
  readonly hasCut: boolean
  /** Since when, which node. */
  readonly roots: Float64Array
  /** By node: its slot in the file of closed nodes, or the complement of its number among the open ones. */
  readonly places: Int32Array
  /** By slot. */
  readonly closed: readonly number[]
  readonly crcs: readonly number[]
  /** By ordinal. */
  readonly locations: Uint32Array
}

/**
 * Reads an `.idx` file and gives each open node, in the order of their numbers, to `takeOpen`; the image is valid until it returns.
 * @throws DriftError CORRUPT, UNSUPPORTED_VERSION with file and offset: it is damaged, or that of another index.
 */
export function readIndexFile(io: Io, files: IndexFiles, takeOpen: (id: number, image: Uint8Array) => void): IndexCheckpoint {
  const path = files.index
  const file = io.openRead(path)
  try {
    const { number: seq, origin: events, tableId, databaseId } = decodeFileHeader(readAt(file, 0, FILE_HEADER_BYTES), path, FILE_KIND_INDEX)
    if (tableId !== files.tableId || Buffer.compare(databaseId, files.databaseId) !== 0) {
      throw damagedIndex(path, 12, 'it belongs to another table')
    }
    const endAt = Math.max(FILE_HEADER_BYTES, file.size() - INDEX_END_BYTES)
    const end = decodeIndexEnd(readAt(file, endAt, INDEX_END_BYTES), path, endAt)
    const { indexId, nodeBytes, openNodes, nodes, closedNodes, definitionBytes, hasCut } = end
    if (indexId !== files.indexId) throw damagedIndex(path, endAt + 8, `it belongs to index ${indexId}, not ${files.indexId}`)
    const tablesBytes = indexTablesBytes(end)
    const tablesAt = FILE_HEADER_BYTES + openNodes * nodeBytes
    if (nodeBytes !== NODE_BYTES || openNodes + closedNodes !== nodes || tablesAt + tablesBytes !== endAt) {
      throw damagedIndex(path, endAt, 'its end does not agree with its length')
    }
    const tables = readAt(file, tablesAt, tablesBytes)
    if (crc32(tables) !== end.tablesCrc) throw damagedIndex(path, tablesAt, 'wrong checksum of its tables')
    if (Buffer.compare(tables.subarray(tablesBytes - definitionBytes), files.definition) !== 0) {
      throw damagedIndex(path, endAt - definitionBytes, 'it is of other columns')
    }
    const checkpoint = { seq, events, hasCut, ...tablesOf(tables, end) }
    readOpenNodes(file, checkpoint.places, takeOpen)
    return checkpoint
  } finally {
    file.close()
  }
}

function tablesOf({ buffer }: Uint8Array, { roots, nodes, closedNodes, rows }: IndexFileEnd) {
  let at = 0
  const next = (bytes: number): number => (at += bytes) - bytes
  const rootList = new Float64Array(buffer, next(roots * 16), roots * 2)
  const places = new Int32Array(buffer, next(nodes * 4), nodes)
  const crcs = [...new Uint32Array(buffer, next(closedNodes * 4), closedNodes)]
  const closed = Array.from<number>({ length: closedNodes })
  for (const [id, slot] of places.entries()) if (slot >= 0) closed[slot] = id
  return { roots: rootList, places, crcs, closed, locations: new Uint32Array(buffer, next(rows * 4), rows) }
}

function readOpenNodes(file: File, places: Int32Array, take: (id: number, image: Uint8Array) => void): void {
  const image = new Uint8Array(NODE_BYTES)
  for (const [id, place] of places.entries()) {
    if (place >= 0) continue
    const offset = FILE_HEADER_BYTES + ~place * NODE_BYTES
    if (file.read(image, offset) < NODE_BYTES || !isImageOf(image, id)) throw damagedIndex(file.path, offset, `node ${id} is damaged`)
    take(id, image)
  }
}

function readAt(file: File, offset: number, bytes: number): Uint8Array {
  const target = new Uint8Array(bytes)
  return target.subarray(0, file.read(target, offset))
}
