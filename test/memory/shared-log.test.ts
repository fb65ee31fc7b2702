/** The shared log: what goes in comes out at the follower, whatever jumps, is freed and grows on the way. */
import test from 'ava'
import fc from 'fast-check'
import { JUMP_MAGIC } from '../../src/format/wal-record.js'
import { LogFollower } from '../../src/memory/log-follower.js'
import { LOG_CHUNK_BYTES, LOG_CONTROL_BYTES, LogMemory } from '../../src/memory/log-memory.js'
import { SharedLog } from '../../src/memory/shared-log.js'

const MIB = 1024 * 1024

function logOf(chunks: number, chunksMax = chunks): { log: SharedLog; memory: LogMemory; follower: LogFollower } {
  const memory = LogMemory.create(chunks * LOG_CHUNK_BYTES, chunksMax * LOG_CHUNK_BYTES)
  const log = new SharedLog(memory, JUMP_MAGIC)
  // The other end knows the handle only.
  return { log, memory, follower: new LogFollower(LogMemory.attach(memory.handle), JUMP_MAGIC) }
}

/** Puts a record of `bytes` (a multiple of 8) in; the first words say its seq and size. False where there is no room. */
function put(log: SharedLog, bytes: number, seq: number): boolean {
  const at = log.reserve(bytes)
  if (at === undefined) return false
  const target = log.memory.bytes()
  target.fill(seq & 0xff, at, at + bytes)
  const view = new DataView(target.buffer)
  view.setUint32(at, seq, true)
  view.setUint32(at + 4, bytes, true)
  log.publish(bytes, seq)
  return true
}

/** Takes the next record; its seq and size, or undefined at the tail. Throws if its bytes are not those of the record. */
function take(follower: LogFollower, memory: LogMemory): { seq: number; bytes: number; at: number } | undefined {
  const at = follower.next(memory.tail)
  if (at === undefined) return undefined
  const source = memory.bytes()
  const view = new DataView(source.buffer)
  const [seq, bytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)]
  if (seq === 0 || bytes < 8 || at + bytes > source.length) throw new Error(`no record at ${at}`)
  for (let index = at + 8; index < at + bytes; index++)
    if (source[index] !== (seq & 0xff)) throw new Error(`byte ${index} of record ${seq} is wrong`)
  follower.advance(bytes)
  return { seq, bytes, at }
}

test('the follower sees the records that were published, in order, and nothing that was not', (t) => {
  const { log, memory, follower } = logOf(4)
  t.is(take(follower, memory), undefined)
  t.true(put(log, 80, 1))
  t.true(put(log, 8, 2))
  t.like(take(follower, memory), { seq: 1, bytes: 80, at: LOG_CONTROL_BYTES })
  t.like(take(follower, memory), { seq: 2, bytes: 8 })
  t.is(take(follower, memory), undefined)
  // Reserved is not published.
  t.not(log.reserve(16), undefined)
  t.is(take(follower, memory), undefined)
})

test('a record never crosses the end of its run of chunks: the follower jumps', (t) => {
  const { log, memory, follower } = logOf(4)
  const bytes = 300_000 - (300_000 % 8)
  for (let seq = 1; seq <= 9; seq++) t.true(put(log, bytes, seq))
  for (let seq = 1; seq <= 9; seq++) {
    const found = take(follower, memory)
    t.like(found, { seq, bytes })
    const chunk = (address: number) => Math.floor((address - LOG_CONTROL_BYTES) / LOG_CHUNK_BYTES)
    t.is(chunk(found?.at ?? 0), chunk((found?.at ?? 0) + bytes - 1))
  }
  t.is(take(follower, memory), undefined)
})

test('a record that leaves exactly the room of a jump fits, one word more jumps', (t) => {
  for (const spare of [0, 8, 16]) {
    const { log, memory, follower } = logOf(2)
    t.true(put(log, LOG_CHUNK_BYTES - 8 - 64 - spare, 1))
    t.true(put(log, 64, 2))
    t.true(put(log, 64, 3))
    const found = [take(follower, memory), take(follower, memory), take(follower, memory)]
    t.deepEqual(
      found.map((record) => record?.seq),
      [1, 2, 3]
    )
    t.is(found[1]?.at, LOG_CONTROL_BYTES + LOG_CHUNK_BYTES - 8 - 64 - spare)
    t.is(found[2]?.at, LOG_CONTROL_BYTES + LOG_CHUNK_BYTES)
  }
})

test('MEM-3: chunks are used again only when every event in them is freed', (t) => {
  const { log, memory, follower } = logOf(4)
  const bytes = 512 * 1024 - 64
  for (let seq = 1; seq <= 8; seq++) t.true(put(log, bytes, seq))
  t.is(log.usedBytes, 4 * LOG_CHUNK_BYTES)
  t.false(put(log, bytes, 9))
  log.freeThrough(1)
  t.false(put(log, bytes, 9), 'event 2 is in the same chunk')
  // With event 3 the follower is past the first chunk, and past the jump at its end.
  log.freeThrough(3)
  t.true(put(log, bytes, 9))
  t.true(put(log, bytes, 10))
  t.false(put(log, bytes, 11))
  log.freeThrough(100)
  t.is(log.usedBytes, LOG_CHUNK_BYTES, 'the chunk that is written to stays')
  // Events 1 and 2 are overwritten; a follower that is so far behind is not allowed, one that read them is not disturbed.
  const late = new LogFollower(memory, JUMP_MAGIC)
  t.is(new DataView(memory.handle.buffer).getUint32(late.next(memory.tail) ?? 0, true), 9)
  void follower
})

test('records come out as they went in, with chunks used again over and over', (t) => {
  const size = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 5000 }) },
    { weight: 3, arbitrary: fc.integer({ min: 10_000, max: LOG_CHUNK_BYTES / 8 - 1 }) },
    { weight: 1, arbitrary: fc.integer({ min: LOG_CHUNK_BYTES / 8, max: LOG_CHUNK_BYTES / 4 }) }
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.boolean(), fc.boolean()), { minLength: 20, maxLength: 120 }), (steps) => {
      const { log, memory, follower } = logOf(6, 40)
      let seq = 0
      let read = 0
      // Behind the last one that was read stands, maybe, the jump by which the follower goes on.
      const free = () => log.freeThrough(read - 1)
      for (const [words, isRead, isFreed] of steps) {
        while (!put(log, Math.max(words, 1) * 8, seq + 1)) {
          // No room: whoever reads catches up, then everything read is freed.
          for (let found = take(follower, memory); found !== undefined; found = take(follower, memory)) t.is(found.seq, ++read)
          const before = log.usedBytes
          free()
          if (log.usedBytes === before) return
        }
        seq++
        if (isRead) {
          const found = take(follower, memory)
          if (found !== undefined) t.is(found.seq, ++read)
        }
        if (isFreed) free()
      }
      for (let found = take(follower, memory); found !== undefined; found = take(follower, memory)) t.is(found.seq, ++read)
      t.is(read, seq)
    }),
    { numRuns: 60 }
  )
})

test('a record larger than a quarter of the log makes the memory grow, and the other end sees the new bytes', (t) => {
  const { log, memory, follower } = logOf(4, 40)
  t.true(put(log, 1000, 1))
  t.like(take(follower, memory), { seq: 1 })
  const other = LogMemory.attach(memory.handle)
  const before = other.bytes().length
  t.true(put(log, 9 * MIB, 2))
  t.true(memory.bytes().length >= before + 9 * MIB)
  t.is(other.bytes().length, memory.bytes().length)
  t.like(take(follower, other), { seq: 2, bytes: 9 * MIB })
  t.true(put(log, 1000, 3))
  t.like(take(follower, other), { seq: 3, bytes: 1000 })
  // What was grown is not lost: when the log has moved on, it is free again like any other chunk.
  const grown = memory.bytes().length
  t.true(put(log, MIB - 8, 4))
  t.like(take(follower, other), { seq: 4 })
  log.freeThrough(4)
  t.true(put(log, 9 * MIB, 5))
  t.is(memory.bytes().length, grown)
  t.like(take(follower, other), { seq: 5, bytes: 9 * MIB })
})

test('a record that is not that large waits for chunks instead, and one past the maximum has no room', (t) => {
  const { log, memory } = logOf(8, 20)
  while (put(log, MIB - 8, 1));
  t.is(memory.bytes().length, LOG_CONTROL_BYTES + 8 * LOG_CHUNK_BYTES)
  t.false(put(log, 2 * MIB - 8, 1))
  t.is(memory.bytes().length, LOG_CONTROL_BYTES + 8 * LOG_CHUNK_BYTES)
  t.false(put(log, 13 * MIB, 1))
  t.true(put(log, 12 * MIB - 8, 1))
})

test('MEM-3: a follower at the end of a run finds the next record, though the run before it was freed and used again', (t) => {
  const { log, memory, follower } = logOf(4)
  t.true(put(log, 600_000, 1))
  // The checkpoint's follower took everything there was and stands at the tail.
  t.like(take(follower, memory), { seq: 1 })
  t.is(take(follower, memory), undefined)
  // While the checkpoint syncs, the next record does not fit: its jump is written where the follower stands.
  t.true(put(log, 700_000, 2))
  log.freeThrough(1)
  t.true(put(log, 904_000, 3))
  t.like(take(follower, memory), { seq: 2, bytes: 700_000 })
  t.like(take(follower, memory), { seq: 3, bytes: 904_000 })
})

test('a record as large as a third of what may be grown gets room in the end, whatever sizes came before', (t) => {
  // In the measure of the defaults (64 MiB of log, three batches of 256 MiB and their heads to grow), a sixteenth as large.
  const { log, memory, follower } = logOf(4, 4 + 3 * 17)
  for (const [index, megabytes] of [6, 12, 16].entries()) {
    t.true(put(log, megabytes * MIB - 8, index + 1), `${megabytes} MiB`)
    t.like(take(follower, memory), { seq: index + 1 })
    // Everything was read, and a checkpoint moved it into segments.
    log.freeThrough(index + 1)
  }
})

test('SEQ-4: cursors hold 53 bits and are seen by the other end', (t) => {
  const { memory } = logOf(1)
  const other = LogMemory.attach(memory.handle)
  memory.visibleSeq = Number.MAX_SAFE_INTEGER - 1
  memory.durableSeq = Number.MAX_SAFE_INTEGER
  memory.walReserved = 2 ** 45
  memory.walWanted = 2 ** 46
  t.is(other.visibleSeq, Number.MAX_SAFE_INTEGER - 1)
  t.is(other.durableSeq, Number.MAX_SAFE_INTEGER)
  t.is(other.walReserved, 2 ** 45)
  t.is(other.walWanted, 2 ** 46)
  t.false(other.poisoned)
  t.false(other.noRoom)
  memory.noRoom = true
  memory.poison()
  t.true(other.poisoned)
  t.true(other.noRoom)
})

test('who waits for what is published wakes up, also where it was published before', async (t) => {
  const { memory } = logOf(1)
  const other = LogMemory.attach(memory.handle)
  const seen = memory.published()
  other.wakeCoordinator()
  await memory.untilPublished(seen)
  const next = memory.published()
  t.is(next, seen + 1)
  const waiting = memory.untilPublished(next)
  other.wakeCoordinator()
  await waiting
  t.pass()
})

test('a question is open from its asking to its answer', (t) => {
  const { memory } = logOf(1)
  const other = LogMemory.attach(memory.handle)
  t.false(other.hasQuestion())
  memory.askWriter()
  memory.askWriter()
  t.true(other.hasQuestion())
  other.answered()
  t.true(other.hasQuestion())
  other.answered()
  t.false(other.hasQuestion())
})
