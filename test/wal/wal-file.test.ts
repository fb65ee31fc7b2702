/** The WAL file that takes records: zeros ahead, what is synced, rotation. */
import test from 'ava'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_WAL } from '../../src/format/file-header.js'
import { recordSyncedBytes } from '../../src/format/wal-record.js'
import { FaultyIo } from '../../src/io/faulty-io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { readWal } from '../../src/wal/read-wal.js'
import { rotatedNumber, WAL_ZERO_BYTES, WalFile, walSalt } from '../../src/wal/wal-file.js'
import { batchFor, commitGroup, databaseId, WAL, walWith } from './_batches.js'

test('a new WAL file has its header and 4 MiB of zeros, and records write over the zeros', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 0)
  const file = io.files.get(`${WAL}/wal.log`)
  t.is(file?.length, FILE_HEADER_BYTES + WAL_ZERO_BYTES)
  t.is(wal.zeroBytes, WAL_ZERO_BYTES)
  t.like(decodeFileHeader(file?.view ?? new Uint8Array(0), 'wal.log', FILE_KIND_WAL), { number: 1, origin: 1, salt: wal.salt, tableId: 0 })
  const record = batchFor(wal, 1)
  commitGroup(wal, [record])
  t.is(file?.length, FILE_HEADER_BYTES + WAL_ZERO_BYTES)
  t.is(wal.zeroBytes, WAL_ZERO_BYTES - record.length)
  t.is(wal.position, FILE_HEADER_BYTES + record.length)
  t.deepEqual(file?.view.slice(FILE_HEADER_BYTES, FILE_HEADER_BYTES + record.length), record)
})

test('what counts as synced moves with a sync and with zeros ahead, never with an append', (t) => {
  const io = new MemoryIo()
  const wal = walWith(io, 0)
  t.is(wal.syncedBytes, FILE_HEADER_BYTES)
  const first = batchFor(wal, 1)
  wal.append([first], first.length)
  t.is(wal.syncedBytes, FILE_HEADER_BYTES)
  wal.sync()
  t.is(wal.syncedBytes, wal.position)
  const second = batchFor(wal, 2)
  t.is(recordSyncedBytes(second, 0), FILE_HEADER_BYTES + first.length)
  wal.append([second], second.length)
  wal.extend(1000)
  t.is(wal.syncedBytes, wal.position)
  t.is(io.files.get(`${WAL}/wal.log`)?.length, FILE_HEADER_BYTES + WAL_ZERO_BYTES + 1000)
})

test('no room for zeros throws and leaves the file as usable as before', (t) => {
  const io = new FaultyIo()
  const wal = walWith(io, 2)
  const room = wal.zeroBytes
  io.failCode = 'ENOSPC'
  io.failAt = io.operations + 1
  t.throws(() => wal.extend(WAL_ZERO_BYTES), { code: 'ENOSPC' })
  t.is(wal.zeroBytes, room)
  commitGroup(wal, [batchFor(wal, 3)])
  t.is(readWal(io, WAL)[0]?.records.length, 3)
  wal.extend(WAL_ZERO_BYTES)
  t.true(wal.zeroBytes > room)
})

test('DUR-4: rotation syncs the file, gives it its number as a name, and the next one has as much room', (t) => {
  const io = new FaultyIo()
  const wal = walWith(io, 1)
  wal.extend(WAL_ZERO_BYTES)
  const unsynced = batchFor(wal, 2)
  wal.append([unsynced], unsynced.length)
  const room = wal.zeroBytes
  const next = wal.rotate(3)
  t.is(next.number, 2)
  t.is(next.zeroBytes, room)
  t.deepEqual(io.list(WAL), ['wal.log', 'wal.log.1'])
  // A power cut right behind it: nothing that was not synced survives.
  const images = readWal(io.afterCrash('lose-unsynced'), WAL)
  t.deepEqual(
    images.map(({ number, firstSeq, records }) => [number, firstSeq, records.length]),
    [
      [1, 1, 2],
      [2, 3, 0]
    ]
  )
})

test('files of one database and of two have different salts', (t) => {
  const salts = new Set<number>()
  for (let number = 1; number <= 1000; number++) salts.add(walSalt(databaseId, number))
  t.is(salts.size, 1000)
  t.false(salts.has(walSalt(databaseId.slice().reverse(), 1)))
})

test('a new file over an old one, as after a crash of its making, begins empty', (t) => {
  const io = new MemoryIo()
  walWith(io, 3)
  const again = WalFile.create(io, WAL, databaseId, 2, 4)
  t.is(again.position, FILE_HEADER_BYTES)
  t.deepEqual(readWal(io, WAL)[0]?.records, [])
})

test('the names of rotated files', (t) => {
  t.is(rotatedNumber('wal.log.1'), 1)
  t.is(rotatedNumber('wal.log.123'), 123)
  for (const name of ['wal.log', 'wal.log.', 'wal.log.x', 'wal.log.1x', 'xwal.log.1', 'wal.next', 'cut-7'])
    t.is(rotatedNumber(name), undefined)
})
