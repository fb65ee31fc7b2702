/** The charts as SVG, by Vega-Lite: the same bytes for the same results. Log axes, both labelled, each peer a line, the limit a dashed one. */
import type { Results, Row } from '../run/results.js'
import { hasPackage, peerPackage } from '../drivers/peer-package.js'
import { foundMedian } from './cell-text.js'

export type Chart = { readonly file: string; readonly title: string; readonly svg: string }

type Point = { readonly x: number; readonly y: number; readonly series: string }
type Drawing = {
  readonly file: string
  readonly title: string
  readonly x: string
  readonly y: string
  readonly points: readonly Point[]
  readonly limit?: string
}
type Vega = {
  readonly parse: (spec: unknown) => unknown
  readonly View: new (runtime: unknown, options: { readonly renderer: string }) => { readonly toSVG: () => Promise<string> }
}
type VegaLite = { readonly compile: (spec: unknown) => { readonly spec: unknown } }

/** Without the packages that `make bench` installs there are none. */
export async function charts(results: Results): Promise<readonly Chart[]> {
  if (!hasPackage('vega') || !hasPackage('vega-lite')) return []
  const [vega, { compile }] = [await peerPackage<Vega>('vega'), await peerPackage<VegaLite>('vega-lite')]
  const drawings = [growthDrawing(results), ...depthDrawings(results), concurrencyDrawing(results)].filter(
    ({ points }) => points.length > 1
  )
  const peers = results.peers.map((peer) => peer.title)
  return Promise.all(
    drawings.map(async (drawing) => {
      const view = new vega.View(vega.parse(compile(specOf(drawing, peers)).spec), { renderer: 'none' })
      return { file: drawing.file, title: drawing.title, svg: `${await view.toSVG()}\n` }
    })
  )
}

/** All questions of the history tax in one, of DriftDB alone: a line that rises is a question that history makes slower. */
function growthDrawing(results: Results): Drawing {
  const tax = results.rows.filter(({ suite, unit, cells }) => suite.startsWith('tax-') && unit === 'us' && cells['driftdb'] !== undefined)
  const points = tax.flatMap((row) => {
    const us = foundMedian(row.cells['driftdb'])
    const least = tax.filter(({ probe }) => probe === row.probe).toSorted((a, b) => depthOf(a) - depthOf(b))[0]
    const fewest = foundMedian(least?.cells['driftdb'])
    return us === undefined || fewest === undefined ? [] : [{ x: depthOf(row), y: us / fewest, series: row.title }]
  })
  return {
    file: 'tax.svg',
    title: 'History tax: DriftDB, all questions',
    x: 'versions of each row',
    y: 'times as long as with the fewest',
    points
  }
}

function depthOf({ suite }: Row): number {
  return Number(suite.slice('tax-'.length))
}

/** Latency by the depth of history: one chart for each question of the history tax. */
function depthDrawings(results: Results): readonly Drawing[] {
  const tax = results.rows.filter(({ suite, unit }) => suite.startsWith('tax-') && unit === 'us')
  return [...new Set(tax.map(({ probe }) => probe))].map((probe) => {
    const rows = tax.filter((row) => row.probe === probe)
    const limit =
      probe === 'patch' ? { name: 'limit: overwrite + fdatasync', us: results.machine.overwriteSyncUs } : scanLimit(results, probe)
    const limits = limit === undefined ? [] : rows.map((row) => ({ x: depthOf(row), y: limit.us, series: limit.name }))
    return {
      file: `tax-${probe}.svg`,
      title: `History tax: ${rows[0]?.title ?? probe}`,
      x: 'versions of each row',
      y: 'microseconds, median',
      points: [...rows.flatMap((row) => pointsOf(results, row, depthOf(row))), ...limits],
      ...(limit === undefined ? {} : { limit: limit.name })
    }
  })
}

/** What reading one column of 8 bytes of each live row takes. */
function scanLimit({ machine, suites }: Results, probe: string): { readonly name: string; readonly us: number } | undefined {
  const visible = suites.find(({ name }) => name.startsWith('tax-'))?.visible ?? 0
  if (!probe.startsWith('sum') || visible === 0) return undefined
  return { name: 'limit: memory bandwidth', us: ((visible * 8) / 2 ** 30 / machine.memoryReadGiBPerSecond) * 1e6 }
}

function concurrencyDrawing(results: Results): Drawing {
  const rows = results.rows.filter(({ suite, unit }) => suite === 'commits' && unit === '/s')
  const limit = 'limit of one commit a sync: overwrite + fdatasync'
  const callersOf = ({ probe }: Row) => Number(probe.slice('commits-'.length))
  return {
    file: 'commits.svg',
    title: 'Durable one-row commits',
    x: 'concurrent callers',
    y: 'commits a second',
    points: [
      ...rows.flatMap((row) => pointsOf(results, row, callersOf(row))),
      ...rows.map((row) => ({ x: callersOf(row), y: 1e6 / results.machine.overwriteSyncUs, series: limit }))
    ],
    limit
  }
}

function pointsOf({ peers }: Results, row: Row, x: number): readonly Point[] {
  return peers.flatMap(({ name, title }) => {
    const y = foundMedian(row.cells[name])
    return y === undefined ? [] : [{ x, y, series: title }]
  })
}

/** A peer has one colour in all charts: its place among the peers. */
const COLOURS = ['#d62728', '#ff9896', '#1f77b4', '#2ca02c', '#ff7f0e', '#9467bd', '#8c564b']
const LIMIT_COLOUR = '#7f7f7f'

function specOf({ title, x, y, points, limit }: Drawing, peers: readonly string[]): unknown {
  const series = [...new Set(points.map((point) => point.series))]
  const values = [...new Set(points.map((point) => point.x))]
  const isOfPeers = series.some((name) => peers.includes(name))
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    width: 420,
    height: 280,
    background: 'white',
    padding: 20,
    data: { values: points },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x, scale: { type: 'log' }, axis: { values } },
      y: { field: 'y', type: 'quantitative', title: y, scale: { type: 'log' } },
      color: {
        field: 'series',
        type: 'nominal',
        title: null,
        sort: series,
        legend: { labelLimit: 400 },
        scale: isOfPeers
          ? { domain: series, range: series.map((name) => COLOURS[peers.indexOf(name)] ?? LIMIT_COLOUR) }
          : { scheme: 'tableau20' }
      },
      strokeDash: {
        field: 'series',
        type: 'nominal',
        title: null,
        sort: series,
        scale: { domain: series, range: series.map((name) => (name === limit ? [4, 4] : [1, 0])) }
      }
    }
  }
}
