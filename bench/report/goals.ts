/** The goals of scans beside DuckDB, reached or missed. */
import type { Cell, Results, Row } from '../run/results.js'
import { scanGoals } from '../suites/scans.js'
import { cellText, ratioText, timesBetter } from './cell-text.js'

const PEER = 'duckdb'
const own = [
  { name: 'driftdb', title: 'as ingested' },
  { name: 'driftdb-compacted', title: 'after COMPACT' }
]

/** A table for each suite of scans in the run; nothing without one, or without DuckDB. */
export function goalSections({ suites, rows, peers }: Results): readonly string[] {
  if (peers.find(({ name }) => name === PEER)?.missing !== undefined) return []
  return suites.flatMap(({ name, title }) => {
    const found = rows.flatMap((row): readonly (readonly [Row, number])[] => {
      const goal = row.suite === name && name.startsWith('scans-') && row.cells[PEER] !== undefined ? scanGoals.get(row.probe) : undefined
      return goal === undefined ? [] : [[row, goal]]
    })
    return found.length === 0 ? [] : section(title, found)
  })
}

function section(title: string, rows: readonly (readonly [Row, number])[]): readonly string[] {
  const names = own.filter(({ name }) => rows.some(([{ cells }]) => cells[name] !== undefined))
  const counts = names.map(({ name, title: state }) => {
    const reached = rows.filter(([row, goal]) => verdictOf(row, name, goal).isReached).length
    return `${reached} of ${rows.length} ${state}`
  })
  return [
    `## Goals beside DuckDB: ${title}`,
    '',
    `Times as quick as DuckDB with two threads, medians of the same run. Reached: ${counts.join(', ')}.`,
    '',
    `| what | goal | ${names.map((one) => `${one.title} | |`).join(' ')} DuckDB |`,
    `| --- | ---: |${names.map(() => ' ---: | --- |').join('')} ---: |`,
    ...rows.map(([row, goal]) => {
      const verdicts = names.map(({ name }) => verdictOf(row, name, goal).text)
      return `| ${row.title} | ${goal} × | ${verdicts.join(' | ')} | ${cellText(row.cells[PEER], row.unit)} |`
    }),
    ''
  ]
}

/** Two cells of the table: the ratio, and what it means. */
function verdictOf(row: Row, name: string, goal: number): { readonly isReached: boolean; readonly text: string } {
  const cell: Cell | undefined = row.cells[name]
  const ratio = timesBetter(row, cell, row.cells[PEER])
  if (ratio === undefined) return { isReached: false, text: `${cellText(cell, row.unit)} | not measured` }
  const isReached = ratio >= goal
  return { isReached, text: `${cellText(cell, row.unit)} · ${shortOf(ratio, goal)} | ${isReached ? 'reached' : '**missed**'}` }
}

/** What misses its goal by a little is not rounded up to it. */
function shortOf(ratio: number, goal: number): string {
  const text = ratioText(ratio)
  return ratio < goal && Number.parseFloat(text) >= goal ? `${(Math.floor(ratio * 1000) / 1000).toFixed(3)} ×` : text
}
