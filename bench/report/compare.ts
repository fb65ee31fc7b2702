/** Two runs side by side: what got slower, what got faster, and whether the spread of the tries could explain it. */
import type { Found, Results, Row } from '../run/results.js'
import { median, ratioInterval } from '../run/statistics.js'
import { cellText } from './cell-text.js'

export type Comparison = {
  readonly suite: string
  readonly title: string
  readonly peer: string
  readonly before: string
  readonly after: string
  /** Of the times (for a rate, its inverse): above 1 it takes longer than before; with what 95 % of resamples lie between. */
  readonly ratio: number
  readonly interval: readonly [low: number, high: number]
  readonly verdict: 'slower' | 'faster' | 'the same within the noise'
}

/** Less than this is called noise even where the tries agree. */
const TOLERANCE = 0.05

export function compared(before: Results, after: Results): readonly Comparison[] {
  return after.rows.flatMap((row) => {
    const old = before.rows.find(({ suite, probe }) => suite === row.suite && probe === row.probe)
    if (old === undefined || old.unit !== row.unit) return []
    return after.peers.flatMap(({ name, title }) => {
      const [was, is] = [old.cells[name], row.cells[name]]
      return was?.kind === 'found' && is?.kind === 'found' ? [comparison(row, title, was, is)] : []
    })
  })
}

function comparison(row: Row, peer: string, was: Found, is: Found): Comparison {
  const [from, to] = row.better === 'lower' ? [was.values, is.values] : [is.values, was.values]
  const interval = ratioInterval(from, to)
  const ratio = median(to) / median(from)
  const [low, high] = interval
  return {
    suite: row.suite,
    title: row.title,
    peer,
    before: cellText(was, row.unit),
    after: cellText(is, row.unit),
    ratio,
    interval,
    verdict: low > 1 + TOLERANCE ? 'slower' : high < 1 - TOLERANCE ? 'faster' : 'the same within the noise'
  }
}

/** The peers show what the machine did: where they moved too, it was not DriftDB. */
export function comparisonText(comparisons: readonly Comparison[]): string {
  const changed = comparisons.filter(({ verdict }) => verdict !== 'the same within the noise').toSorted((a, b) => b.ratio - a.ratio)
  const lines = changed.map(
    ({ suite, title, peer, before, after, ratio, interval: [low, high], verdict }) =>
      `| ${peer} | ${suite} | ${title} | ${before} | ${after} | ${ratio.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)}) | ${verdict} |`
  )
  const counted = `${comparisons.length} measured in both runs, ${comparisons.length - changed.length} the same within the noise.`
  if (lines.length === 0) return `${counted}\n`
  return `${['| peer | suite | what | before | after | times as long | |', '| --- | --- | --- | ---: | ---: | ---: | --- |', ...lines].join('\n')}\n\n${counted}\n`
}
