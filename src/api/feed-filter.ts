import { DriftError } from '../base/errors.js'
import { keyBytes, type Key } from '../codec/key-codec.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'

/**
 * Which events a feed is for. It finds the next one without looking at those between: of a table by a binary search over its versions, of
 * a key by one over that key's.
 */
export class FeedFilter {
  readonly #coordinator: Coordinator
  readonly #names: readonly string[] | undefined
  readonly #tableIds: ReadonlySet<number> | undefined
  /** Canonical. */
  readonly #key: Uint8Array | undefined

  /** @throws UNKNOWN_TABLE; INVALID_DOCUMENT, LIMIT for what cannot be a key. */
  constructor(coordinator: Coordinator, tables: readonly string[] | undefined, key: Key | undefined) {
    this.#coordinator = coordinator
    if (tables !== undefined && (!Array.isArray(tables) || tables.some((name) => typeof name !== 'string'))) {
      throw new DriftError('INVALID_ARGUMENT', 'tables is a list of names', { found: tables })
    }
    this.#names = tables
    const states = coordinator.tableStates(tables)
    this.#tableIds = tables === undefined ? undefined : new Set(states.map(({ definition }) => definition.id))
    this.#key = key === undefined ? undefined : keyBytes(key)
  }

  get takesAll(): boolean {
    return this.#tableIds === undefined && this.#key === undefined
  }

  /** Seq of the first event behind `after` and at or before `through` that is wanted; Infinity if there is none. */
  nextSeq(after: number, through: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const table of this.#coordinator.tableStates(this.#names)) {
      const { createdSeq } = table.definition
      if (this.#key === undefined && createdSeq > after && createdSeq <= through) next = Math.min(next, createdSeq)
      const version = this.#firstVersion(table, after, Math.min(through, next))
      if (version !== 0) next = Math.min(next, table.versions.seqOf(version))
    }
    return next
  }

  /**
   * The first version of a table with an event from `first` to `last` that is wanted; 0 if there is none. `previous`: that of the wanted
   * event before `first`, if any; of a whole table the one behind it is the next.
   */
  versionIn(tableId: number, first: number, last: number, previous: number): number {
    if (this.#tableIds?.has(tableId) === false) return 0
    const table = this.#coordinator.tableById(tableId)
    if (previous === 0 || this.#key !== undefined) return this.#firstVersion(table, first - 1, last)
    return previous < table.versions.count && table.versions.seqOf(previous + 1) <= last ? previous + 1 : 0
  }

  /** Whether the schema event `seq` is wanted. */
  takesMaking(seq: number): boolean {
    if (this.#key !== undefined) return false
    return this.#tableIds?.has(this.#coordinator.schemaEventAt(seq).table.id) !== false
  }

  #firstVersion({ damage, keys, versions }: TableState, after: number, through: number): number {
    if (damage !== undefined) throw damage
    if (this.#key === undefined) {
      const version = versions.through(after) + 1
      return version <= versions.count && versions.seqOf(version) <= through ? version : 0
    }
    const ordinal = keys.find(this.#key, this.#key.length)
    return ordinal < 0 ? 0 : versions.firstVersionIn(ordinal, after, through)
  }
}
