import { isSystemTable } from '../base/ids.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { ReadableIndex } from '../index/readable-index.js'
import type { ForcedJoins } from '../relation/query-source.js'
import type { Control } from './control.js'

const NONE: readonly ReadableIndex[] = []

/** What a session forces on the plans of its queries. */
export type ForcedPlans = {
  /** The name of the only index that may be used, whatever it costs; `'none'`: none. */
  readonly index?: string | undefined
  readonly join?: 'hash' | 'lookup' | undefined
  readonly joinOrder?: 'written' | undefined
}

/** The indexes that one statement may read, by table and point. */
export class StatementIndexes {
  readonly #coordinator: Coordinator
  readonly #only: string | undefined
  /** Made when a table with indexes is wanted. */
  #wanted: Map<string, { readonly table: string; readonly seq: number }> | undefined
  #found: Map<string, readonly ReadableIndex[]> | undefined

  /** Undefined: by their costs. */
  readonly joins: ForcedJoins | undefined

  constructor(coordinator: Coordinator, { index, join, joinOrder }: ForcedPlans) {
    this.#coordinator = coordinator
    this.#only = index
    this.joins = join === undefined && joinOrder === undefined ? undefined : { join, order: joinOrder }
  }

  /** Those that {@link of} may have. */
  definitions(table: string): readonly IndexDefinition[] {
    if (isSystemTable(table)) return []
    const { indexes } = this.#coordinator.table(table).definition
    return this.#only === undefined ? indexes : indexes.filter(({ name }) => name === this.#only)
  }

  /** What is named is used also where a scan would cost less. */
  get isForced(): boolean {
    return this.#only !== undefined
  }

  /** The statement may look for rows of this table at this point. */
  want(table: string, seq: number): void {
    if (this.#coordinator.table(table).definition.indexes.length === 0) return
    this.#wanted ??= new Map()
    this.#wanted.set(`${seq} ${table}`, { table, seq })
  }

  /** Undefined where nothing had to be waited for. */
  begin(control: Control): Promise<void> | undefined {
    if (this.#wanted === undefined) return undefined
    const waiting: Promise<void>[] = []
    const all = (this.#found = new Map<string, readonly ReadableIndex[]>())
    for (const [name, { table, seq }] of this.#wanted) {
      const found = this.#coordinator.indexes(this.#coordinator.table(table), seq)
      if (found instanceof Promise) waiting.push(found.then((indexes) => void all.set(name, indexes)))
      else all.set(name, found)
    }
    return waiting.length === 0 ? undefined : control.until(Promise.all(waiting).then(() => {}))
  }

  of(table: string, seq: number): readonly ReadableIndex[] {
    const found = this.#found?.get(`${seq} ${table}`) ?? NONE
    return this.#only === undefined ? found : found.filter(({ definition }) => definition.name === this.#only)
  }
}
