/** Several transactions of one database over simulated files, step by step. */
import { DriftError, type Database, type Isolation, type Transaction } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { openSimulated, type SimulatedOptions } from '../coordinator/_database.js'

export const LEVELS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']

/** A database with the table `test`: rows 1 and 2 with the values 10 and 20, as Hermitage has them. */
export async function hermitage(options: SimulatedOptions = {}): Promise<Database> {
  const { db } = await openSimulated(new MemoryIo(), options)
  await db.createTable('test', { primaryKey: 'id' })
  await db.table('test').insertMany([
    { id: 1, value: 10 },
    { id: 2, value: 20 }
  ])
  return db
}

/** The code of the error that a step ends with; undefined where it succeeds. */
export async function codeOf(step: () => unknown): Promise<string | undefined> {
  try {
    await step()
    return undefined
  } catch (thrown) {
    if (thrown instanceof DriftError) return thrown.code.slice(6)
    throw thrown
  }
}

export async function valuesOf(reader: Pick<Transaction, 'query'> | Database): Promise<Record<number, unknown>> {
  const rows = await reader.query<{ id: number; value: unknown }>('SELECT id, value FROM test').all()
  return Object.fromEntries(rows.map(({ id, value }) => [id, value]))
}
