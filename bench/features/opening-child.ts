/** Ingests for `opening`, then closes, or says that all is acknowledged and waits to be killed. */
import { writeSync } from 'node:fs'
import { open } from 'driftdb'
import { orders } from '../workloads/order.js'

const [, , path = '', count = '0', end = 'close'] = process.argv
// Everything stays in the WAL where the log has room for all of it.
const db = await open(path, end === 'kill' ? { logBytes: 512 * 1024 * 1024 } : {})
await db.createTable('orders', { primaryKey: 'id' })
await db.table('orders').insertMany(orders(0, Number(count)))
if (end === 'kill') {
  writeSync(1, 'done\n')
  setInterval(() => {}, 1000)
} else {
  await db.close()
}
