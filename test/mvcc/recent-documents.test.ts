/** Rows that are read again and again come from a kept copy: it is always the row, at whichever point, and the caller's own. */
import test from 'ava'
import type { Document } from '../../src/codec/value.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Dice, openSimulated } from '../coordinator/_database.js'

const KEYS = 6
/** So many rows share the slots of the first ones. */
const SLOTS = 4096

test('VIS-6: reads by key give what was written, now and at past points, whatever was read before', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await db.createTable('rows', { primaryKey: 'id' })
  const rows = db.table('rows')
  const dice = new Dice(20_261_126)
  await rows.insertMany(Array.from({ length: SLOTS + KEYS }, (_, id) => ({ id, filler: id })))
  const first = db.lastSeq
  /** Of each key, by the seq of its events. */
  const states = Array.from({ length: KEYS }, (_, id): [number, Document | undefined][] => [
    [0, undefined],
    [id + 2, { id, filler: id }]
  ])
  const value = (step: number): Document[string] => {
    switch (dice.below(5)) {
      case 0:
        return { nested: step }
      case 1:
        return [step]
      case 2:
        return null
      case 3:
        return 'x'.repeat(dice.below(600))
      default:
        return step
    }
  }
  for (let step = 0; step < 4000; step++) {
    const id = dice.below(KEYS)
    const known = states[id] ?? []
    const before = known.at(-1)?.[1]
    const drawn = dice.below(10)
    if (drawn < 3) {
      const set = { [`f${dice.below(4)}`]: value(step) }
      const { seq } = before === undefined ? await rows.insert({ id, ...set }) : await rows.patch(id, set)
      known.push([seq, before === undefined ? { id, ...set } : { ...before, ...set }])
    } else if (drawn === 3 && before !== undefined) {
      const { seq } = await rows.softDelete(id)
      known.push([seq, undefined])
    } else if (drawn < 6) {
      const seq = first + dice.below(db.lastSeq + 1 - first)
      t.deepEqual(db.asOf({ seq }).table('rows').get(id), known.findLast(([from]) => from <= seq)?.[1])
    } else if (drawn === 6) {
      t.is(rows.get(SLOTS + id)?.['filler'], SLOTS + id)
    } else {
      const found = rows.get(id)
      t.deepEqual(found, before)
      // It is the caller's: nobody sees what becomes of it.
      if (found !== undefined) Object.assign(found, { mine: step })
    }
  }
  await db.close()
})
