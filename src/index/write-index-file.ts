import { crc32 } from '../codec/checksum.js'
import { encodeFileHeader, FILE_KIND_INDEX } from '../format/file-header.js'
import { encodeIndexEnd } from '../format/index-file.js'
import { type Io } from '../io/io.js'
import { type IndexFiles } from './index-files.js'
import { type IndexTree } from './index-tree.js'

/** Images that are written at a time. */
const WRITTEN_NODES = 64

/** How far an index is: its last event, and how many it has. */
export type IndexProgress = { readonly seq: number; readonly events: number }

/**
 * Writes the checkpoint of an index under its unfinished name: all that is not in the file of closed nodes, which has every closed node.
 * Nothing is synced. What the file system throws goes through. Returns the bytes.
 */
export function writeIndexFile(io: Io, files: IndexFiles, tree: IndexTree, locations: Uint32Array, { seq, events }: IndexProgress): number {
  const { memory, closed } = tree
  const { nodeBytes } = memory.layout
  const { nodeCount } = memory
  // By node: its number in the file of closed nodes, or the complement of that in this one.
  const places = new Int32Array(nodeCount).fill(-1)
  for (const [slot, id] of closed.nodes.entries()) places[id] = slot
  const open: number[] = []
  for (let id = 0; id < nodeCount; id++) if ((places[id] as number) < 0) places[id] = ~(open.push(id) - 1)
  const { databaseId, tableId, definition, indexId } = files
  const file = io.create(files.unfinished)
  try {
    let end = 0
    const write = (parts: readonly Uint8Array[]): void => {
      file.write(parts, end)
      end += parts.reduce((sum, { length }) => sum + length, 0)
    }
    write([encodeFileHeader({ kind: FILE_KIND_INDEX, flags: 0, tableId, number: seq, origin: events, salt: 0, databaseId })])
    for (let from = 0; from < open.length; from += WRITTEN_NODES) {
      write(open.slice(from, from + WRITTEN_NODES).map((id) => tree.imageOf(id)))
    }
    const roots = memory.roots()
    const tables = [bytesOf(roots), bytesOf(places), bytesOf(Uint32Array.from(closed.crcs)), bytesOf(locations), definition]
    write(tables)
    const counts = {
      nodes: nodeCount,
      openNodes: open.length,
      closedNodes: closed.nodes.length,
      roots: roots.length / 2,
      rows: locations.length,
      definitionBytes: definition.length
    }
    const tablesCrc = tables.reduce((crc, part) => crc32(part, crc), 0)
    write([encodeIndexEnd({ nodeBytes, indexId, ...counts, hasCut: memory.hasCut, tablesCrc })])
    return end
  } finally {
    file.close()
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
