/** EXPLAIN: the steps of a plan, the last one to run on top; with ANALYZE, what each of them did. */
import { pathText } from '../parser/expression-text.js'
import { type Select } from '../parser/ast.js'
import { type ExplainNode } from './explain-node.js'
import { type IndexChoice } from './index-select.js'
import { type PlanProbe } from './plan-probe.js'
import { type SelectPlan } from './plan.js'
import { type QuerySource } from './query-source.js'
import { type SelectRun } from './run-select.js'
import { type JoinPlan, type LeafPlan, type SourcePlan, type TableScan } from './source-plan.js'
import { joinStep, leafFilterStep, leafStep } from './source-rows.js'
import { type TableSource } from './table-source.js'

/** The left side of a join stands above its right. */
export function explainTree(
  select: Select,
  { plan, tables, index }: SelectRun,
  source: QuerySource,
  probe: PlanProbe | undefined
): ExplainNode {
  const node = (step: string, text: string, inputs: readonly ExplainNode[]): ExplainNode => {
    return { step, text, measured: probe?.of(step), scan: undefined, inputs }
  }
  const steps: [string, string][] = []
  if (select.limit !== null || select.offset !== null) {
    const parts = [
      select.limit === null ? '' : `limit ${valueText(select.limit)}`,
      select.offset === null ? '' : `offset ${valueText(select.offset)}`
    ]
    steps.push(['limit', parts.filter((part) => part !== '').join(' ')])
  }
  const choice = index?.choice
  if (plan.sort.length > 0 && choice?.isOrdered !== true) steps.push(['sort', `sort by ${plan.sortTexts.join(', ')}`])
  if (plan.distinct) steps.push(['distinct', 'distinct'])
  if (plan.having !== undefined) steps.push(['having', `having ${plan.having.text}`])
  if (plan.group !== undefined && !plan.isCount) steps.push(['aggregate', aggregateText(plan)])
  if (plan.where !== undefined) steps.push(['filter', `filter ${plan.where.text}`])
  // Where a source counts, it counts for a table, whatever asks it.
  const scanOf = (step: string, text: string, table: string | undefined, of: QuerySource): ExplainNode => {
    const counters = probe === undefined || table === undefined ? undefined : of.scanCounters?.(table)
    return { ...node(step, text, []), scan: counters }
  }
  const below = (from: SourcePlan): ExplainNode => {
    if (from.kind === 'join') return node(joinStep(from.right), joinText(from), [below(from.left), below(from.right)])
    const table = tables[from.index]
    const rows = scanOf(leafStep(from), leafText(from, table), from.scan.table, table?.source ?? source)
    return from.where === undefined ? rows : node(leafFilterStep(from), `filter ${from.where.text}`, [rows])
  }
  const text = plan.isCount
    ? `count of ${plan.table} at @seq:${source.seq}`
    : choice === undefined
      ? tableText(plan, source)
      : indexText(plan, choice, source)
  const rows = plan.source === undefined ? scanOf('scan', text, plan.table, source) : below(plan.source)
  return steps.reduceRight((input, [step, what]) => node(step, what, [input]), rows)
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
        : plan.times?.kind === 'range'
          ? `scan ${table} by time range (${plan.times.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
          : `scan ${table}`
  const fields = plan.keysOnly ? ' keys only' : plan.hasStar ? '' : ` for ${plan.fields.map(pathText).join(', ')}`
  return `${way}${reverse ? ' backwards' : ''}${fields} at @seq:${source.seq}`
}

/** By which index, for what, how many rows it has for that, and what that costs beside a scan, in microseconds. */
function indexText({ table, reverse }: TableScan, choice: IndexChoice, source: QuerySource): string {
  const { index, text, rows, isOrdered, isReverse, cost, scanCost } = choice
  const order = isOrdered ? ` in its order${isReverse ? ' backwards' : ''}` : reverse ? ' backwards' : ''
  const what = text === '' ? '' : ` (${text})`
  const costs = `cost ${cost.toFixed(0)}, a scan ${scanCost.toFixed(0)}`
  return `lookup ${table} by ${index.definition.name}${what}${order} for ${rows} rows at @seq:${source.seq}, ${costs}`
}

const SIDES = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function valueText(value: NonNullable<Select['limit']>): string {
  return value.kind === 'literal'
    ? JSON.stringify(value.value)
    : typeof value.reference === 'number'
      ? `$${value.reference}`
      : `:${value.reference}`
}
