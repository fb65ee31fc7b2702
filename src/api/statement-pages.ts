import { isSystemTable } from '../base/ids.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { ScanCounters } from '../relation/scan-counters.js'
import { CountedPages } from '../scan/counted-pages.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { Control } from './control.js'
import { type ForcedPlans, StatementIndexes } from './statement-indexes.js'

type TableAtSeq = { readonly table: string; readonly seq: number; readonly isWhole: boolean }

/** The version pages that one statement reads, from its first row to its end. */
export class StatementPages {
  readonly #coordinator: Coordinator
  /** Made when they are first needed: a statement that reads by keys needs none. */
  #wanted: Map<string, TableAtSeq> | undefined
  #pages: Map<string, PagesAtSeq> | undefined
  /** For EXPLAIN ANALYZE; undefined: nothing is counted. */
  readonly #counted: Map<string, { readonly pages: CountedPages | undefined; readonly waitForApplyMs: number }> | undefined
  #counters: Map<string, ScanCounters> | undefined
  #isEnded = false
  readonly indexes: StatementIndexes

  constructor(coordinator: Coordinator, forced: ForcedPlans, { isCounting = false }: { readonly isCounting?: boolean } = {}) {
    this.#coordinator = coordinator
    this.indexes = new StatementIndexes(coordinator, forced)
    this.#counted = isCounting ? new Map() : undefined
  }

  /** The statement will scan this table at this point; `isWhole`: it looks at all rows before it gives the first. */
  want(table: string, seq: number, isWhole: boolean): void {
    if (isSystemTable(table)) return
    this.#wanted ??= new Map()
    this.#wanted.set(nameOf(table, seq), { table, seq, isWhole })
  }

  /**
   * Makes the indexes ready that were wanted, then, unless the query is answered by one, pins the pages. Undefined where nothing had to be
   * waited for.
   */
  begin(control: Control, isIndexed: () => boolean = () => false): Promise<void> | undefined {
    const waiting = this.indexes.begin(control)
    const pin = (): Promise<void> | undefined => (this.#wanted === undefined || isIndexed() ? undefined : this.#pin(this.#wanted, control))
    return waiting === undefined ? pin() : waiting.then(pin)
  }

  #pin(wanted: ReadonlyMap<string, TableAtSeq>, control: Control): Promise<void> | undefined {
    const waiting: Promise<void>[] = []
    const began = this.#coordinator.monotonic()
    for (const [name, { table, seq, isWhole }] of wanted) {
      const state = this.#coordinator.table(table)
      if (state.versions.count < this.#coordinator.pagesFromVersions) continue
      const pages = this.#coordinator.pages(state, seq, isWhole)
      if (pages instanceof Promise) waiting.push(pages.then((found) => this.#keep(name, found, began)))
      else this.#keep(name, pages, began)
    }
    return waiting.length === 0 ? undefined : control.until(Promise.all(waiting).then(() => {}))
  }

  /** Undefined: read documents. */
  of(table: string, seq: number): PagesAtSeq | undefined {
    const pages = this.#pages?.get(nameOf(table, seq))
    return pages === undefined ? undefined : lent(pages)
  }

  end(): void {
    this.#isEnded = true
    if (this.#counted !== undefined) {
      this.#counters ??= new Map()
      for (const [name, { pages, waitForApplyMs }] of this.#counted) this.#counters.set(name, { ...pages?.touched(), waitForApplyMs })
    }
    if (this.#pages === undefined) return
    for (const pages of this.#pages.values()) pages.release()
    this.#pages.clear()
  }

  /** What the statement looked into, once it ended. */
  counters(table: string, seq: number): ScanCounters | undefined {
    return this.#counters?.get(nameOf(table, seq))
  }

  #keep(name: string, found: PagesAtSeq | undefined, began: number): void {
    const counted = found === undefined || this.#counted === undefined ? undefined : new CountedPages(found)
    if (!this.#isEnded) this.#counted?.set(name, { pages: counted, waitForApplyMs: this.#coordinator.monotonic() - began })
    const pages = counted?.pages ?? found
    if (pages === undefined) return
    // Who was cancelled while it waited does not need them any more.
    if (this.#isEnded) pages.release()
    else (this.#pages ??= new Map()).set(name, pages)
  }
}

/** They are the statement's until its end: an operator may let go of them and another take them up. */
function lent(pages: PagesAtSeq): PagesAtSeq {
  const { table, S, heldMax } = pages
  return {
    table,
    S,
    heldMax,
    tiles: (bounds) => pages.tiles(bounds),
    tilesOf: (point, bounds) => pages.tilesOf(point, bounds),
    tilesBetween: (from, to, bounds) => pages.tilesBetween(from, to, bounds),
    sweepTiles: (points) => pages.sweepTiles(points),
    release: () => {}
  }
}

function nameOf(table: string, seq: number): string {
  return `${seq} ${table}`
}
