/** docs/format.md is the law: its examples are, byte for byte, what the code writes, and what the code reads back. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DriftError } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { Catalog } from '../../src/catalog/catalog.js'
import { decodeValue } from '../../src/codec/document-codec.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SEGMENT, FILE_KIND_WAL, FORMAT_VERSION } from '../../src/format/file-header.js'
import { EVENT_NAMES, frameFault, readFrame } from '../../src/format/frame.js'
import { decodeManifest } from '../../src/format/manifest.js'
import { decodeNumbers } from '../../src/format/number-column.js'
import { decodeSegmentFooter } from '../../src/format/segment-footer.js'
import { decodeIndexEnd } from '../../src/format/index-file.js'
import { decodeStatistics } from '../../src/format/statistics-file.js'
import { decodeSnapshotEnd } from '../../src/format/snapshot-file.js'
import { isImageOf } from '../../src/index/index-node.js'
import { isWholeRecord, readRecordHeader, recordBytes, recordFramesOffset, recordSyncedBytes } from '../../src/format/wal-record.js'
import { packageRoot } from '../house/package-root.js'
import { flips, missedFlips } from './_flip.js'
import {
  batchHeader,
  compactedBlocks,
  closeHeader,
  examples,
  indexEnd,
  insert,
  manifest,
  ordersDefinition,
  patch,
  segmentHeader,
  snapshotBlocks,
  snapshotEnd,
  statistics,
  threeFrames,
  TIME,
  walHeader
} from './_examples.js'

const text = readFileSync(join(packageRoot(), 'docs/format.md'), 'utf8')

/** The named blocks: hexadecimal left of the bar, or text. */
function blocksOf(markdown: string): Map<string, Uint8Array> {
  const blocks = new Map<string, Uint8Array>()
  for (const [, kind, name = '', body = ''] of markdown.matchAll(/^```(hex|json) (\S+)\n([\s\S]*?)^```$/gm)) {
    const hex = () => Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex')
    blocks.set(name, new Uint8Array(kind === 'hex' ? hex() : Buffer.from(body)))
  }
  return blocks
}

const blocks = blocksOf(text)
const bytesOf = (name: string): Uint8Array => blocks.get(name) ?? new Uint8Array(0)

/** The frame that an example shows: whole, and nothing behind it. */
function frameOf(name: string): { seq: number; time: number; event: string | undefined; more: boolean; payload: unknown } {
  const bytes = bytesOf(name)
  const fault = frameFault(bytes, 0, bytes.length, limits.frameBytesMax)
  if (fault !== undefined) throw new Error(`${name}: ${fault}`)
  const { seq, time, event, more, payload } = readFrame(bytes, 0)
  return { seq, time, event: EVENT_NAMES[event], more, payload: decodeValue(payload) }
}

for (const { name, bytes, parts } of examples()) {
  test(`FMT-5: the example ${name} is what the code writes, byte for byte`, (t) => {
    t.is(Buffer.from(bytesOf(name)).toString('hex'), Buffer.from(bytes).toString('hex'))
    // The lines of the document are cut where the fields are.
    if (parts !== undefined)
      t.is(
        parts.reduce((sum, [count]) => sum + count, 0),
        bytes.length
      )
  })
}

test('the document has an example of every kind and none that is not compared', (t) => {
  t.deepEqual(
    [...blocks.keys()].sort(),
    examples()
      .map((example) => example.name)
      .sort()
  )
  t.is([...text.matchAll(/^```(hex|json)/gm)].length, blocks.size)
})

test('the headers of the examples read back', (t) => {
  t.is(bytesOf('file-header-wal').length, FILE_HEADER_BYTES)
  t.deepEqual(decodeFileHeader(bytesOf('file-header-wal'), 'x', FILE_KIND_WAL), walHeader)
  t.deepEqual(decodeFileHeader(bytesOf('file-header-segment'), 'x', FILE_KIND_SEGMENT), segmentHeader)
})

test('the frames of the examples read back', (t) => {
  t.deepEqual(frameOf('frame-insert'), { seq: 3, time: TIME, event: 'INSERT', more: false, payload: [insert.key, insert.document] })
  t.deepEqual(frameOf('frame-patch'), {
    seq: 300,
    time: TIME,
    event: 'PATCH',
    more: true,
    payload: [patch.key, patch.patch, patch.document]
  })
  t.deepEqual(frameOf('frame-soft-delete'), { seq: 301, time: TIME, event: 'SOFT_DELETE', more: false, payload: ['o1'] })
  const runs = [
    [16, 1],
    [17, 1]
  ]
  t.deepEqual(frameOf('frame-commit'), { seq: 5, time: TIME, event: 'COMMIT', more: false, payload: [4, runs, { by: 'ada' }, null] })
  t.like(frameOf('frame-schema'), { seq: 1, event: 'SCHEMA' })
  t.deepEqual(new Catalog().apply(readFrame(bytesOf('frame-schema'), 0).payload, 1), { kind: 'create-table', table: ordersDefinition })
})

test('the records of the examples read back, with the salt of the example header', (t) => {
  for (const [name, header, syncedBytes] of [
    ['wal-record', batchHeader, 64],
    ['wal-close', closeHeader, 64 + bytesOf('wal-record').length]
  ] as const) {
    const bytes = bytesOf(name)
    t.true(isWholeRecord(bytes, 0, bytes.length, walHeader.salt))
    t.false(isWholeRecord(bytes, 0, bytes.length, 0))
    const read = readRecordHeader(bytes, 0)
    t.deepEqual({ ...read, metadata: [...read.metadata] }, { ...header, metadata: [...header.metadata] })
    t.is(recordSyncedBytes(bytes, 0), syncedBytes)
    t.is(bytes.length % 8, 0)
  }
  const bytes = bytesOf('wal-record')
  const end = recordBytes(bytes, 0)
  const seqs: number[] = []
  for (let at = recordFramesOffset(bytes, 0); at < end; at += 8 + Buffer.from(bytes).readUInt32LE(at)) {
    t.is(frameFault(bytes, at, end, limits.frameBytesMax), undefined)
    seqs.push(readFrame(bytes, at).seq)
  }
  t.deepEqual(seqs, [4, 5])
})

test('the compacted footer, the numbers and the end of a snapshot of the examples read back', (t) => {
  t.deepEqual(decodeSegmentFooter(bytesOf('segment-footer-compacted')), { ...threeFrames().footer(), blocks: compactedBlocks() })
  t.deepEqual([...(decodeNumbers(bytesOf('snapshot-numbers'), 3) ?? [])], [44, 45, 23])
  t.is(decodeNumbers(bytesOf('snapshot-numbers'), 4), undefined)
  t.deepEqual(decodeSnapshotEnd(bytesOf('snapshot-end')), { blocks: [...snapshotBlocks], end: snapshotEnd })
})

test('the footer and the manifest of the examples read back', (t) => {
  t.deepEqual(decodeSegmentFooter(bytesOf('segment-footer')), { ...threeFrames().footer(), blocks: [...threeFrames().blocks] })
  t.deepEqual(decodeManifest(bytesOf('meta.json'), 'meta.json', FORMAT_VERSION), manifest)
})

test('the node and the end of an index file read back, and no flipped bit of either is taken', (t) => {
  const node = bytesOf('index-node')
  t.true(isImageOf(node, 7))
  t.false(isImageOf(node, 8))
  t.deepEqual(
    missedFlips(node, (damaged) => !isImageOf(damaged, 7)),
    []
  )
  const end = bytesOf('index-end')
  t.deepEqual(decodeIndexEnd(end, 'a.idx', 0), indexEnd)
  for (const { damaged } of flips(end)) t.throws(() => decodeIndexEnd(damaged, 'a.idx', 0), { code: 'DRIFT_CORRUPT' })
})

test('the statistics of the example read back, and what is not whole is refused', (t) => {
  const bytes = bytesOf('statistics')
  const owner = { databaseId: segmentHeader.databaseId, tableId: 16 }
  t.deepEqual(decodeStatistics(bytes, 'statistics.bin', owner), statistics)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice()
    damaged[at] = (damaged[at] ?? 0) ^ 1
    t.throws(() => decodeStatistics(damaged, 'statistics.bin', owner), { instanceOf: DriftError }, `byte ${at}`)
    t.throws(() => decodeStatistics(bytes.slice(0, at), 'statistics.bin', owner), { code: 'DRIFT_CORRUPT' }, `${at} bytes`)
  }
  t.throws(() => decodeStatistics(bytes, 'statistics.bin', { ...owner, tableId: 17 }), { code: 'DRIFT_CORRUPT' })
})

test('the document names the format version, the event numbers and the limits that the code has', (t) => {
  t.regex(text, new RegExp(`^\\| ${FORMAT_VERSION} \\| 0\\.1\\.0 \\|`, 'm'))
  for (const [code, name] of Object.entries(EVENT_NAMES)) t.regex(text, new RegExp(`^\\| ${code} \\| ${name} \\|`, 'm'))
  const inDocument = (line: string) => t.true(text.includes(`\n| ${line} |\n`), line)
  inDocument(`document, encoded | ${limits.documentBytesMax / 2 ** 20} MiB`)
  inDocument(`key, canonical | ${limits.keyBytesMax.toLocaleString('en')} bytes`)
  inDocument(`table name | ${limits.tableNameBytesMax} bytes`)
  inDocument(`field name | ${limits.fieldNameBytesMax.toLocaleString('en')} bytes`)
  inDocument(`nesting | ${limits.nestingMax}`)
  inDocument(`metadata of a commit, encoded | ${limits.metadataBytesMax / 1024} KiB`)
  inDocument(`batch | ${limits.batchEventsMax.toLocaleString('en')} events, ${limits.batchBytesMax / 2 ** 20} MiB of frames`)
  inDocument(`tables | ${limits.tablesMax.toLocaleString('en')}`)
  inDocument(`indexes of a table, columns of an index | ${limits.indexesPerTableMax}, ${limits.indexColumnsMax}`)
  t.is(limits.frameBytesMax, 2 * 16 * 2 ** 20 + 64 * 1024)
})
