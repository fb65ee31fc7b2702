import { median } from '../run/statistics.js'
import type { Cell, Found, Row } from '../run/results.js'
import type { Unit } from '../run/trial.js'

/** `12.3 us (11.9 – 14.0)`, or why there is no number. */
export function cellText(cell: Cell | undefined, unit: Unit): string {
  if (cell === undefined) return ''
  switch (cell.kind) {
    case 'found': {
      const { values } = cell
      // A server's files shrink and grow by themselves.
      if (median(values) < 0) return 'less than when empty'
      const scale = scaleOf(median(values), unit)
      const text = (value: number) => amount(value / scale.by, unit)
      const spread = values.length > 1 ? ` (${text(Math.min(...values))} – ${text(Math.max(...values))})` : ''
      return `${text(median(values))}${scale.name}${spread}`
    }
    case 'not expressible':
      return `not expressible: ${cell.why}`
    case 'wrong answer':
      return '**wrong answer**'
    case 'failed':
      return '**failed**'
  }
}

/** How many times better the first is; undefined where one of the two has no number. */
export function timesBetter(row: Row, of: Cell | undefined, than: Cell | undefined): number | undefined {
  const [mine, other] = [foundMedian(of), foundMedian(than)]
  if (!row.comparable || mine === undefined || other === undefined || mine <= 0 || other <= 0) return undefined
  return row.better === 'lower' ? other / mine : mine / other
}

export function foundMedian(cell: Cell | undefined): number | undefined {
  return cell?.kind === 'found' ? median((cell satisfies Found).values) : undefined
}

/** `3.1 ×`, `0.42 ×`, `0.0021 ×`. */
export function ratioText(ratio: number): string {
  if (ratio < 1) return `${ratio.toPrecision(2)} ×`
  return `${ratio.toFixed(ratio >= 10 ? 0 : 1)} ×`
}

/** `12.3 µs`, `1.20 ms`. */
export function timeText(us: number): string {
  const { by, name } = scaleOf(us, 'us')
  return `${amount(us / by, 'us')}${name}`
}

function amount(value: number, unit: Unit): string {
  if (unit === '/s') return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A latency is printed in the unit that its size asks for. */
function scaleOf(value: number, unit: Unit): { readonly by: number; readonly name: string } {
  switch (unit) {
    case '/s':
      return { by: 1, name: '/s' }
    case 'bytes':
      return { by: 1, name: ' B' }
    case 'us':
      if (value >= 1_000_000) return { by: 1_000_000, name: ' s' }
      return value >= 1000 ? { by: 1000, name: ' ms' } : { by: 1, name: ' µs' }
    default:
      return { by: 1, name: ` ${unit}` }
  }
}
