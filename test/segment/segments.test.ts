/** Frames go into segments and come back by place and in order; damage is refused with file and offset. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { FILE_HEADER_BYTES } from '../../src/format/file-header.js'
import { frameSeq } from '../../src/format/frame.js'
import { CODEC_PLAIN } from '../../src/codec/block-codec.js'
import { BLOCK_BYTES, decodeSegmentFooter, STORED_BLOCK_BYTES } from '../../src/format/segment-footer.js'
import { BlockBuilder, type SegmentSummary, windowBytesOf } from '../../src/segment/block-builder.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { BlockCache } from '../../src/segment/block-cache.js'
import { surveySegments } from '../../src/segment/load-segments.js'
import { SEGMENT_BYTES } from '../../src/segment/segment-appender.js'
import { SegmentReader } from '../../src/segment/segment-reader.js'
import { append, appenderOver, FOLDER, frameOf, load, manifestOf, TABLE_ID } from './_segments.js'

const MIB = 1024 * 1024
const file = (number: number) => `${FOLDER}/0000000${number}.seg`

function bytesOf(io: MemoryIo, path: string): Uint8Array {
  return io.files.get(path)?.view ?? new Uint8Array(0)
}

function detailsOf(t: ExecutionContext, work: () => unknown): { code: string; file: unknown; offset: unknown } {
  const error = t.throws(work, { instanceOf: DriftError })
  return { code: error.code, file: error.details['file'], offset: error.details['offset'] }
}

test('FMT-3: a place leads to its frame, across segments and blocks, with frames of 16 MiB among small ones', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const frames: Uint8Array[] = []
  const places: number[] = []
  for (const sizes of [
    [10, 70_000, 16 * MIB, 5, 16 * MIB, 65_500, 65_536, 16 * MIB, 16 * MIB, 1],
    [100, 16 * MIB, 100, 16 * MIB, 16 * MIB, 16 * MIB],
    [3, 200_000, 4]
  ]) {
    const part = sizes.map((bytes, index) => frameOf(frames.length + index + 1, bytes))
    frames.push(...part)
    places.push(...(await append(appender, part, true)))
  }
  const { segments } = appender
  t.deepEqual(
    segments.map(({ number, sealed }) => ({ number, sealed })),
    [
      { number: 1, sealed: true },
      { number: 2, sealed: true },
      { number: 3, sealed: false }
    ]
  )
  t.is(segments[1]?.origin, segments[0]?.bytes)
  const reader = new SegmentReader(io, FOLDER, new BlockCache(8 * MIB), segments)
  t.is(
    reader.bytes,
    frames.reduce((sum, frame) => sum + frame.length, 0)
  )
  for (const order of [
    [...places.keys()],
    [...places.keys()].reverse(),
    [...places.keys()].sort((a, b) => ((a * 7) % 19) - ((b * 7) % 19))
  ]) {
    for (const index of order) {
      const frame = frames[index]
      if (frame === undefined) return t.fail()
      reader.find(places[index] ?? 0)
      t.is(Buffer.compare(reader.source.subarray(reader.offset, reader.offset + frame.length), frame), 0, `frame ${index}`)
    }
  }
  t.throws(() => reader.find(reader.bytes), { message: /FMT-3/ })
  // The same after a loading that verifies every byte, and all of them in order.
  const loaded = load(io, manifestOf(segments, frames.length))
  t.deepEqual(loaded.summaries, [...segments])
  t.deepEqual(
    loaded.frames.map((frame) => frame.place),
    places
  )
  for (const [index, frame] of loaded.frames.entries()) t.is(Buffer.compare(frame.bytes, frames[index] ?? frame.bytes), 0)
})

test('FMT-3: a place leads to its frame, whatever sizes the frames have and whatever steps append them', async (t) => {
  const size = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 2, max: 2000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 200_000 }) }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(size, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 }), async (steps) => {
      const io = new MemoryIo()
      let appender = appenderOver(io)
      const frames: Uint8Array[] = []
      const places: number[] = []
      const reader = new SegmentReader(io, FOLDER, new BlockCache(100_000), [])
      for (const sizes of steps) {
        const part = sizes.map((bytes, index) => frameOf(frames.length + index + 1, bytes))
        frames.push(...part)
        places.push(...(await append(appender, part, false)))
        reader.installChanged(appender.segments)
        for (const [index, frame] of frames.entries()) {
          reader.find(places[index] ?? 0)
          t.is(Buffer.compare(reader.source.subarray(reader.offset, reader.offset + frame.length), frame), 0)
        }
        // The next step is another process: it goes on from the summary.
        appender = appenderOver(io, load(io, manifestOf(appender.segments, frames.length)).summaries)
      }
      t.is(load(io, manifestOf(appender.segments, frames.length)).frames.length, frames.length)
    }),
    { numRuns: 40 }
  )
})

test('FMT-4: a sealed segment has a footer that describes it, and the next frame begins a new file', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const frames = Array.from({ length: 70 }, (_, index) => frameOf(index + 1, MIB))
  t.false(appender.sealIfFull())
  await append(appender, frames, true)
  const [sealed] = appender.segments
  t.like(sealed, { sealed: true, count: 70, firstSeq: 1, lastSeq: 70, firstTime: 1001, lastTime: 1070 })
  t.true((sealed?.bytes ?? 0) >= SEGMENT_BYTES)
  const bytes = bytesOf(io, file(1)).slice()
  const footer = decodeSegmentFooter(bytes.subarray(FILE_HEADER_BYTES + (sealed?.bytes ?? 0)))
  t.deepEqual(footer?.blocks, sealed?.blocks)
  t.like(footer, { frameBytes: sealed?.bytes, count: 70, lastSeq: 70 })
  await append(appender, [frameOf(71)], true)
  t.like(appender.segments[1], { number: 2, sealed: false, origin: sealed?.bytes, firstSeq: 71 })
  t.is(Buffer.compare(bytesOf(io, file(1)), bytes), 0)
})

test('a block is the frames that begin in one window of 64 KiB; a large frame makes windows without a block', async (t) => {
  const appender = appenderOver(new MemoryIo())
  const frames = [...Array.from({ length: 3000 }, (_, index) => frameOf(index + 1, 100)), frameOf(3001, 10 * BLOCK_BYTES), frameOf(3002)]
  const places = await append(appender, frames, false)
  const expected = new Map<number, number>()
  for (const place of places) {
    const window = Math.floor(place / BLOCK_BYTES)
    if (!expected.has(window)) expected.set(window, FILE_HEADER_BYTES + place)
  }
  t.deepEqual(
    appender.segments[0]?.blocks.map((block) => block.offset),
    [...expected.values()]
  )
})

test('blocks of a compacted segment are found whether their windows are those of now or, as in older files, twice as wide', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const sizes = (index: number): number => (index % 400 === 399 ? 3 * BLOCK_BYTES : 100 + (index % 7) * 300)
  const frames = Array.from({ length: 2000 }, (_, index) => frameOf(index + 1, sizes(index)))
  const places = await append(appender, frames, true)
  const [segment] = appender.segments as [SegmentSummary]
  t.is(windowBytesOf(segment), BLOCK_BYTES)
  const narrow = new BlockBuilder(undefined, STORED_BLOCK_BYTES)
  const all = bytesOf(io, file(1)).subarray(0, FILE_HEADER_BYTES + segment.bytes)
  narrow.add(all, FILE_HEADER_BYTES, all.length)
  t.is(windowBytesOf(narrow), STORED_BLOCK_BYTES)
  t.true(narrow.blocks.length > segment.blocks.length)
  for (const described of [segment.blocks, narrow.footer().blocks]) {
    // As they would be stored where nothing becomes smaller.
    const blocks = described.map((block, index) => {
      const bytes = (described[index + 1]?.offset ?? all.length) - block.offset
      return { ...block, stored: { offset: block.offset, bytes, crc: block.crc, codec: CODEC_PLAIN } }
    })
    const reader = new SegmentReader(io, FOLDER, new BlockCache(8 * BLOCK_BYTES), [{ ...segment, blocks }])
    for (const [index, place] of places.entries()) {
      reader.find(place)
      t.is(frameSeq(reader.source, reader.offset), index + 1)
    }
    reader.close()
  }
})

test('the cache holds its budget, evicts what is not used, and every read after it is right', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const frames = Array.from({ length: 4000 }, (_, index) => frameOf(index + 1, 1000))
  const places = await append(appender, frames, false)
  const budget = 10 * (BLOCK_BYTES + 2000)
  const cache = new BlockCache(budget)
  let reads = 0
  const counting = { ...methodsOf(io), openRead: (path: string) => withCount(io.openRead(path), () => reads++) }
  const reader = new SegmentReader(counting, FOLDER, cache, appender.segments)
  const find = (index: number) => {
    reader.find(places[index] ?? 0)
    t.is(frameSeq(reader.source, reader.offset), index + 1)
    t.true(cache.bytes <= budget)
  }
  for (let index = 0; index < frames.length; index++) find(index)
  const blocks = appender.segments[0]?.blocks.length ?? 0
  t.is(reads, blocks)
  // What is in use stays while others pass by.
  reads = 0
  for (let index = 0; index < frames.length; index += 50) {
    find(7)
    find(index)
  }
  t.true(reads <= blocks + 2, `${reads} reads of ${blocks} blocks`)
  t.true(reads >= blocks - 12)
})

test('the newest block always stays, though it is larger than the budget', (t) => {
  const evicted: string[] = []
  const cache = new BlockCache(100)
  const block = (name: string, bytes: number) => ({
    bytes: new Uint8Array(bytes),
    offset: 0,
    used: false,
    evict: () => void evicted.push(name)
  })
  cache.add(block('a', 60))
  cache.add(block('b', 40))
  t.deepEqual(evicted, [])
  t.is(cache.bytes, 100)
  cache.add(block('large', 1000))
  t.deepEqual(evicted.sort(), ['a', 'b'])
  t.is(cache.bytes, 1000)
  cache.add(block('c', 10))
  t.is(cache.bytes, 10)
})

test('FMT-1: one flipped bit anywhere in a segment is found when it is read by place, with file and offset', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const places = await append(appender, [frameOf(1), frameOf(2), frameOf(3)], false)
  const bytes = bytesOf(io, file(1))
  for (let bit = FILE_HEADER_BYTES * 8; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const frame = places.findLastIndex((place) => FILE_HEADER_BYTES + place <= bit >> 3)
    const expected = { code: 'DRIFT_CORRUPT', file: file(1), offset: FILE_HEADER_BYTES + (places[frame] ?? 0) }
    const reader = new SegmentReader(io, FOLDER, new BlockCache(MIB), appender.segments)
    t.deepEqual(
      detailsOf(t, () => reader.find(places[2] ?? 0)),
      expected
    )
    t.deepEqual(
      detailsOf(t, () => load(io, manifestOf(appender.segments, 3))),
      expected
    )
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  }
  t.is(load(io, manifestOf(appender.segments, 3)).frames.length, 3)
})

test('FMT-1: one flipped bit anywhere in the header of a segment is found at the opening', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  await append(appender, [frameOf(1)], false)
  const bytes = bytesOf(io, file(1))
  for (let bit = 0; bit < FILE_HEADER_BYTES * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.deepEqual(
      detailsOf(t, () => load(io, manifestOf(appender.segments, 1))),
      { code: 'DRIFT_CORRUPT', file: file(1), offset: 0 }
    )
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  }
})

test('FMT-1: one flipped bit anywhere in the footer of a sealed segment is found at the opening', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  await append(appender, [frameOf(1, 16 * MIB), frameOf(2, 16 * MIB), frameOf(3, 16 * MIB), frameOf(4, 16 * MIB)], true)
  const [summary] = appender.segments
  t.true(summary?.sealed)
  const bytes = bytesOf(io, file(1))
  const at = FILE_HEADER_BYTES + (summary?.bytes ?? 0)
  t.is(bytes.length - at, 4 * 24 + 64)
  for (let byte = at; byte < bytes.length; byte++) {
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (byte & 7))
    t.deepEqual(
      detailsOf(t, () => load(io, manifestOf(appender.segments, 4))),
      { code: 'DRIFT_CORRUPT', file: file(1), offset: at }
    )
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (byte & 7))
  }
})

test('a segment that is shorter than its manifest says is CORRUPT, whether it is loaded or read by place', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  const places = await append(appender, [frameOf(1), frameOf(2), frameOf(3)], false)
  const whole = bytesOf(io, file(1)).length
  for (let length = whole - 1; length >= FILE_HEADER_BYTES; length--) {
    io.files.get(file(1))?.resize(length)
    t.like(
      detailsOf(t, () => load(io, manifestOf(appender.segments, 3))),
      { code: 'DRIFT_CORRUPT', file: file(1) }
    )
    const reader = new SegmentReader(io, FOLDER, new BlockCache(MIB), appender.segments)
    t.like(
      detailsOf(t, () => reader.find(places[0] ?? 0)),
      { code: 'DRIFT_CORRUPT', file: file(1) }
    )
  }
})

test('DUR-3: bytes past the manifest length do not count, whatever they are', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  await append(appender, [frameOf(1), frameOf(2)], false)
  const manifest = manifestOf(appender.segments, 2)
  await append(appender, [frameOf(3)], false)
  t.is(load(io, manifest).frames.length, 2)
  io.openWrite(file(1)).write([Buffer.from('garbage')], FILE_HEADER_BYTES + (manifest.segments[0]?.bytes ?? 0))
  t.is(load(io, manifest).frames.length, 2)
})

test('a segment of another table, number or place is CORRUPT', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  await append(appender, [frameOf(1)], false)
  const manifest = manifestOf(appender.segments, 1)
  t.like(
    detailsOf(t, () => load(io, { ...manifest, tableId: TABLE_ID + 1 })),
    { code: 'DRIFT_CORRUPT', file: file(1), offset: 0 }
  )
  const [segment] = manifest.segments
  if (segment === undefined) return t.fail()
  t.like(
    detailsOf(t, () => load(io, { ...manifest, segments: [{ ...segment, number: 2 }] })),
    { code: 'DRIFT_CORRUPT', offset: 0 }
  )
  t.like(
    detailsOf(t, () => load(io, { ...manifest, segments: [segment, segment] })),
    { code: 'DRIFT_CORRUPT', offset: 0 }
  )
})

test('without a manifest the survey finds the same segments, and ends the active one at its last whole frame', async (t) => {
  const io = new MemoryIo()
  const appender = appenderOver(io)
  await append(
    appender,
    Array.from({ length: 65 }, (_, index) => frameOf(index + 1, MIB)),
    true
  )
  await append(appender, [frameOf(66), frameOf(67)], false)
  const { segments } = manifestOf(appender.segments, 67)
  t.deepEqual(surveySegments(io, FOLDER, TABLE_ID), { segments: [...segments], checkpointSeq: 67 })
  // Anything behind it: a frame that was cut, or zeros.
  const end = bytesOf(io, file(2)).length
  for (const tail of [frameOf(68).subarray(0, 20), new Uint8Array(500), Buffer.from('x')]) {
    io.files.get(file(2))?.write(tail, end)
    t.deepEqual(surveySegments(io, FOLDER, TABLE_ID), { segments: [...segments], checkpointSeq: 67 })
    io.files.get(file(2))?.resize(end)
  }
  t.throws(() => surveySegments(io, FOLDER, TABLE_ID + 1), { message: /table id/ })
  const sealed = bytesOf(io, file(1))
  sealed[5 * MIB] = (sealed[5 * MIB] ?? 0) ^ 1
  t.like(
    detailsOf(t, () => surveySegments(io, FOLDER, TABLE_ID)),
    { code: 'DRIFT_CORRUPT', file: file(1) }
  )
  io.remove(file(1))
  t.throws(() => surveySegments(io, FOLDER, TABLE_ID), { message: /segment 1 is missing/ })
})

test('without a manifest a table without segments is empty', (t) => {
  const io = new MemoryIo()
  io.makeDirectory(FOLDER)
  t.deepEqual(surveySegments(io, FOLDER, TABLE_ID), { segments: [], checkpointSeq: 0 })
})

function methodsOf(io: MemoryIo) {
  const { openRead, openWrite, create, kind, list, makeDirectory, rename, remove, syncDirectory, lock } = io
  return { openRead, openWrite, create, kind, list, makeDirectory, rename, remove, syncDirectory, lock }
}

function withCount(opened: ReturnType<MemoryIo['openRead']>, count: () => void): ReturnType<MemoryIo['openRead']> {
  return {
    path: opened.path,
    read: (target, position) => {
      count()
      return opened.read(target, position)
    },
    write: (parts, position) => opened.write(parts, position),
    sync: () => opened.sync(),
    syncAsync: () => opened.syncAsync(),
    size: () => opened.size(),
    truncate: (bytes) => opened.truncate(bytes),
    close: () => opened.close()
  }
}
