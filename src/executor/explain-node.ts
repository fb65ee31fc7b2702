/** A step of a query as EXPLAIN shows it, and the steps that it reads from: as lines for people, as a value for programs. */
import { type Document, type Value } from '../codec/value.js'
import { type MeasuredStep } from './plan-probe.js'
import { type ScanCounters } from '../relation/scan-counters.js'
import { qError } from '../planner/selectivity.js'

export type ExplainNode = {
  /** `scan`, `filter`, `sort` … */
  readonly step: string
  readonly text: string
  /** Rows that were expected to leave it, where that is estimated: of a scan or filter of one table. */
  readonly estimatedRows?: number | undefined
  /** Only of a query that ran. */
  readonly measured: MeasuredStep | undefined
  readonly scan: ScanCounters | undefined
  readonly inputs: readonly ExplainNode[]
}

/** One line for each step, those that it reads from below it and further in. */
export function explainLines(node: ExplainNode, depth = 0): string[] {
  const figures = figuresOf(node)
  const line = `${'  '.repeat(depth)}${node.text}${figures.length === 0 ? '' : `  (${figures.join(', ')})`}`
  return [line, ...node.inputs.flatMap((input) => explainLines(input, depth + 1))]
}

/**
 * Times in ms: `totalMs` with the steps below, `selfMs` without. What was not measured, or not estimated, is not there. `qError`: the factor by
 * which `estimatedRows` is off.
 */
export function explainDocument(node: ExplainNode): Document {
  const { step, text, estimatedRows, measured, scan, inputs } = node
  const document: { [field: string]: Value } = { step, text }
  if (estimatedRows !== undefined) document['estimatedRows'] = estimatedRows
  if (measured !== undefined) {
    const { rows, ms, memoryBytes, spilledBytes, runs } = measured
    const below = inputs.reduce((sum, input) => sum + (input.measured?.ms ?? 0), 0)
    const rowsIn = rowsInto(node)
    if (rowsIn !== undefined) document['rowsIn'] = rowsIn
    Object.assign(document, { rowsOut: rows, totalMs: ms, selfMs: Math.max(0, ms - below), memoryBytes, spilledBytes, runs })
    const off = offOf(node)
    if (off !== undefined) document['qError'] = off
  }
  if (scan !== undefined) {
    const counted = Object.entries(scan).filter(([, value]) => value !== undefined)
    document['scan'] = Object.fromEntries(counted) as Document
  }
  return { ...document, inputs: inputs.map(explainDocument) }
}

/** The q-error; undefined where there is no estimate, or the step was asked for fewer rows than were expected. */
function offOf({ estimatedRows, measured }: ExplainNode): number | undefined {
  if (estimatedRows === undefined || measured === undefined) return undefined
  return measured.isPartial === true && measured.rows < estimatedRows ? undefined : qError(estimatedRows, measured.rows)
}

/** Undefined of a step that reads from no other. */
function rowsInto({ inputs }: ExplainNode): number | undefined {
  return inputs.length === 0 ? undefined : inputs.reduce((sum, { measured }) => sum + (measured?.rows ?? 0), 0)
}

function figuresOf(node: ExplainNode): string[] {
  const figures: string[] = []
  const { estimatedRows, measured, scan } = node
  if (measured === undefined) {
    if (estimatedRows !== undefined) figures.push(`about ${rowsText(estimatedRows)}`)
  } else {
    const rowsIn = rowsInto(node)
    figures.push(`${measured.rows}${rowsIn === undefined ? '' : ` of ${rowsIn}`} rows`)
    const off = offOf(node)
    if (estimatedRows !== undefined)
      figures.push(`about ${estimatedRows} expected${off === undefined ? '' : `, q-error ${off.toFixed(2)}`}`)
    figures.push(msText(measured.ms))
    if (measured.memoryBytes > 0) figures.push(`${bytesText(measured.memoryBytes)} memory`)
    if (measured.runs > 0) figures.push(`spilled ${bytesText(measured.spilledBytes)} in ${measured.runs} runs`)
  }
  if (scan?.pagesTouched !== undefined) figures.push(`${scan.pagesTouched} pages touched`)
  if (scan?.rowsTouched !== undefined) figures.push(`${scan.rowsTouched} rows touched`)
  if (scan?.rowsVisible !== undefined) figures.push(`${scan.rowsVisible} rows visible`)
  if (scan?.entriesTouched !== undefined) figures.push(`${scan.entriesTouched} entries touched`)
  if (scan?.waitForApplyMs !== undefined) figures.push(`${msText(scan.waitForApplyMs)} wait for apply`)
  for (const [index, { rows, ms }] of (scan?.workers ?? []).entries()) figures.push(`worker ${index + 1}: ${rows} rows in ${msText(ms)}`)
  return figures
}

function rowsText(rows: number): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'}`
}

function msText(ms: number): string {
  return `${ms.toFixed(2)} ms`
}

function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
