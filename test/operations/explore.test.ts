import test from 'ava'
import { MemoryIo } from '../../src/io/memory-io.js'
import { verify } from '../../src/operations/verify.js'
import { DIRECTORY, fill, openFilled } from './_filled-database.js'

test('x', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db, 10)
  console.log(JSON.stringify(await verify(io, DIRECTORY), null, 1))
  await db.close()
  console.log(JSON.stringify(await verify(io, DIRECTORY), null, 1))
  console.log([...io.files].map(([n, b]) => `${n} ${b.length}`).join('\n'))
  t.pass()
})
