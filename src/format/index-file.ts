/**
 * The end of an `.idx` file, a checkpoint of a secondary index; docs/format.md, "Index file", draws all of it.
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `DRIX` |
 * | 4 | 4 | bytes of a node | |
 * | 8 | 8 | index id | |
 * | 16 | 4 | nodes | of the index |
 * | 20 | 4 | open nodes | that stand in this file |
 * | 24 | 4 | closed nodes | the first ones of the file `.nodes` beside it |
 * | 28 | 4 | roots | |
 * | 32 | 4 | rows | ordinals that have a location |
 * | 36 | 4 | bytes of the definition | |
 * | 40 | 4 | flags | 1: values were cut |
 * | 44 | 4 | layout of a node | {@link NODE_LAYOUT} |
 * | 48 | 8 | zeros | |
 * | 56 | 4 | crc32 | of everything between the open nodes and the end |
 * | 60 | 4 | crc32 | of bytes 0 to 59 |
 */
import { crc32 } from '../codec/checksum.js'
import { DriftError } from '../base/errors.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'

export type IndexFileEnd = {
  readonly nodeBytes: number
  readonly indexId: number
  readonly nodes: number
  readonly openNodes: number
  readonly closedNodes: number
  readonly roots: number
  readonly rows: number
  readonly definitionBytes: number
  readonly hasCut: boolean
  /** Of everything between the open nodes and the end. */
  readonly tablesCrc: number
}

export const INDEX_END_BYTES = 64
/** A root: float64 seq, float64 node. */
export const INDEX_ROOT_BYTES = 16

/** How a node is laid out; 0: each of an entry's words beside those of the others. */
const NODE_LAYOUT = 1

const MAGIC = 0x58495244
const FLAG_CUT = 1
const U32_FIELDS = ['nodes', 'openNodes', 'closedNodes', 'roots', 'rows', 'definitionBytes'] as const

/** Bytes between the open nodes and the end. */
export function indexTablesBytes({ nodes, closedNodes, roots, rows, definitionBytes }: Omit<IndexFileEnd, 'tablesCrc'>): number {
  return roots * INDEX_ROOT_BYTES + (nodes + closedNodes + rows) * 4 + definitionBytes
}

export function encodeIndexEnd(end: IndexFileEnd): Uint8Array {
  const bytes = new Uint8Array(INDEX_END_BYTES)
  writeU32(bytes, 0, MAGIC)
  writeU32(bytes, 4, end.nodeBytes)
  writeU64(bytes, 8, end.indexId)
  U32_FIELDS.forEach((name, at) => writeU32(bytes, 16 + at * 4, end[name]))
  writeU32(bytes, 40, end.hasCut ? FLAG_CUT : 0)
  writeU32(bytes, 44, NODE_LAYOUT)
  writeU32(bytes, 56, end.tablesCrc)
  writeU32(bytes, 60, crc32(bytes.subarray(0, 60)))
  return bytes
}

/** `bytes`: the last ones of the file, which begin at `offset`. @throws DriftError CORRUPT with file and offset. */
export function decodeIndexEnd(bytes: Uint8Array, file: string, offset: number): IndexFileEnd {
  if (bytes.length < INDEX_END_BYTES) throw damagedIndex(file, offset, 'it ends before its end does')
  if (readU32(bytes, 0) !== MAGIC) throw damagedIndex(file, offset, 'no end of an index file')
  if (readU32(bytes, 60) !== crc32(bytes.subarray(0, 60))) throw damagedIndex(file, offset + 60, 'wrong checksum of its end')
  const [nodes, openNodes, closedNodes, roots, rows, definitionBytes] = U32_FIELDS.map((_, at) => readU32(bytes, 16 + at * 4))
  const counts = { nodes, openNodes, closedNodes, roots, rows, definitionBytes } as Record<(typeof U32_FIELDS)[number], number>
  const flags = readU32(bytes, 40)
  if (flags > FLAG_CUT) {
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has flags ${flags}, which this release does not know`, { file, found: flags })
  }
  const layout = readU32(bytes, 44)
  if (layout !== NODE_LAYOUT) {
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has nodes of layout ${layout}; this release reads ${NODE_LAYOUT}`, {
      file,
      found: layout,
      expected: NODE_LAYOUT
    })
  }
  return {
    nodeBytes: readU32(bytes, 4),
    indexId: readU64(bytes, 8),
    ...counts,
    hasCut: flags === FLAG_CUT,
    tablesCrc: readU32(bytes, 56)
  }
}

export function damagedIndex(file: string, offset: number, what: string): DriftError {
  return new DriftError('CORRUPT', `${file}: ${what}; the index is made again of the segments`, { file, offset })
}
