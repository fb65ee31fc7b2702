/**
 * Which transaction has which row locked, who waits for it, and whether somebody waits in a circle. Pure state: time and promises that are
 * cancelled are its owner's (coordinator/row-locks.ts).
 *
 * - A row has one holder and a queue. Who comes goes to its end; who ends hands each row to the first of its queue, at once: nobody comes
 *   in between, so nobody waits for ever behind others that came later (TXN-5).
 * - A transaction waits for one row at a time, so in the graph of who waits for whom each has at most one edge, to the holder. A circle
 *   can only close when somebody begins to wait, and then it goes through him: following the edges from there finds it, or an end, in as
 *   many steps as the circle is long. Edges to those ahead in a queue are not needed: they wait for the same holder, so a circle with such
 *   an edge is one without it, and a victim that only stands in the queue would resolve nothing.
 * - The victim is the youngest of the circle: the one with the greatest id, as ids are given in the order of beginning.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { decodeKey } from '../codec/key-codec.js'
import { keyName } from './read-set.js'

type Named = { readonly definition: { readonly name: string } }

type Waiter<Table> = {
  readonly id: number
  readonly row: LockedRow<Table>
  readonly resolve: () => void
  readonly reject: (error: DriftError) => void
}

type LockedRow<Table> = {
  readonly table: Table
  readonly name: string
  readonly key: Uint8Array
  holder: number
  /** First come, first served. */
  readonly queue: Waiter<Table>[]
}

/** A transaction that holds or waits. */
type Owner<Table> = {
  /** In the order in which they were taken. */
  readonly rows: LockedRow<Table>[]
  waiting: Waiter<Table> | undefined
}

/** One edge of a circle: `transaction` waits for the row that `waitsFor` holds. */
export type WaitEdge = { readonly transaction: number; readonly waitsFor: number; readonly table: string; readonly key: unknown }

export class LockTable<Table extends Named> {
  readonly #tables = new Map<Table, Map<string, LockedRow<Table>>>()
  readonly #owners = new Map<number, Owner<Table>>()
  readonly #rowsMax: number
  readonly #queueMax: number
  #rows = 0
  #waiters = 0

  constructor({ rowsMax = limits.locksPerTransactionMax, queueMax = limits.lockQueueMax }: { rowsMax?: number; queueMax?: number } = {}) {
    this.#rowsMax = rowsMax
    this.#queueMax = queueMax
  }

  /** Nobody has any lock. */
  get isEmpty(): boolean {
    return this.#rows === 0
  }

  /** Somebody has a lock of the table. */
  hasAny(table: Table): boolean {
    return this.#tables.has(table)
  }

  /** Rows that are locked. */
  get rows(): number {
    return this.#rows
  }

  /** Transactions that wait. */
  get waiters(): number {
    return this.#waiters
  }

  /** Rows that it has locked: a mark to {@link release} to. */
  countOf(id: number): number {
    return this.#owners.get(id)?.rows.length ?? 0
  }

  /** The transaction that has the row locked; undefined: none. */
  holderOf(table: Table, key: Uint8Array): number | undefined {
    return this.#tables.get(table)?.get(keyName(key))?.holder
  }

  /** Whom it waits for; undefined: nobody. */
  waitsFor(id: number): number | undefined {
    return this.#owners.get(id)?.waiting?.row.holder
  }

  /**
   * Locks a row, again if it has it already. Undefined: it has it now. Else a promise for its turn, which is rejected with DEADLOCK if it
   * is the victim of a circle, now or later.
   * @throws LIMIT, OVERLOADED: nothing was done.
   */
  acquire(id: number, table: Table, key: Uint8Array): Promise<void> | undefined {
    const rows = this.#rowsOf(table)
    const name = keyName(key)
    const row = rows.get(name)
    if (row?.holder === id) return undefined
    const owner = this.#ownerOf(id)
    if (owner.waiting !== undefined) throw new DriftError('INVARIANT', `TXN-5: transaction ${id} waits for two rows`)
    if (owner.rows.length >= this.#rowsMax) {
      const details = { name: 'locksPerTransactionMax', limit: this.#rowsMax, seen: owner.rows.length + 1 }
      throw new DriftError('LIMIT', `a transaction may lock ${this.#rowsMax} rows`, details)
    }
    if (row === undefined) {
      const taken: LockedRow<Table> = { table, name, key: key.slice(), holder: id, queue: [] }
      rows.set(name, taken)
      owner.rows.push(taken)
      this.#rows++
      return undefined
    }
    if (row.queue.length >= this.#queueMax) {
      this.#forgetIdle(id)
      const details = { name: 'lockQueueMax', limit: this.#queueMax, seen: row.queue.length + 1, table: table.definition.name }
      throw new DriftError('OVERLOADED', `${this.#queueMax} wait for one row of table ${table.definition.name} already`, details)
    }
    const turn = new Promise<void>((resolve, reject) => {
      owner.waiting = { id, row, resolve, reject }
      row.queue.push(owner.waiting)
    })
    this.#waiters++
    this.#breakCircle(id)
    return turn
  }

  /** Ends its wait, which is rejected with the error. False: it waits for nothing, it may have got its turn just now. */
  cancel(id: number, error: DriftError): boolean {
    const waiter = this.#owners.get(id)?.waiting
    if (waiter === undefined) return false
    this.#leaveQueue(waiter)
    this.#forgetIdle(id)
    waiter.reject(error)
    return true
  }

  /** Lets go of the rows that it took behind a mark, the last first. */
  release(id: number, mark: number): void {
    const owner = this.#owners.get(id)
    if (owner === undefined) return
    for (const row of owner.rows.splice(mark).reverse()) this.#passOn(row)
    this.#forgetIdle(id)
  }

  /** Ends all of them. */
  clear(error: DriftError): void {
    for (const id of this.#owners.keys()) this.cancel(id, error)
    for (const id of this.#owners.keys()) this.release(id, 0)
  }

  #breakCircle(id: number): void {
    const circle: Waiter<Table>[] = []
    let next: number | undefined = id
    do {
      const waiting: Waiter<Table> | undefined = this.#owners.get(next)?.waiting
      if (waiting === undefined) return
      circle.push(waiting)
      next = waiting.row.holder
    } while (next !== id)
    const victim = circle.reduce((youngest, waiter) => (waiter.id > youngest.id ? waiter : youngest))
    const cycle = circle.map(({ id: transaction, row: { holder, table, key } }): WaitEdge => {
      return { transaction, waitsFor: holder, table: table.definition.name, key: decodeKey(key) }
    })
    const told = cycle.map((edge) => `${edge.transaction} waits for ${edge.waitsFor} (${edge.table} ${String(edge.key)})`).join(', ')
    const message = `deadlock: ${told}; transaction ${victim.id} is the youngest and is rolled back`
    this.cancel(victim.id, new DriftError('DEADLOCK', message, { transaction: victim.id, cycle }))
  }

  #leaveQueue({ id, row }: Waiter<Table>): void {
    const index = row.queue.findIndex((waiter) => waiter.id === id)
    if (index < 0) throw new DriftError('INVARIANT', `TXN-5: transaction ${id} is not in the queue where it waits`)
    row.queue.splice(index, 1)
    this.#waiters--
    this.#ownerOf(id).waiting = undefined
  }

  #passOn(row: LockedRow<Table>): void {
    const next = row.queue[0]
    if (next === undefined) {
      const rows = this.#tables.get(row.table)
      rows?.delete(row.name)
      if (rows?.size === 0) this.#tables.delete(row.table)
      this.#rows--
      return
    }
    this.#leaveQueue(next)
    row.holder = next.id
    this.#ownerOf(next.id).rows.push(row)
    next.resolve()
  }

  #rowsOf(table: Table): Map<string, LockedRow<Table>> {
    let rows = this.#tables.get(table)
    if (rows === undefined) {
      rows = new Map()
      this.#tables.set(table, rows)
    }
    return rows
  }

  #ownerOf(id: number): Owner<Table> {
    let owner = this.#owners.get(id)
    if (owner === undefined) {
      owner = { rows: [], waiting: undefined }
      this.#owners.set(id, owner)
    }
    return owner
  }

  #forgetIdle(id: number): void {
    const owner = this.#owners.get(id)
    if (owner !== undefined && owner.waiting === undefined && owner.rows.length === 0) this.#owners.delete(id)
  }
}
