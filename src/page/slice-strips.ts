/**
 * Sealed slices one behind the other in time, of the same keys: what COMPACT cuts anew. They stand side by side in the lists of all ranges
 * that have them, and are replaced in all of them at once; lists that were given out stay as they are.
 */
import { assertLaw } from '../base/errors.js'
import { compareKeys } from '../codec/key-codec.js'
import { type Past, type Slice } from './page-directory.js'

/** Every past that ranges look into, parents first, once. */
export function pastsOf<Sealed>(ranges: readonly { readonly past: Past<Sealed> }[]): ReadonlySet<Past<Sealed>> {
  const pasts = new Set<Past<Sealed>>()
  const add = (past: Past<Sealed>): void => {
    if (pasts.has(past)) return
    past.parents.forEach(add)
    pasts.add(past)
  }
  for (const { past } of ranges) add(past)
  return pasts
}

/** Stands for "not the same in all lists". */
const SEVERAL = 'several'
type Neighbour<Sealed> = Slice<Sealed> | undefined | typeof SEVERAL

/** All slices that have a page: each strip as long as it can be, each slice in one. */
export function stripsOf<Sealed>(ranges: readonly { readonly past: Past<Sealed> }[]): Slice<Sealed>[][] {
  const before = new Map<Slice<Sealed>, Neighbour<Sealed>>()
  const behind = new Map<Slice<Sealed>, Neighbour<Sealed>>()
  const note = (map: Map<Slice<Sealed>, Neighbour<Sealed>>, slice: Slice<Sealed>, neighbour: Neighbour<Sealed>): void => {
    map.set(slice, !map.has(slice) || map.get(slice) === neighbour ? neighbour : SEVERAL)
  }
  for (const { slices, sliceCount } of pastsOf(ranges)) {
    for (let index = 0; index < sliceCount; index++) {
      const slice = slices[index] as Slice<Sealed>
      note(before, slice, slices[index - 1])
      note(behind, slice, index + 1 < sliceCount ? slices[index + 1] : undefined)
    }
  }
  const strips: Slice<Sealed>[][] = []
  let open: Slice<Sealed>[] = []
  // Slices of one list come one behind the other here, for those that more lists share come first.
  for (const slice of behind.keys()) {
    if (slice.page === undefined) continue
    const last = open[open.length - 1]
    const follows =
      last !== undefined &&
      behind.get(last) === slice &&
      before.get(slice) === last &&
      last.t1 === slice.t0 &&
      compareKeys(last.low, slice.low) === 0
    if (!follows) strips.push((open = []))
    open.push(slice)
  }
  return strips
}

/** Puts slices in the place of others side by side in every list: of the same keys and the same time. */
export class SliceReplacement<Sealed> {
  readonly #old: readonly Slice<Sealed>[]
  readonly #fresh: readonly Slice<Sealed>[]
  readonly #lists = new Map<readonly Slice<Sealed>[], { readonly slices: Slice<Sealed>[]; readonly at: number }>()
  readonly #pasts = new Map<Past<Sealed>, Past<Sealed>>()

  constructor(old: readonly Slice<Sealed>[], fresh: readonly Slice<Sealed>[]) {
    this.#old = old
    this.#fresh = fresh
  }

  /** The same object where nothing of it is replaced. */
  past(past: Past<Sealed>): Past<Sealed> {
    let made = this.#pasts.get(past)
    if (made === undefined) this.#pasts.set(past, (made = this.#make(past)))
    return made
  }

  #make(past: Past<Sealed>): Past<Sealed> {
    const parents = past.parents.map((parent) => this.past(parent))
    const { slices, at } = this.#list(past.slices)
    const isSame = slices === past.slices && parents.every((parent, index) => parent === past.parents[index])
    if (isSame) return past
    // A list is shared with those that have more of it: what stands behind is replaced for them.
    if (at < 0 || at >= past.sliceCount) return { ...past, parents, slices }
    const sliceCount = past.sliceCount + this.#fresh.length - this.#old.length
    assertLaw(at + this.#old.length <= past.sliceCount, 'VIS-7', 'slices are replaced in a list that has but some of them')
    return { ...past, parents, slices, sliceCount }
  }

  #list(slices: Slice<Sealed>[]): { readonly slices: Slice<Sealed>[]; readonly at: number } {
    let made = this.#lists.get(slices)
    if (made !== undefined) return made
    const at = slices.indexOf(this.#old[0] as Slice<Sealed>)
    if (at < 0) made = { slices, at }
    else {
      const isWhole = this.#old.every((slice, index) => slices[at + index] === slice)
      assertLaw(isWhole, 'VIS-7', 'slices are replaced that do not stand side by side')
      made = { slices: [...slices.slice(0, at), ...this.#fresh, ...slices.slice(at + this.#old.length)], at }
    }
    this.#lists.set(slices, made)
    return made
  }
}
