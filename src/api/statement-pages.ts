import type { Coordinator } from '../coordinator/coordinator.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { Control } from './control.js'

/** The version pages that one statement reads, from its first row to its end. */
export class StatementPages {
  readonly #coordinator: Coordinator
  readonly #wanted = new Map<string, { readonly table: string; readonly seq: number }>()
  readonly #pages = new Map<string, PagesAtSeq>()
  #isEnded = false

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
  }

  /** The statement will scan this table at this point. */
  want(table: string, seq: number): void {
    this.#wanted.set(nameOf(table, seq), { table, seq })
  }

  /** Pins the pages that were wanted and are there. Undefined where nothing had to be waited for. */
  begin(control: Control): Promise<void> | undefined {
    const waiting: Promise<void>[] = []
    for (const [name, { table, seq }] of this.#wanted) {
      const state = this.#coordinator.table(table)
      if (state.versions.count < this.#coordinator.pagesFromVersions) continue
      const pages = this.#coordinator.pages(state, seq)
      if (pages instanceof Promise) waiting.push(pages.then((found) => this.#keep(name, found)))
      else this.#keep(name, pages)
    }
    return waiting.length === 0 ? undefined : control.until(Promise.all(waiting).then(() => {}))
  }

  /** Undefined: read documents. */
  of(table: string, seq: number): PagesAtSeq | undefined {
    const pages = this.#pages.get(nameOf(table, seq))
    return pages === undefined ? undefined : lent(pages)
  }

  end(): void {
    this.#isEnded = true
    for (const pages of this.#pages.values()) pages.release()
    this.#pages.clear()
  }

  #keep(name: string, pages: PagesAtSeq | undefined): void {
    if (pages === undefined) return
    // Who was cancelled while it waited does not need them any more.
    if (this.#isEnded) pages.release()
    else this.#pages.set(name, pages)
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
