// A program of a user, compiled against the built declarations and never run: the public types must hold without our sources.
import { DriftError, open, type Commit } from 'driftdb'

type Order = { id: string; status: string; amount?: number }

// An `any` would leak through a call unseen: this type is `true` only for a type that is not one.
type Known<T> = 0 extends 1 & T ? false : true
const known = <T,>(value: Known<T> extends true ? T : never): T => value

try {
  await using db = await open('./data', { durability: 'full' })
  await db.createTable('orders', { primaryKey: 'id', ifNotExists: true })
  const orders = db.table<Order>('orders')
  const commit: Commit = known(await orders.insert({ id: 'a', status: 'new' }))
  await orders.patch('a', { status: 'paid' })
  const order: Order | undefined = known(orders.get('a'))
  const past = db.asOf({ seq: commit.firstSeq })
  const before: Order | undefined = known(past.table<Order>('orders').get('a'))
  for (const version of orders.history('a', { limit: 10 })) console.log(version.seq, version.event, version.document)
  for await (const row of orders.scan({ limit: 10 })) console.log(row.status)
  // @ts-expect-error: a status is a string
  await orders.insert({ id: 'b', status: 1 })
  console.log(order?.amount, before?.status, commit.seq + commit.time)
} catch (error) {
  if (error instanceof DriftError && error.kind === 'conflict') console.log(error.code, error.details)
}
