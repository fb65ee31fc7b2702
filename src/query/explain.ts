/** EXPLAIN: the steps of a plan as lines, the last one to run first; with ANALYZE, what each of them did. */
import { pathText } from '../parser/expression-text.js'
import { type Select } from '../parser/ast.js'
import { type Batches } from './operators.js'
import { type SelectPlan } from './plan.js'
import { type QuerySource } from './query-source.js'
import { type SelectRun, type StepProbe } from './run-select.js'
import { type JoinPlan, type LeafPlan, type SourcePlan, type TableScan } from './source-plan.js'
import { joinStep, leafFilterStep, leafStep } from './source-rows.js'
import { type TableSource } from './table-source.js'

type Measured = { rows: number; ms: number }

/** Counts rows and time at each step. Time of a step holds that of the steps below it. */
export class PlanProbe {
  readonly #now: () => number
  readonly #steps = new Map<string, Measured>()

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  readonly probe: StepProbe = (step, batches) => {
    const measured = { rows: 0, ms: 0 }
    this.#steps.set(step, measured)
    return this.#measured(batches, measured)
  }

  of(step: string): Measured | undefined {
    return this.#steps.get(step)
  }

  *#measured(batches: Batches, measured: Measured): Batches {
    try {
      for (;;) {
        const began = this.#now()
        const next = batches.next()
        measured.ms += this.#now() - began
        if (next.done === true) return
        measured.rows += next.value.rowCount
        yield next.value
      }
    } finally {
      batches.return()
    }
  }
}

/** One line for each step; those below it are further in, the left side of a join above its right. */
export function explainLines(select: Select, { plan, tables }: SelectRun, source: QuerySource, probe: PlanProbe | undefined): string[] {
  const steps: [string, string][] = []
  if (select.limit !== null || select.offset !== null) {
    const parts = [
      select.limit === null ? '' : `limit ${valueText(select.limit)}`,
      select.offset === null ? '' : `offset ${valueText(select.offset)}`
    ]
    steps.push(['limit', parts.filter((part) => part !== '').join(' ')])
  }
  if (plan.sort.length > 0) steps.push(['sort', `sort by ${plan.sortTexts.join(', ')}`])
  if (plan.distinct) steps.push(['distinct', 'distinct'])
  if (plan.having !== undefined) steps.push(['having', `having ${plan.having.text}`])
  if (plan.group !== undefined && !plan.isCount) steps.push(['aggregate', aggregateText(plan)])
  if (plan.where !== undefined) steps.push(['filter', `filter ${plan.where.text}`])
  const line = (step: string, text: string, depth: number): string => {
    const measured = probe?.of(step)
    const did = measured === undefined ? '' : `  (${measured.rows} rows, ${measured.ms.toFixed(2)} ms)`
    return `${'  '.repeat(depth)}${text}${did}`
  }
  const lines = steps.map(([step, text], depth) => line(step, text, depth))
  const below = (from: SourcePlan, depth: number): string[] => {
    if (from.kind === 'join') {
      return [line(joinStep(from.right), joinText(from), depth), ...below(from.left, depth + 1), ...below(from.right, depth + 1)]
    }
    const filter = from.where === undefined ? [] : [line(leafFilterStep(from), `filter ${from.where.text}`, depth)]
    return [...filter, line(leafStep(from), leafText(from, tables[from.index]), depth + filter.length)]
  }
  if (plan.source !== undefined) return [...lines, ...below(plan.source, lines.length)]
  const text = plan.isCount ? `count of ${plan.table} at @seq:${source.seq}` : tableText(plan, source)
  return [...lines, line('scan', text, lines.length)]
}

function joinText({ side, keyTexts, condition, isByKey }: JoinPlan): string {
  const way = keyTexts.length === 0 ? 'nested loops' : 'hash join'
  const conditions = [...keyTexts, ...(condition === undefined ? [] : [condition.text])]
  return `${side === 'inner' || side === 'cross' ? '' : `${side} `}${way}${conditions.length === 0 ? '' : ` on ${conditions.join(' and ')}`}${isByKey ? ', by key for few rows' : ''}`
}

function leafText({ scan }: LeafPlan, table: TableSource | undefined): string {
  if (table === undefined) return ''
  if (table.rows === undefined) return tableText(scan, table.source)
  const text = table.text
  return `${text}${accessText(scan, table.primaryKey)}${scan.reverse ? ' backwards' : ''}`
}

/** Of what is no plain scan: by which keys. */
function accessText({ access }: TableScan, key: string): string {
  if (access.kind === 'all') return ''
  if (access.kind === 'keys') return `, by ${key} (${access.keys.length} ${access.keys.length === 1 ? 'key' : 'keys'})`
  return `, by ${key} range (${access.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
}

function aggregateText({ group }: SelectPlan): string {
  const keys = group?.texts.slice(0, group.keys.length) ?? []
  const values = group?.texts.slice(group.keys.length) ?? []
  return `aggregate${values.length === 0 ? '' : ` ${values.join(', ')}`}${keys.length === 0 ? '' : ` by ${keys.join(', ')}`}`
}

function tableText(plan: TableScan, source: QuerySource): string {
  const { table, access, reverse } = plan
  if (table === undefined) return 'one row'
  const key = source.primaryKey(table)
  const way =
    access.kind === 'keys'
      ? `get ${table} by ${key} (${access.keys.length} ${access.keys.length === 1 ? 'key' : 'keys'})`
      : access.kind === 'range'
        ? `scan ${table} by ${key} range (${access.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
        : `scan ${table}`
  const fields = plan.keysOnly ? ' keys only' : plan.hasStar ? '' : ` for ${plan.fields.map(pathText).join(', ')}`
  return `${way}${reverse ? ' backwards' : ''}${fields} at @seq:${source.seq}`
}

const SIDES = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function valueText(value: NonNullable<Select['limit']>): string {
  return value.kind === 'literal'
    ? JSON.stringify(value.value)
    : typeof value.reference === 'number'
      ? `$${value.reference}`
      : `:${value.reference}`
}
