/**
 * Which sealed pages COMPACT cuts anew. A page may be poor by itself and do no harm: while a table grows at its end, a scan of the past
 * meets one page of which it needs little and many of which it needs all. So what all rectangles touch too much is summed up over time,
 * and only pages that are poor where the sum is large are cut.
 */
import { type CutLimits, isPoor } from './cut-times.js'
import { type Slice } from './page-directory.js'
import { type SealedPage } from './page-handle.js'
import { type PageLife, ROWS_PER_VISIBLE } from './page-life.js'

export type Lives = ReadonlyMap<SealedPage, PageLife>

/** What an open rectangle touches too much from a seq on; less than nothing where it is better than it must be. */
export type OpenExcess = { readonly from: number; readonly excess: number }

export function openExcess(t0: number, rows: number, least: number): OpenExcess {
  // It answers for the seq in front of it too.
  return { from: t0 - 1, excess: rows - ROWS_PER_VISIBLE * least }
}

/** The slices that must be cut so that nowhere more than `budget` rows are touched beyond {@link ROWS_PER_VISIBLE} for each visible one. */
export function poorSlices(
  slices: readonly Slice<SealedPage>[],
  lives: Lives,
  open: readonly OpenExcess[],
  limits: CutLimits,
  budget: number
): ReadonlySet<Slice<SealedPage>> {
  const spans = spansOver(slices, lives, open, budget)
  const poor = new Set<Slice<SealedPage>>()
  for (const slice of slices) {
    const life = lifeOfSlice(slice, lives)
    if (isPoor(life, limits) && partsOf(slice, life).some(({ from, to, excess }) => excess > 0 && meets(spans, from, to))) poor.add(slice)
  }
  return poor
}

type Part = { readonly from: number; readonly to: number; readonly excess: number }

function partsOf({ t1 }: Slice<SealedPage>, { from, excess }: PageLife): Part[] {
  return Array.from(from, (begin, index) => ({ from: begin, to: from[index + 1] ?? t1, excess: excess[index] as number }))
}

export function lifeOfSlice({ page }: Slice<SealedPage>, lives: Lives): PageLife {
  return lives.get(page as SealedPage) as PageLife
}

type Span = { readonly from: number; readonly to: number }

/** Where the sum of all excesses is above the budget: ascending spans of seqs. */
function spansOver(slices: readonly Slice<SealedPage>[], lives: Lives, open: readonly OpenExcess[], budget: number): Span[] {
  const parts = slices.flatMap((slice) => partsOf(slice, lifeOfSlice(slice, lives)))
  const steps = [
    ...parts.flatMap(({ from, to, excess }) => [
      { seq: from, by: excess },
      { seq: to, by: -excess }
    ]),
    ...open.map(({ from, excess }) => ({ seq: from, by: excess }))
  ].sort((one, other) => one.seq - other.seq)
  const spans: Span[] = []
  let sum = 0
  let from: number | undefined
  for (let index = 0; index < steps.length;) {
    const { seq } = steps[index] as { seq: number }
    for (; steps[index]?.seq === seq; index++) sum += (steps[index] as { by: number }).by
    if (from === undefined && sum > budget) from = seq
    else if (from !== undefined && sum <= budget) {
      spans.push({ from, to: seq })
      from = undefined
    }
  }
  if (from !== undefined) spans.push({ from, to: Infinity })
  return spans
}

function meets(spans: readonly Span[], from: number, to: number): boolean {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle] as Span).to <= from) low = middle + 1
    else high = middle
  }
  return low < spans.length && (spans[low] as Span).from < to
}
