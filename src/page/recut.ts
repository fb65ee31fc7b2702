/**
 * COMPACT's second part (the apply thread): sealed pages are cut anew in time, so that a scan at any S touches at most 1.6 times the rows
 * that are visible, beyond two pages (VIS-12). Apply can do that only with more copies than it makes, see docs/decisions/0019-recut.md.
 *
 * 1. every sealed page is looked at once: how many of its rows are visible when;
 * 2. strips of pages, of the same keys one behind the other in time, are gone through: poor pages are cut, and small ones become one,
 *    a few pages at a time;
 * 3. what was made of them is put in their place in all lists at once. Who has a directory from before reads the old pages, which are
 *    given back when nobody has one any more.
 *
 * In steps of some milliseconds; events may be applied between them, for sealed pages do not change and new slices only come behind.
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import { type CutLimits, cutTimes, isPoor } from './cut-times.js'
import { type PageMerger } from './merge-pages.js'
import { type RangeEntry, type Slice } from './page-directory.js'
import { type SealedPage } from './page-handle.js'
import { changesOf, lifeOf, type PageLife, ROWS_PER_VISIBLE } from './page-life.js'
import { type PageView } from './page-view.js'
import { lifeOfSlice, openExcess, poorSlices } from './recut-plan.js'
import { stripsOf } from './slice-strips.js'

/** Pages that are read for one set of new ones. */
const GROUP_PAGES = 4
/** A page that has room for more is gone on with where the next one is cut. */
const ROOM = 0.8
/** Part of a page up to which a sealed page may be poor. */
const FEW_SHARE = 1 / 64
/** Part of a slot that a page fills at most. */
const SLOT_SHARE = 0.75

/** Rows that were looked at or cut, of about so many. */
export type RecutProgress = { readonly done: number; readonly total: number }

/** What a recut asks of its table. */
export type RecutTable = {
  readonly arena: Arena
  readonly table: number
  readonly pageRows: number
  readonly offsetMax: number
  readonly ranges: () => readonly (Pick<RangeEntry<SealedPage>, 'past' | 't0'> & { readonly rows: number; readonly least: number })[]
  readonly pin: (page: SealedPage) => PageView
  readonly unpin: (page: SealedPage, view: PageView) => void
  /** Kept from recut to recut. */
  readonly lives: WeakMap<SealedPage, PageLife>
  /** Takes over the pages: what stands for them in the lists is what comes back. */
  readonly install: (old: readonly Slice<SealedPage>[], fresh: readonly PageView[]) => readonly Slice<SealedPage>[]
}

export class Recut {
  readonly #table: RecutTable
  readonly #merger: PageMerger
  readonly #limits: CutLimits
  readonly #lives = new Map<SealedPage, PageLife>()
  #poor: ReadonlySet<Slice<SealedPage>> = new Set()
  #done = 0
  #total = 0

  /** Nothing else may be merged by `merger` meanwhile. */
  constructor(table: RecutTable, merger: PageMerger) {
    this.#table = table
    this.#merger = merger
    this.#limits = { few: Math.max(2, table.pageRows * FEW_SHARE), rowsMax: table.pageRows }
  }

  /** @throws DriftError OVERLOADED where page memory is short; what was put in place stays. */
  *run(): Generator<RecutProgress, void> {
    const strips = stripsOf(this.#table.ranges())
    const slices = strips.flat()
    yield* this.#look(slices)
    const open = this.#table.ranges().map(({ t0, rows, least }) => openExcess(t0, rows, least))
    this.#poor = poorSlices(slices, this.#lives, open, this.#limits, this.#table.pageRows)
    for (const strip of strips) yield* this.#strip(strip)
    yield { done: this.#total, total: this.#total }
  }

  *#look(slices: readonly Slice<SealedPage>[]): Generator<RecutProgress, void> {
    const { lives } = this.#table
    const unknown = slices.filter(({ page }) => !lives.has(page as SealedPage))
    // Rows that must be looked at, and all of them once more where they are gone through.
    this.#total = unknown.reduce((sum, { page }) => sum + rowsOf(page as SealedPage), 0)
    for (const { page } of slices) this.#total += rowsOf(page as SealedPage)
    for (const { page } of slices) {
      const sealed = page as SealedPage
      const known = lives.get(sealed)
      const life = known ?? this.#lifeOf(sealed)
      this.#lives.set(sealed, life)
      if (known === undefined) yield this.#passed(life.rows)
    }
  }

  #lifeOf(page: SealedPage): PageLife {
    const { lives, pin, unpin } = this.#table
    const view = pin(page)
    try {
      const life = lifeOf(view)
      lives.set(page, life)
      return life
    } finally {
      unpin(page, view)
    }
  }

  *#strip(strip: readonly Slice<SealedPage>[]): Generator<RecutProgress, void> {
    const slices = [...strip]
    for (let at = 0; at < slices.length;) {
      const count = this.#groupAt(slices, at)
      const group = slices.slice(at, at + count)
      const fresh = count === 0 ? undefined : yield* this.#group(group)
      if (fresh === undefined) {
        this.#passed(lifeOfSlice(slices[at] as Slice<SealedPage>, this.#lives).rows)
        at++
        continue
      }
      yield this.#passed(group.reduce((sum, slice) => sum + lifeOfSlice(slice, this.#lives).rows, 0))
      for (const slice of fresh) this.#lives.set(slice.page as SealedPage, this.#lifeOf(slice.page as SealedPage))
      slices.splice(at, count, ...fresh)
      // The last one may have room for what comes.
      at += Math.max(fresh.length, 1) - (count > 1 ? 1 : 0)
    }
  }

  /** How many slices from `at` on become others together; 0: the slice stays as it is. */
  #groupAt(slices: readonly Slice<SealedPage>[], at: number): number {
    const first = slices[at] as Slice<SealedPage>
    const isPoorAt = (index: number) => this.#poor.has(slices[index] as Slice<SealedPage>)
    const next = slices[at + 1]
    const goesOn = next !== undefined && isPoorAt(at + 1) && this.#hasRoom(first)
    if (!isPoorAt(at) && !goesOn && !(next !== undefined && this.#fit(first, next))) return 0
    let count = 1
    while (count < GROUP_PAGES && at + count < slices.length) {
      const [last, behind] = [slices[at + count - 1], slices[at + count]] as [Slice<SealedPage>, Slice<SealedPage>]
      if (!isPoorAt(at + count) && !this.#fit(last, behind)) break
      count++
    }
    return count
  }

  #hasRoom(slice: Slice<SealedPage>): boolean {
    const { rows, least } = lifeOfSlice(slice, this.#lives)
    return rows <= ROOM * Math.max(this.#limits.few, ROWS_PER_VISIBLE * least)
  }

  /** True if two slices side by side can be one. */
  #fit(one: Slice<SealedPage>, other: Slice<SealedPage>): boolean {
    const [first, second] = [lifeOfSlice(one, this.#lives), lifeOfSlice(other, this.#lives)]
    if (other.t1 - one.t0 >= this.#table.offsetMax) return false
    const rows = first.rows + second.rows - first.alive
    if (rows > this.#rowsMax(Math.max(first.rowBytes, second.rowBytes))) return false
    return !isPoor({ rows, least: Math.min(first.least, second.least) }, this.#limits)
  }

  #rowsMax(rowBytes: number): number {
    return Math.min(this.#limits.rowsMax, Math.floor((this.#table.arena.slotBytes * SLOT_SHARE) / rowBytes))
  }

  /** The slices that take the place of a group; undefined where they would not be better. */
  *#group(group: readonly Slice<SealedPage>[]): Generator<RecutProgress, readonly Slice<SealedPage>[] | undefined> {
    const { table, offsetMax, pin, unpin, install, arena } = this.#table
    const views: PageView[] = []
    const made: PageView[] = []
    let isInstalled = false
    try {
      for (const { page } of group) views.push(pin(page as SealedPage))
      const rowBytes = Math.max(...group.map((slice) => lifeOfSlice(slice, this.#lives).rowBytes))
      const times = cutTimes(views.map(changesOf), { few: this.#limits.few, rowsMax: this.#rowsMax(rowBytes) })
      if (!this.#isWorthwhile(group, times)) return undefined
      for (const page of this.#merger.recut({ table, pages: views, times, offsetMax })) {
        made.push(page)
        yield this.#passed(0)
      }
      const fresh = install(group, made)
      isInstalled = true
      return fresh
    } finally {
      if (!isInstalled) for (const { address } of made) arena.release(address)
      views.forEach((view, index) => unpin(group[index]?.page as SealedPage, view))
    }
  }

  /** A poor page is cut, or there are fewer pages than before. */
  #isWorthwhile(group: readonly Slice<SealedPage>[], times: readonly number[]): boolean {
    const edges = new Set([group[0]?.t0, ...group.map(({ t1 }) => t1)])
    const isOther = times.length !== edges.size || times.some((time) => !edges.has(time))
    return isOther && (times.length - 1 < group.length || group.some((slice) => this.#poor.has(slice)))
  }

  #passed(rows: number): RecutProgress {
    this.#done = Math.min(this.#total, this.#done + rows)
    return { done: this.#done, total: this.#total }
  }
}

function rowsOf(page: SealedPage): number {
  return 'rowCount' in page ? page.rowCount : page.rows
}

/** @throws DriftError OVERLOADED where cutting pages would take the room that apply needs, which cannot be given up. */
export function refuseIfFull(arena: Arena): void {
  const { claimedBytes, budgetBytes } = arena
  if (claimedBytes <= budgetBytes * SLOT_SHARE) return
  throw new DriftError('OVERLOADED', `${claimedBytes} of ${budgetBytes} bytes of page memory are taken: pages are left as they are`, {
    claimedBytes,
    budgetBytes
  })
}
