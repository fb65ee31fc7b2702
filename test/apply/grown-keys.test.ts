/** A reader that knows the pages of a table finds the keys that came since, also where the array that has them gave place to a longer one. */
import test from 'ava'
import { MemoryIo } from '../../src/io/memory-io.js'
import { openSimulated } from '../coordinator/_database.js'

/** Past several lengths of the arrays, within one page. */
const ROWS = 1500

test('rows that come one by one are read from known pages with their keys', async (t) => {
  const { db } = await openSimulated(new MemoryIo(), { pageRows: 4096, cacheBytes: 64 * 1024 * 1024, logBytes: 16 * 1024 * 1024 })
  await db.createTable('rows', { primaryKey: 'id' })
  const rows = db.table('rows')
  for (let id = 0; id < ROWS; id++) {
    // Not in key order, and numbers: the rows of texts are compared in another way.
    await rows.insert({ id: (id * 7) % ROWS, n: id })
    if (id % 50 !== 49) continue
    t.deepEqual(await db.query('SELECT max(id) AS most, count(*) AS count FROM rows WHERE id % 2 = 1').all(), [
      {
        most: Math.max(...Array.from({ length: id + 1 }, (_, index) => (index * 7) % ROWS).filter((key) => key % 2 === 1)),
        count: Array.from({ length: id + 1 }, (_, index) => (index * 7) % ROWS).filter((key) => key % 2 === 1).length
      }
    ])
  }
  await db.close()
})
