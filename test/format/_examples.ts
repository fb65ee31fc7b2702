/** The examples of docs/format.md, made by the code from the values that the document names. */
import { Catalog, type TableDefinition } from '../../src/catalog/catalog.js'
import { CODEC_PLAIN } from '../../src/codec/block-codec.js'
import { crc32 } from '../../src/codec/checksum.js'
import { encodeValue } from '../../src/codec/document-codec.js'
import { encodeFileHeader, FILE_KIND_SEGMENT, FILE_KIND_WAL, type FileHeader } from '../../src/format/file-header.js'
import {
  EVENT_INSERT,
  EVENT_MORE,
  EVENT_PATCH,
  EVENT_SCHEMA,
  EVENT_SOFT_DELETE,
  frameHeadBytes,
  sealFrame,
  writeFrameHead
} from '../../src/format/frame.js'
import { encodeManifest, type Manifest } from '../../src/format/manifest.js'
import { encodeNumbers } from '../../src/format/number-column.js'
import { encodePageFileEnd, RECORD_KEYS } from '../../src/format/page-file.js'
import { encodeIndexEnd, type IndexFileEnd } from '../../src/format/index-file.js'
import { encodeRecord } from '../../src/format/page-record.js'
import { encodeSegmentFooter, type SegmentBlock } from '../../src/format/segment-footer.js'
import { COLUMN_FRAME_BYTES, encodeSnapshotEnd, type SnapshotBlock, type SnapshotEnd } from '../../src/format/snapshot-file.js'
import { encodeStatistics, type TableStatistics } from '../../src/format/statistics-file.js'
import { NODE_BYTES } from '../../src/format/version-node.js'
import { paddedBytes, RECORD_CLOSE, recordHeadBytes, sealRecord, writeRecordHead, type RecordHeader } from '../../src/format/wal-record.js'
import { IndexNode, NodeLayout, spreadBetween } from '../../src/index/index-node.js'
import { VersionStore } from '../../src/mvcc/version-store.js'
import { BlockBuilder } from '../../src/segment/block-builder.js'
import { walSalt } from '../../src/wal/wal-file.js'
import { encodeCommitFrame } from '../../src/writer/checkpoint.js'

export type Example = {
  readonly name: string
  readonly bytes: Uint8Array
  /** How many bytes each line has, and what it says; undefined: the example is text. */
  readonly parts: readonly (readonly [count: number, what: string])[] | undefined
}

/** 2023-11-14T22:13:20.000Z */
export const TIME = 1_700_000_000_000
export const databaseId = Uint8Array.from({ length: 16 }, (_, index) => index)
export const walHeader: FileHeader = {
  kind: FILE_KIND_WAL,
  flags: 0,
  tableId: 0,
  number: 1,
  origin: 1,
  salt: walSalt(databaseId, 1),
  databaseId
}
export const segmentHeader: FileHeader = {
  kind: FILE_KIND_SEGMENT,
  flags: 0,
  tableId: 16,
  number: 2,
  origin: 67_108_901,
  salt: 0,
  databaseId
}
export const insert = { key: 'o1', document: { id: 'o1', total: 12.5 } }
export const patch = { key: 'o1', patch: { total: 13 }, document: { id: 'o1', total: 13 } }
export const statistics: TableStatistics = {
  seq: 4,
  events: 3,
  rows: 2,
  sampledRows: 2,
  columns: [
    {
      path: ['status'],
      nulls: 0,
      distinct: 1,
      min: 'paid',
      max: 'paid',
      bytes: 5,
      common: [{ value: 'paid', share: 1 }],
      histogram: []
    }
  ]
}
export const ordersDefinition: TableDefinition = { id: 16, name: 'orders', primaryKey: 'id', indexes: [], folder: 'orders', createdSeq: 1 }

export const indexEnd: IndexFileEnd = {
  nodeBytes: 16_384,
  indexId: 65,
  nodes: 3,
  openNodes: 2,
  closedNodes: 1,
  roots: 1,
  rows: 200,
  definitionBytes: 37,
  hasCut: false,
  tablesCrc: 0x01020304
}

/** Node 7 of an index whose nodes have 256 bytes: an entry that is alive, and in front of it one that has ended. */
export const indexNode = ((): Uint8Array => {
  const buffer = new ArrayBuffer(256)
  const views = { u8: new Uint8Array(buffer), u16: new Uint16Array(buffer), i32: new Int32Array(buffer), f64: new Float64Array(buffer) }
  const node = new IndexNode(new NodeLayout(256))
  node.look(7, views, 0)
  node.clear(0, 3, Buffer.from('a'), spreadBetween(Buffer.from('oa'), Buffer.from('oz')))
  node.add(Buffer.from('open'), 0, 4, 2, 4)
  node.endEntry(node.add(Buffer.from('new'), 0, 3, 1, 5), 300)
  return node.image()
})()

export function frame(seq: number, type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameHeadBytes(seq) + payload.length)
  bytes.set(payload, writeFrameHead(bytes, 0, seq, TIME, type, payload.length))
  sealFrame(bytes, 0)
  return bytes
}

/** The references of three keys of 18 bytes. */
export const pageRecord = new Uint8Array(
  Buffer.concat(
    encodeRecord({ kind: RECORD_KEYS, imageBytes: 12, tableId: 16, rows: 3, number: 0 }, [
      { element: 4, offset: 0, count: 3, words: Int32Array.of(8, 28, 48) }
    ])
  )
)

export const insertFrame = frame(3, EVENT_INSERT, encodeValue([insert.key, insert.document], 'payload'))
export const patchFrame = frame(300, EVENT_PATCH | EVENT_MORE, encodeValue([patch.key, patch.patch, patch.document], 'payload'))
export const softDeleteFrame = frame(301, EVENT_SOFT_DELETE, encodeValue([patch.key], 'payload'))
export const schemaFrame = frame(1, EVENT_SCHEMA, Catalog.encode({ kind: 'create-table', table: ordersDefinition }))

const batchFrames = [
  frame(4, EVENT_INSERT | EVENT_MORE, encodeValue(['o2', { id: 'o2' }], 'payload')),
  frame(5, EVENT_INSERT, encodeValue([1, { n: 1, order: 'o2' }], 'payload'))
]
export const batchHeader: RecordHeader = {
  flags: 0,
  firstSeq: 4,
  time: TIME,
  count: 2,
  runs: batchFrames.map((bytes, index) => ({ tableId: 16 + index, count: 1, bytes: bytes.length })),
  metadata: encodeValue({ by: 'ada' }, 'metadata').slice()
}
export const closeHeader: RecordHeader = { flags: RECORD_CLOSE, firstSeq: 6, time: 0, count: 0, runs: [], metadata: new Uint8Array(0) }

export function record(header: RecordHeader, frames: readonly Uint8Array[], syncedBytes: number): Uint8Array {
  const frameBytes = frames.reduce((sum, bytes) => sum + bytes.length, 0)
  const bytes = new Uint8Array(paddedBytes(recordHeadBytes(header.runs.length, header.metadata.length) + frameBytes))
  bytes.set(Buffer.concat(frames), writeRecordHead(bytes, 0, header, frameBytes))
  sealRecord(bytes, 0, syncedBytes, walHeader.salt)
  return bytes
}

export const walRecord = record(batchHeader, batchFrames, 64)
export const closeRecord = record(closeHeader, [], 64 + walRecord.length)

export function threeFrames(): BlockBuilder {
  const builder = new BlockBuilder()
  const frames = Buffer.concat([insertFrame, patchFrame, softDeleteFrame])
  builder.add(frames, 0, frames.length)
  return builder
}

/** Too few bytes for a codec: stored as they are. */
export function compactedBlocks(): SegmentBlock[] {
  const { bytes } = threeFrames()
  return threeFrames().blocks.map((block) => ({ ...block, stored: { offset: 64, bytes, crc: block.crc, codec: CODEC_PLAIN } }))
}

export const frameBytesColumn = encodeNumbers(Float64Array.of(insertFrame.length, patchFrame.length, softDeleteFrame.length))
export const snapshotBlocks: readonly SnapshotBlock[] = [
  {
    column: COLUMN_FRAME_BYTES,
    codec: CODEC_PLAIN,
    rows: 3,
    offset: 64,
    storedBytes: frameBytesColumn.length,
    bytes: frameBytesColumn.length,
    crc: crc32(frameBytesColumn),
    group: 0,
    base: 0
  }
]
export const snapshotEnd: SnapshotEnd = { eventsBefore: 0, events: 3, keysBefore: 0, keys: 1, live: 0, place: 112 }

export const manifest: Manifest = {
  formatVersion: 1,
  tableId: 16,
  databaseId: Buffer.from(databaseId).toString('hex'),
  hashSeed: 2_864_434_397,
  created: TIME,
  checkpointSeq: 301,
  segments: [{ file: '00000001.seg', number: 1, bytes: threeFrames().bytes, crc: threeFrames().crc, sealed: true }],
  columns: {
    listed: [
      { name: 'id', seen: { text: 3 } },
      { name: 'total', seen: { int: 300, float: 3 } }
    ]
  },
  snapshots: [{ file: '00000301.snap', after: 0, seq: 301, events: 3, place: 112 }],
  pages: { file: 7, seq: 301, files: [4, 7] }
}

const headerParts = (kind: string, table: string, number: string, origin: string, salt: string): Example['parts'] => [
  [4, 'magic "DRFT"'],
  [2, 'format version 1'],
  [2, kind],
  [4, 'flags'],
  [4, table],
  [8, number],
  [8, origin],
  [4, salt],
  [16, 'database id'],
  [8, 'zero'],
  [4, 'crc32']
]

export function examples(): Example[] {
  return [
    {
      name: 'file-header-wal',
      bytes: encodeFileHeader(walHeader),
      parts: headerParts('kind: WAL', 'no table', 'number 1', 'first seq 1', 'salt')
    },
    {
      name: 'file-header-segment',
      bytes: encodeFileHeader(segmentHeader),
      parts: headerParts('kind: segment', 'table 16', 'number 2', 'place 67,108,901', 'no salt')
    },
    {
      name: 'frame-insert',
      bytes: insertFrame,
      parts: [
        [4, 'length 36'],
        [4, 'crc32'],
        [1, 'seq 3'],
        [8, 'time 1,700,000,000,000: 2023-11-14T22:13:20Z'],
        [1, 'INSERT'],
        [1, 'payload: array of 2'],
        [3, '"o1"'],
        [1, 'map of 2'],
        [6, '"id": "o1"'],
        [6, '"total"'],
        [9, '12.5, a float64']
      ]
    },
    {
      name: 'frame-patch',
      bytes: patchFrame,
      parts: [
        [4, 'length 37'],
        [4, 'crc32'],
        [2, 'seq 300'],
        [8, 'time'],
        [1, 'PATCH, more'],
        [1, 'payload: array of 3'],
        [3, '"o1"'],
        [8, 'the patch: { "total": 13 }'],
        [14, 'the document: { "id": "o1", "total": 13 }']
      ]
    },
    {
      name: 'frame-soft-delete',
      bytes: softDeleteFrame,
      parts: [
        [4, 'length 15'],
        [4, 'crc32'],
        [2, 'seq 301'],
        [8, 'time'],
        [1, 'SOFT_DELETE'],
        [4, 'payload: [ "o1" ]']
      ]
    },
    {
      name: 'wal-record',
      bytes: walRecord,
      parts: [
        [4, 'magic "DRWB"'],
        [4, 'length 138'],
        [4, 'crc32, begun with the salt'],
        [4, 'flags: none'],
        [8, 'first seq 4'],
        [8, 'commit time'],
        [8, 'synced bytes 64: the header'],
        [4, 'count 2'],
        [4, 'metadata bytes 8'],
        [4, 'runs 2'],
        [4, 'zero'],
        [12, 'table 16, 1 event, 29 bytes'],
        [12, 'table 17, 1 event, 33 bytes'],
        [batchHeader.metadata.length, 'metadata { "by": "ada" }'],
        [batchFrames[0]?.length ?? 0, 'frame of event 4: INSERT, more'],
        [batchFrames[1]?.length ?? 0, 'frame of event 5: INSERT'],
        [2, 'padding']
      ]
    },
    {
      name: 'wal-close',
      bytes: closeRecord,
      parts: [
        [4, 'magic "DRWB"'],
        [4, 'length 44'],
        [4, 'crc32, begun with the salt'],
        [4, 'flags: CLOSE'],
        [8, 'next seq 6'],
        [8, 'no time'],
        [8, 'synced bytes'],
        [4, 'count 0'],
        [4, 'metadata bytes 0'],
        [4, 'runs 0'],
        [4, 'zero']
      ]
    },
    {
      name: 'segment-footer',
      bytes: encodeSegmentFooter(threeFrames().footer()),
      parts: [
        [4, 'block 0: its first frame is at offset 64'],
        [4, 'crc32 of its bytes'],
        [8, 'first seq 3'],
        [8, 'first time'],
        [4, 'magic "DRSF"'],
        [4, 'number of blocks 1'],
        [8, `bytes of frames ${threeFrames().bytes}`],
        [8, 'number of frames 3'],
        [8, 'first seq 3'],
        [8, 'last seq 301'],
        [8, 'first time'],
        [8, 'last time'],
        [4, 'crc32 of the blocks'],
        [4, 'crc32 of the 60 bytes before']
      ]
    },
    {
      name: 'segment-footer-compacted',
      bytes: encodeSegmentFooter({ ...threeFrames().footer(), blocks: compactedBlocks() }),
      parts: [
        [4, 'block 0: its first frame would be at offset 64'],
        [4, 'crc32 of its frames'],
        [8, 'first seq 3'],
        [8, 'first time'],
        [4, 'stored at offset 64'],
        [4, 'stored bytes 112'],
        [4, 'crc32 of the stored bytes'],
        [4, 'codec: stored as it is'],
        [4, 'magic "DRSC"'],
        [4, 'number of blocks 1'],
        [8, `bytes of frames ${threeFrames().bytes}`],
        [8, 'number of frames 3'],
        [8, 'first seq 3'],
        [8, 'last seq 301'],
        [8, 'first time'],
        [8, 'last time'],
        [4, 'crc32 of the blocks'],
        [4, 'crc32 of the 60 bytes before']
      ]
    },
    {
      name: 'snapshot-numbers',
      bytes: frameBytesColumn,
      parts: [
        [1, 'one byte each'],
        [7, 'zero'],
        [3, 'frames of 44, 45 and 23 bytes']
      ]
    },
    {
      name: 'snapshot-versions',
      bytes: versionNodes(),
      parts: [
        [4, 'version 0: none'],
        [8, 'zero'],
        [8, 'zero'],
        [4, 'zero'],
        [4, "version 1: the base's seq"],
        [4, "at the block's place"],
        [4, 'none before it'],
        [4, 'jumps nowhere'],
        [4, 'ordinal 0'],
        [4, 'INSERT, a whole document, 1 KiB'],
        [4, "version 2: 1 behind the base's seq"],
        [4, "44 bytes behind the block's place"],
        [4, 'behind version 1'],
        [4, 'jumps to version 1'],
        [4, 'ordinal 0'],
        [4, 'PATCH, 1 since the last document, the row was live, 2 KiB'],
        [4, "version 3: 298 behind the base's seq"],
        [4, "89 bytes behind the block's place"],
        [4, 'behind version 2'],
        [4, 'two trees of one version: jumps behind both'],
        [4, 'ordinal 0'],
        [4, 'SOFT_DELETE, the row was live, 1 KiB']
      ]
    },
    {
      name: 'snapshot-end',
      bytes: encodeSnapshotEnd(snapshotBlocks, snapshotEnd),
      parts: [
        [1, 'column 5: bytes of frames'],
        [1, 'codec: stored as it is'],
        [2, 'zero'],
        [4, 'rows 3'],
        [8, 'offset 64'],
        [4, 'stored bytes 11'],
        [4, 'bytes 11'],
        [4, 'crc32 of the stored bytes'],
        [4, 'group 0'],
        [8, 'base: the place of the first frame'],
        [4, 'magic "DRSN"'],
        [4, 'number of blocks 1'],
        [8, 'events before 0'],
        [8, 'events 3'],
        [8, 'keys before 0'],
        [8, 'keys 1'],
        [8, 'live rows 0'],
        [8, 'place 112'],
        [4, 'crc32 of the descriptions'],
        [4, 'crc32 of the 60 bytes before']
      ]
    },
    {
      name: 'page-record',
      bytes: pageRecord,
      parts: [
        [4, 'magic "DRPG"'],
        [1, 'kind 3: keys'],
        [1, 'layout 1'],
        [2, 'blocks 1'],
        [4, 'bytes 83'],
        [4, 'image 12'],
        [4, 'table id 16'],
        [4, 'rows 3'],
        [8, 'number 0'],
        [12, 'zero'],
        [4, 'crc32 of the head and the descriptions'],
        [1, 'how 1: offsets'],
        [1, 'codec: stored as it is'],
        [1, 'width 1'],
        [1, 'element 4'],
        [4, 'offset 0'],
        [4, 'values 3'],
        [4, 'base 8'],
        [4, 'packed bytes 3'],
        [4, 'stored bytes 3'],
        [4, 'crc32 of the stored bytes'],
        [4, 'zero'],
        [3, '8, 28, 48']
      ]
    },
    {
      name: 'page-file-end',
      bytes: encodePageFileEnd({ offset: 1024, bytes: 512 }),
      parts: [
        [4, 'magic "DRPE"'],
        [4, 'bytes of the directory 512'],
        [8, 'its offset 1024'],
        [12, 'zero'],
        [4, 'crc32 of the 28 bytes before']
      ]
    },
    {
      name: 'index-node',
      bytes: indexNode,
      parts: [
        [4, 'zero'],
        [4, 'level 0: a leaf'],
        [4, 'entries 2'],
        [4, 'alive 1'],
        [4, 'what they take 28'],
        [4, 'entries begin at 200'],
        [4, 'the first key of its range at 255'],
        [4, 'of 1 byte'],
        [8, 'from seq 3'],
        [8, 'still open'],
        [4, 'node 7'],
        [4, 'prefix: 1 byte'],
        [4, 'zero'],
        [4, 'crc32'],
        [8, 'digests: from "a" and five zeros on'],
        [8, 'steps for 1 more'],
        [48, 'prefix "o"'],
        [4, 'in order: slot 25, "new" is below all with the prefix'],
        [4, 'slot 28, digest 40,358'],
        [64, 'room'],
        [4, 'slot 25, at 8 x 25: begin 3 + 2'],
        [4, 'end 3 + 297'],
        [4, 'value: row 1'],
        [2, 'bytes of its key 3'],
        [3, '"new"'],
        [7, 'zero'],
        [4, 'slot 28: begin 3 + 1'],
        [4, 'end: still alive'],
        [4, 'value: row 2'],
        [2, 'bytes of its key 4'],
        [4, '"open"'],
        [6, 'zero'],
        [7, 'zero'],
        [1, '"a"']
      ]
    },
    {
      name: 'index-end',
      bytes: encodeIndexEnd(indexEnd),
      parts: [
        [4, 'magic "DRIX"'],
        [4, 'bytes of a node 16,384'],
        [8, 'index 65'],
        [4, 'nodes 3'],
        [4, 'open nodes 2'],
        [4, 'closed nodes 1'],
        [4, 'roots 1'],
        [4, 'rows 200'],
        [4, 'bytes of the definition 37'],
        [4, 'flags'],
        [4, 'layout of a node 1'],
        [8, 'zero'],
        [4, 'crc32 of the tables'],
        [4, 'crc32 of the 60 bytes before']
      ]
    },
    { name: 'meta.json', bytes: encodeManifest(manifest), parts: undefined },
    {
      name: 'statistics',
      bytes: encodeStatistics(statistics, { databaseId, tableId: 16 }),
      parts: [
        [4, 'magic "DRFT"'],
        [2, 'format version 1'],
        [2, 'kind: statistics'],
        [4, 'flags'],
        [4, 'table 16'],
        [8, 'seq 4'],
        [8, 'events 3'],
        [4, 'no salt'],
        [16, 'database id'],
        [8, 'zero'],
        [4, 'crc32'],
        [4, 'bytes of the body 36'],
        [4, 'crc32 of the body'],
        [4, '[version 1, rows 2, rows of the sample 2,'],
        [1, '[one column:'],
        [9, '[["status"],'],
        [2, 'nulls 0, distinct 1,'],
        [10, 'min "paid", max "paid",'],
        [1, 'bytes 5,'],
        [6, '["paid"],'],
        [2, 'share [1],'],
        [1, 'no histogram]]]']
      ]
    },
    {
      name: 'frame-commit',
      bytes: encodeCommitFrame(batchHeader),
      parts: [
        [4, 'length'],
        [4, 'crc32'],
        [1, 'seq 5, the last of the batch'],
        [8, 'time'],
        [1, 'COMMIT'],
        [1, 'payload: array of 4'],
        [1, 'first seq 4'],
        [1, 'array of 2'],
        [3, 'table 16: 1 event'],
        [3, 'table 17: 1 event'],
        [batchHeader.metadata.length, 'metadata { "by": "ada" }'],
        [1, 'no hash: nil']
      ]
    },
    {
      name: 'frame-schema',
      bytes: schemaFrame,
      parts: [
        [4, 'length'],
        [4, 'crc32'],
        [1, 'seq 1'],
        [8, 'time'],
        [1, 'SCHEMA'],
        [1, 'payload: array of 3'],
        [1, 'table 16'],
        [1, 'kind 1: make a table'],
        [1, 'map of 4'],
        [12, '"name": "orders"'],
        [14, '"primaryKey": "id"'],
        [9, '"indexes": []'],
        [14, '"folder": "orders"']
      ]
    }
  ]
}

/** The three frames of the examples as a block of versions. */
function versionNodes(): Uint8Array {
  const versions = new VersionStore()
  versions.append(0, 3, 0, EVENT_INSERT, false, 44)
  versions.append(0, 4, 44, EVENT_PATCH, false, 45)
  versions.append(0, 301, 89, EVENT_SOFT_DELETE, false, 23)
  const words = versions.blocks.words(0)
  return new Uint8Array(words.buffer, words.byteOffset, 4 * NODE_BYTES)
}
