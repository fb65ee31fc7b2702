/** Versions that have no room in memory: every answer is that of a plain list, whatever lies where. */
import test, { type ExecutionContext } from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { NODE_BYTES } from '../../src/format/version-node.js'
import type { SpillSpace } from '../../src/mvcc/block-file.js'
import { VersionMemory } from '../../src/mvcc/version-memory.js'
import { VersionStore } from '../../src/mvcc/version-store.js'
import { Dice } from '../coordinator/_database.js'

const BLOCK_BITS = 3
const BLOCK_BYTES = NODE_BYTES << BLOCK_BITS
/** Two blocks; half of a budget is for timelines. */
const BUDGET = 4 * BLOCK_BYTES

type Row = { readonly seq: number; readonly place: number; readonly event: number; readonly ordinal: number }

class MemorySpill implements SpillSpace {
  files = 0
  reads = 0
  isFull = false
  damage = 0

  create() {
    if (this.isFull) throw new DriftError('NO_SPACE', 'no room', {})
    this.files++
    const parts: Uint8Array[] = []
    return {
      append: (bytes: Uint8Array) => {
        if (this.isFull) throw new DriftError('NO_SPACE', 'no room', {})
        return parts.push(bytes.slice()) - 1
      },
      read: (target: Uint8Array, position: number) => {
        this.reads++
        target.set(parts[position] ?? new Uint8Array(0))
        if (this.damage > 0) target[5] = (target[5] ?? 0) ^ this.damage
      },
      close: () => void this.files--
    }
  }
}

/** Appends and takes back at random; `rows[n - 1]` is version n. */
function fill(store: VersionStore, dice: Dice, steps: number, rows: Row[] = []): Row[] {
  let seq = rows.at(-1)?.seq ?? 0
  let place = (rows.at(-1)?.place ?? 0) + 100
  for (let step = 0; step < steps; step++) {
    if (dice.chance(0.05)) {
      // A refused batch, often larger than a block.
      for (let count = dice.below(20); count > 0 && rows.length > 0; count--) store.removeLast(rows.pop()?.ordinal ?? 0)
      seq = rows.at(-1)?.seq ?? 0
    }
    // Now and then the other tables of the database take more seqs than fit in 32 bits.
    seq += dice.chance(0.01) ? 2 ** 33 + dice.below(9) : 1 + dice.below(3)
    const ordinal = dice.chance(0.5) ? dice.below(3) : dice.below(40)
    const event = store.isLatestLive(ordinal) ? dice.of([EVENT_INSERT, EVENT_PATCH, EVENT_PATCH, EVENT_SOFT_DELETE]) : EVENT_INSERT
    const version = store.append(ordinal, seq, place, event, dice.chance(0.2), 100)
    rows.push({ seq, place, event, ordinal })
    if (version !== rows.length) throw new Error(`version ${version}, not ${rows.length}`)
    place += dice.chance(0.02) ? 16 * 2 ** 20 : 100 + dice.below(50)
  }
  return rows
}

function check(t: ExecutionContext, store: VersionStore, rows: readonly Row[], dice: Dice, looks: number): void {
  for (let look = 0; look < looks; look++) {
    const at = dice.chance(0.2) ? Infinity : (rows[dice.below(rows.length)]?.seq ?? 0) - dice.below(2)
    const ordinal = dice.below(40)
    const chain = rows.flatMap((row, index) => (row.ordinal === ordinal && row.seq <= at ? [index + 1] : [])).reverse()
    const inMemory = store.versionInMemoryAt(ordinal, at)
    if (inMemory !== -1 && inMemory !== (chain[0] ?? 0))
      return t.fail(`ordinal ${ordinal} at ${at}: ${inMemory} in memory, not ${chain[0]}`)
    const found: number[] = []
    for (let version = store.versionAt(ordinal, at); version !== 0; version = store.previousOf(version)) found.push(version)
    if (String(found) !== String(chain)) return t.fail(`ordinal ${ordinal} at ${at}: ${found.join()}, not ${chain.join()}`)
    const version = chain[0] ?? 0
    const row = rows[version - 1]
    if (row !== undefined) {
      t.deepEqual(
        [store.seqOf(version), store.placeOf(version), store.eventOf(version), store.ordinalOf(version)],
        [row.seq, row.place, row.event, row.ordinal]
      )
    }
    t.is(store.liveVersionAt(ordinal, at), row === undefined || row.event === EVENT_SOFT_DELETE ? 0 : version)
    const before = rows.filter(({ seq }) => seq <= at)
    t.is(store.through(at), before.length)
    const live = new Map(before.map((each) => [each.ordinal, each.event !== EVENT_SOFT_DELETE]))
    t.is(store.liveCountAt(at), [...live.values()].filter(Boolean).length)
  }
}

test('VIS-13: with room for two blocks every version is found, through appends and refused batches', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const spill = new MemorySpill()
    const memory = new VersionMemory(BUDGET)
    const store = new VersionStore({ memory, spill, blockBits: BLOCK_BITS })
    const dice = new Dice(seed)
    const rows = fill(store, dice, 400)
    check(t, store, rows, dice, 60)
    t.true(spill.reads > 20)
    t.true(memory.bytes <= BUDGET + BLOCK_BYTES, `${memory.bytes} bytes in memory`)
    fill(store, dice, 200, rows)
    check(t, store, rows, dice, 60)
    store.close()
    t.is(spill.files, 0)
    t.is(memory.bytes, 0)
  }
})

test('what no file takes stays in memory, and goes when one takes it', (t) => {
  const spill = new MemorySpill()
  spill.isFull = true
  const warnings: string[] = []
  const log = { info: () => {}, error: () => {}, debug: () => {}, warn: (_: object, message: string) => warnings.push(message) }
  const memory = new VersionMemory(BUDGET)
  const store = new VersionStore({ memory, spill, blockBits: BLOCK_BITS, log: log as never })
  const dice = new Dice(3)
  const rows = fill(store, dice, 500)
  check(t, store, rows, dice, 50)
  t.true(memory.bytes > 10 * BLOCK_BYTES)
  t.true(warnings.length >= 1 && warnings.length < 20)
  spill.isFull = false
  fill(store, dice, 1000, rows)
  check(t, store, rows, dice, 50)
  t.true(memory.bytes <= BUDGET + BLOCK_BYTES, `${memory.bytes} bytes in memory`)
  store.close()
})

test('damage in a file of versions is CORRUPT, or made good from elsewhere', (t) => {
  for (const rebuilds of [false, true]) {
    const spill = new MemorySpill()
    const dice = new Dice(8)
    const rows: Row[] = []
    const anew = () => {
      const store = new VersionStore({ blockBits: BLOCK_BITS })
      for (const { ordinal, seq, place, event } of rows) store.append(ordinal, seq, place, event, false, 100)
      return { words: (block: number) => store.blocks.words(block), close: () => store.close() }
    }
    const memory = new VersionMemory(BUDGET)
    const store = new VersionStore({ memory, spill, blockBits: BLOCK_BITS, rebuild: rebuilds ? anew : undefined })
    for (let n = 1; n <= 400; n++) {
      const row = { ordinal: n % 7, seq: n, place: n * 10, event: EVENT_INSERT }
      rows.push(row)
      store.append(row.ordinal, row.seq, row.place, row.event, false, 100)
    }
    spill.damage = 4
    if (rebuilds) {
      check(t, store, rows, dice, 1)
      spill.damage = 0
      check(t, store, rows, dice, 100)
    } else {
      t.is(t.throws(() => store.seqOf(3), { instanceOf: DriftError })?.code, 'DRIFT_CORRUPT')
    }
    store.close()
  }
})

test('a version that is asked for in memory is found, or said to be elsewhere, and no block is read for it', (t) => {
  const spill = new MemorySpill()
  const memory = new VersionMemory(BUDGET)
  const store = new VersionStore({ memory, spill, blockBits: BLOCK_BITS })
  const dice = new Dice(17)
  const rows = fill(store, dice, 500)
  let found = 0
  let missed = 0
  for (let look = 0; look < 5000; look++) {
    const at = (rows[dice.below(rows.length)]?.seq ?? 0) - dice.below(2)
    const ordinal = dice.below(40)
    const before = spill.reads
    const version = store.versionInMemoryAt(ordinal, at)
    if (spill.reads !== before) return t.fail('a block was read')
    if (version === -1) missed++
    else {
      found++
      if (version !== store.versionAt(ordinal, at)) return t.fail(`ordinal ${ordinal} at ${at}: ${version}`)
    }
    // What is kept of the last point is true also where its block was not read.
    if (store.through(at) !== rows.findLastIndex(({ seq }) => seq <= at) + 1) return t.fail(`the last version up to ${at}`)
  }
  t.true(found > 500 && missed > 500, `${found} found, ${missed} missed`)
})
