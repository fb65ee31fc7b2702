/** What opening makes of a database whose WAL folder was lost, as an incomplete copy may have it. */
import test from 'ava'
import { MemoryIo } from '../../src/io/memory-io.js'
import { DIRECTORY, fill, openFilled } from './_filled-database.js'

test('DUR-5: a database without its WAL folder is not taken for a half-made one and emptied', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db)
  await db.close()
  io.remove(`${DIRECTORY}/wal`)
  const before = [...io.files.keys()].filter((path) => path.endsWith('.seg')).sort()
  // Refused, or opened with what its segments hold: both are well.
  try {
    const again = await openFilled(io)
    t.is(again.lastSeq, 15)
    await again.close()
  } catch (error) {
    t.is((error as { code?: string }).code, 'DRIFT_CORRUPT')
  }
  t.deepEqual([...io.files.keys()].filter((path) => path.endsWith('.seg')).sort(), before)
})
