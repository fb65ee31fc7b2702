/** What a crash leaves is cut and clean afterwards; what a crash cannot have made is refused with file and offset. */
import test from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { FILE_HEADER_BYTES } from '../../src/format/file-header.js'
import { RECORD_CONTINUES, recordFirstSeq } from '../../src/format/wal-record.js'
import { FaultyIo, SimulatedCrash } from '../../src/io/faulty-io.js'
import { MemoryBytes, MemoryIo } from '../../src/io/memory-io.js'
import { cutTornTail, readWal, type WalImage } from '../../src/wal/read-wal.js'
import { removeWalFiles, type WalFile } from '../../src/wal/wal-file.js'
import { batchFor, closeRecord, commitGroup, WAL, walWith } from './_batches.js'

const seqsOf = (images: readonly WalImage[]) =>
  images.flatMap(({ bytes, records }) => records.map((offset) => recordFirstSeq(bytes, offset)))

function bytesOf(io: MemoryIo, name = 'wal.log'): Uint8Array {
  const bytes = io.files.get(`${WAL}/${name}`)
  if (bytes === undefined) throw new Error(`no ${name}`)
  return bytes.view
}

function put(io: MemoryIo, name: string, bytes: Uint8Array): void {
  const file = new MemoryBytes()
  file.write(bytes, 0)
  io.files.set(`${WAL}/${name}`, file)
}

/** Only so many of the zeros written ahead, so that a test that reads thousands of times is quick. */
function shorten(io: MemoryIo, wal: WalFile, name = 'wal.log'): Uint8Array {
  const bytes = bytesOf(io, name).slice(0, wal.position + 200)
  put(io, name, bytes)
  return bytes
}

function corruptAt(t: { throws: (work: () => unknown) => unknown }, io: MemoryIo): { code: string; file: unknown; offset: unknown } {
  const error = t.throws(() => readWal(io, WAL))
  if (!(error instanceof DriftError)) throw new Error('nothing was found', { cause: error })
  return { code: error.code, file: error.details['file'], offset: error.details['offset'] }
}

test('a WAL reads back batch by batch, and only zeros follow: clean', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 0)
  commitGroup(wal, [batchFor(wal, 1), batchFor(wal, 2, 3), batchFor(wal, 5)])
  commitGroup(wal, [batchFor(wal, 6)])
  const images = readWal(io, WAL)
  t.deepEqual(seqsOf(images), [1, 2, 5, 6])
  t.like(images[0], { number: 1, firstSeq: 1, tornBytes: 0, closed: false, end: wal.position })
})

test('ATM-2: a last batch that is torn at any length is cut, and the WAL is clean afterwards', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 2)
  const from = wal.position
  commitGroup(wal, [batchFor(wal, 3, 2)])
  const whole = shorten(io, wal).slice()
  const batchBytes = wal.position - from
  const padding = batchBytes - (whole.subarray(from).findLastIndex((byte) => byte !== 0) + 1)
  t.true(batchBytes > 100)
  for (let length = 0; length < batchBytes - padding; length++) {
    const torn = whole.slice()
    torn.fill(0, from + length)
    put(io, 'wal.log', torn)
    const [image] = readWal(io, WAL)
    if (image === undefined) return t.fail()
    t.deepEqual(seqsOf([image]), [1, 2])
    t.is(image.end, from)
    // Bytes that a torn write left and that are zero anyway cannot be told from zeros written ahead.
    const last = torn.findLastIndex((byte) => byte !== 0)
    t.is(image.tornBytes, last >= from ? last + 1 - from : 0)
    if (image.tornBytes === 0) continue
    const kept = cutTornTail(io, WAL, image, 2)
    t.is(kept, `${WAL}/cut-2`)
    t.deepEqual(bytesOf(io, 'cut-2').slice(), torn.slice(from, from + image.tornBytes))
    const [after] = readWal(io, WAL)
    t.like(after, { end: from, tornBytes: 0, closed: false })
    t.true(
      bytesOf(io)
        .subarray(from)
        .every((byte) => byte === 0)
    )
    t.is(bytesOf(io).length, torn.length)
  }
  put(io, 'wal.log', whole)
  t.deepEqual(seqsOf(readWal(io, WAL)), [1, 2, 3])
})

test('a file that ends in the middle of its last batch is torn too', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 2)
  const from = wal.position
  commitGroup(wal, [batchFor(wal, 3)])
  const whole = shorten(io, wal).slice()
  for (let length = from + 1; length < from + 80; length++) {
    put(io, 'wal.log', whole.slice(0, length))
    const [image] = readWal(io, WAL)
    t.like(image, { end: from })
    t.deepEqual(seqsOf(image === undefined ? [] : [image]), [1, 2])
  }
})

test('DUR-6: one flipped bit in what a later record knows to be synced is CORRUPT, with file and offset', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 3)
  const bytes = shorten(io, wal)
  const [image] = readWal(io, WAL)
  if (image === undefined) return t.fail()
  const [first = 0, second = 0, third = 0] = image.records
  t.is(first, FILE_HEADER_BYTES)
  for (const [from, to] of [
    [first, second],
    [second, third]
  ] as const) {
    let padding = to
    while (bytes[padding - 1] === 0) padding--
    for (let bit = from * 8; bit < padding * 8; bit++) {
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      put(io, 'wal.log', bytes)
      t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/wal.log`, offset: from })
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    }
  }
})

test('a flipped bit in the last group, which nothing knows to be synced, is torn', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 2)
  const from = wal.position
  // One write of three records: a power cut may keep the later pages of it and lose an earlier one.
  commitGroup(wal, [batchFor(wal, 3), batchFor(wal, 4), batchFor(wal, 5)])
  const bytes = shorten(io, wal)
  bytes[from + 60] = (bytes[from + 60] ?? 0) ^ 4
  put(io, 'wal.log', bytes)
  const [image] = readWal(io, WAL)
  t.like(image, { end: from })
  t.deepEqual(seqsOf(image === undefined ? [] : [image]), [1, 2])
  t.true((image?.tornBytes ?? 0) > 200)
})

test('DUR-6: zeros where a batch was, with a later batch behind them, are CORRUPT', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 4)
  const bytes = shorten(io, wal)
  const [, second = 0, third = 0] = readWal(io, WAL)[0]?.records ?? []
  bytes.fill(0, second, third)
  put(io, 'wal.log', bytes)
  t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/wal.log`, offset: second })
})

test('DUR-6: after a clean close every byte that is not as it was is CORRUPT: the two CLOSE records cover each other', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 2)
  const closes = [closeRecord(wal, 3), closeRecord(wal, 3)]
  commitGroup(wal, closes)
  const bytes = shorten(io, wal)
  t.like(readWal(io, WAL)[0], { closed: true, tornBytes: 0 })
  const missed: number[] = []
  let padding = 0
  for (let at = FILE_HEADER_BYTES; at < bytes.length; at++) {
    const before = bytes[at] ?? 0
    bytes[at] = before ^ 0x10
    put(io, 'wal.log', bytes)
    try {
      readWal(io, WAL)
      if (before === 0 && isPadding(bytes, at)) padding++
      else missed.push(at)
    } catch (error) {
      t.is((error as DriftError).code, 'DRIFT_CORRUPT')
    }
    bytes[at] = before
  }
  t.deepEqual(missed, [])
  t.true(padding < 16)
})

test('DUR-6: garbage behind a CLOSE record is CORRUPT, near and far', (t) => {
  for (const distance of [0, 1, 8, 4096, 100_000]) {
    const io = new MemoryIo()
    const wal = walWith(io, 2)
    commitGroup(wal, [closeRecord(wal, 3), closeRecord(wal, 3)])
    const bytes = bytesOf(io)
    bytes[wal.position + distance] = 1
    t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/wal.log`, offset: wal.position })
  }
})

test('DUR-4: a torn tail in a file that has a newer one behind it is CORRUPT', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 2)
  const next = wal.rotate(3)
  commitGroup(next, [batchFor(next, 3)])
  const images = readWal(io, WAL)
  t.deepEqual(seqsOf(images), [1, 2, 3])
  const second = images[0]?.records[1] ?? 0
  const bytes = bytesOf(io, 'wal.log.1')
  bytes[second + 70] = (bytes[second + 70] ?? 0) ^ 1
  t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/wal.log.1`, offset: second })
})

test('a gap in the numbers of the files is CORRUPT, and names the file behind the gap', (t) => {
  const make = () => {
    const io = new MemoryIo()
    let wal = walWith(io, 1)
    for (let seq = 2; seq <= 4; seq++) {
      wal = wal.rotate(seq)
      commitGroup(wal, [batchFor(wal, seq)])
    }
    return io
  }
  const whole = readWal(make(), WAL)
  t.deepEqual(seqsOf(whole), [1, 2, 3, 4])
  t.deepEqual(
    whole.map((image) => image.number),
    [1, 2, 3, 4]
  )
  for (const [lost, named] of [
    ['wal.log.2', 'wal.log.3'],
    ['wal.log.3', 'wal.log']
  ] as const) {
    const io = make()
    io.remove(`${WAL}/${lost}`)
    t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/${named}`, offset: 16 })
  }
  // The oldest files go when their events are in segments: that is no gap.
  const io = make()
  io.remove(`${WAL}/wal.log.1`)
  t.deepEqual(seqsOf(readWal(io, WAL)), [2, 3, 4])
  // A file under the name of another is none of them.
  put(io, 'wal.log.2', bytesOf(io, 'wal.log.3').slice())
  t.is(corruptAt(t, io).code, 'DRIFT_CORRUPT')
})

test('a half-made wal.next is not read, and is removed with the files below', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 1)
  const next = wal.rotate(2)
  commitGroup(next, [batchFor(next, 2)])
  for (const left of [new Uint8Array(0), bytesOf(io).slice(0, 30), bytesOf(io).slice(0, 500)]) {
    put(io, 'wal.next', left)
    t.deepEqual(seqsOf(readWal(io, WAL)), [1, 2])
    removeWalFiles(io, WAL, 1)
    t.deepEqual(io.list(WAL), ['wal.log', 'wal.log.1'])
  }
  removeWalFiles(io, WAL, 2)
  t.deepEqual(io.list(WAL), ['wal.log'])
})

test('a record of another file, at the place where the next one belongs, is noise', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 1)
  const foreign = batchFor({ salt: wal.salt ^ 1, syncedBytes: 1_000_000 }, 2)
  wal.append([foreign, foreign], foreign.length * 2)
  const [image] = readWal(io, WAL)
  t.deepEqual(seqsOf(image === undefined ? [] : [image]), [1])
  t.true((image?.tornBytes ?? 0) > foreign.length)
})

test('a batch in parts is of a later release: UNSUPPORTED_VERSION, never half a batch', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 1)
  const from = wal.position
  commitGroup(wal, [batchFor(wal, 2, 1, RECORD_CONTINUES)])
  t.deepEqual(corruptAt(t, io), { code: 'DRIFT_UNSUPPORTED_VERSION', file: `${WAL}/wal.log`, offset: from })
})

test('a damaged header of a WAL file is CORRUPT', (t) => {
  const io = new MemoryIo()
  walWith(io, 1)
  bytesOf(io)[40] = 0xff
  t.deepEqual(corruptAt(t, io), { code: 'DRIFT_CORRUPT', file: `${WAL}/wal.log`, offset: 0 })
})

test('an empty folder has no WAL', (t) => {
  const io = new MemoryIo()
  io.makeDirectory(WAL)
  t.deepEqual(readWal(io, WAL), [])
})

test('a crash at any step of the cutting leaves a tail that is still there or is cut, and its copy with it', (t) => {
  for (const loss of ['lose-unsynced', 'keep-unsynced', 'tear-last-write'] as const) {
    for (let step = 1; ; step++) {
      const io = new FaultyIo()
      const wal = walWith(io, 2)
      const from = wal.position
      commitGroup(wal, [batchFor(wal, 3)])
      const file = io.openWrite(`${WAL}/wal.log`)
      file.write([Buffer.from('torn')], from + 70)
      file.sync()
      const [image] = readWal(io, WAL)
      if (image === undefined) return t.fail()
      const tail = image.bytes.slice(from, from + image.tornBytes)
      io.crashAt = io.operations + step
      let crashed = false
      try {
        cutTornTail(io, WAL, image, 2)
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error
        crashed = true
      }
      const left = io.afterCrash(loss)
      const [after] = readWal(left, WAL)
      t.deepEqual(seqsOf(after === undefined ? [] : [after]), [1, 2])
      const kept = left.files.get(`${WAL}/cut-2`)?.view
      // The original is touched only when the copy is whole.
      if (after?.tornBytes !== tail.length) t.deepEqual(kept?.slice(), tail)
      if (!crashed) {
        t.true(step > 4)
        break
      }
    }
  }
})

test('DUR-4: a crash at any step of a rotation leaves every batch, and names that are understood', (t) => {
  for (const loss of ['lose-unsynced', 'keep-unsynced', 'tear-last-write'] as const) {
    for (let step = 1; ; step++) {
      const io = new FaultyIo()
      const wal = walWith(io, 3)
      io.crashAt = io.operations + step
      let crashed = false
      try {
        const next = wal.rotate(4)
        commitGroup(next, [batchFor(next, 4)])
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error
        crashed = true
      }
      const left = io.afterCrash(loss)
      const seqs = seqsOf(readWal(left, WAL))
      t.deepEqual(seqs.slice(0, 3), [1, 2, 3])
      if (!crashed) {
        t.deepEqual(seqs, [1, 2, 3, 4])
        break
      }
      removeWalFiles(left, WAL, 1)
      t.false(left.list(WAL).includes('wal.next'))
    }
  }
})

function isPadding(bytes: Uint8Array, at: number): boolean {
  // Up to seven bytes behind a record, in front of the next one's magic.
  for (let next = at + 1; next <= at + 8; next++)
    if (next % 8 === 0 && Buffer.from(bytes.subarray(next, next + 4)).toString() === 'DRWB') return true
  return false
}
