/** Small databases over files in memory, for the tests that damage them. */
import { silentLog } from '../../src/base/log.js'
import { Coordinator } from '../../src/coordinator/coordinator.js'
import { Database } from '../../src/index.js'
import type { Io } from '../../src/io/io.js'

export const DIRECTORY = '/data'

/** Opens with the writer in this thread, a clock that gains one ms a question and the same ids every time; a log of two chunks checkpoints all the time. */
export async function openFilled(io: Io, logBytes?: number): Promise<Database> {
  return new Database(await openCoordinator(io, logBytes), {})
}

export function openCoordinator(io: Io, logBytes = 8 * 1024 * 1024): Promise<Coordinator> {
  let wall = 1_700_000_000_000
  return Coordinator.open({
    io,
    directory: DIRECTORY,
    clock: { now: () => wall++, monotonic: () => 0 },
    random: (bytes) => Uint8Array.from({ length: bytes }, (_, index) => index * 17 + 3),
    log: silentLog,
    durability: 'full',
    cacheBytes: 8 * 1024 * 1024,
    readOnly: false,
    create: true,
    writer: 'in-process',
    logBytes
  })
}

/** Two tables, every kind of event, commits over both, metadata; `rows` more commits of one row. */
export async function fill(db: Database, rows = 0): Promise<void> {
  await db.createTable('orders', { primaryKey: 'id' })
  await db.createTable('Lines', { primaryKey: 'n', indexes: ['order'] })
  await db.table('orders').insert({ id: 'o1', status: 'open', total: 12.5 }, { metadata: { by: 'test' } })
  await db.batch(
    [
      { insert: 'orders', document: { id: 'o2', status: 'open' } },
      { insert: 'Lines', document: { n: 1, order: 'o2' } },
      { insert: 'Lines', document: { n: 2, order: 'o2' } },
      { patch: 'orders', key: 'o2', set: { lines: 2 } }
    ],
    { metadata: { why: 'both' } }
  )
  for (let turn = 0; turn < 6; turn++) await db.table('orders').patch('o1', { turn })
  await db.table('Lines').softDelete(2)
  await db.table('Lines').upsert({ n: 2, order: 'o1' })
  for (let row = 0; row < rows; row++) await db.table('orders').insert({ id: `row ${row}`, row })
}
