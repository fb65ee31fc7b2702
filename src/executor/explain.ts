/** EXPLAIN: the steps of a plan, the last one to run on top; with ANALYZE, what each of them did. */
import { pathText } from '../parser/expression-text.js'
import { type Select } from '../parser/ast.js'
import { isSystemTable } from '../base/ids.js'
import { estimatedSourceRows } from '../planner/estimate-join.js'
import { estimatedTable, filteredRows, scanRows } from '../planner/estimate-scan.js'
import { type Execution } from '../expression/evaluate.js'
import { type ExplainNode } from './explain-node.js'
import { type AccessChoice, type ConsideredWay, type IndexChoice, type IndexWay } from '../planner/index-choice.js'
import { type IndexSelect } from '../planner/index-select.js'
import { lookupCost, type JoinSelect } from '../planner/join-select.js'
import { type PlanProbe } from './plan-probe.js'
import { type SelectPlan } from '../planner/plan.js'
import { type QuerySource } from '../relation/query-source.js'
import { type SelectRun } from './run-select.js'
import { pushedCondition } from '../planner/scan-condition.js'
import { type EstimatedTable } from '../planner/selectivity.js'
import { type Condition, type JoinPlan, type LeafPlan, type SourcePlan, type TableScan } from '../planner/source-plan.js'
import { joinStep, leafFilterStep, leafStep } from './source-rows.js'
import { type TableSource } from '../relation/table-source.js'

/** The left side of a join stands above its right. Rows are estimated with the values of one execution. */
export function explainTree(
  select: Select,
  { plan, tables, index, leaves, joins }: SelectRun,
  source: QuerySource,
  probe: PlanProbe | undefined,
  execution: Execution
): ExplainNode {
  const node = (step: string, text: string, inputs: readonly ExplainNode[], estimated?: number): ExplainNode => {
    return { step, text, estimatedRows: estimated, measured: probe?.of(step), scan: undefined, inputs }
  }
  const steps: [step: string, text: string, estimated?: number | undefined][] = []
  if (select.limit !== null || select.offset !== null) {
    const parts = [
      select.limit === null ? '' : `limit ${valueText(select.limit)}`,
      select.offset === null ? '' : `offset ${valueText(select.offset)}`
    ]
    steps.push(['limit', parts.filter((part) => part !== '').join(' ')])
  }
  const choice = index?.choice
  if (plan.sort.length > 0 && choice?.way !== 'order') steps.push(['sort', `sort by ${plan.sortTexts.join(', ')}`])
  if (plan.distinct) steps.push(['distinct', 'distinct'])
  if (plan.having !== undefined) steps.push(['having', `having ${plan.having.text}`])
  if (plan.group !== undefined && !plan.isCount) steps.push(['aggregate', aggregateText(plan)])
  if (plan.restored.length > 0) steps.push(['restore', `order of ${tables.map(({ name }) => name).join(', ')}`])
  const scanned = plan.table === undefined || plan.source !== undefined ? undefined : estimatedTable(source, plan.table)
  // Pages give only the first rows of an order: how many there are is not seen.
  const isTop =
    probe !== undefined && plan.group === undefined && plan.sort.length > 0 && select.limit !== null && isByPages(source, plan.table)
  if (plan.where !== undefined) {
    const left = scanned === undefined || isTop ? undefined : filteredRows(plan.where, scanned, execution)
    steps.push(['filter', `filter ${plan.where.text}`, left])
  }
  // Where a source counts, it counts for a table, whatever asks it.
  const scanOf = (
    step: string,
    text: string,
    { table }: TableScan,
    of: QuerySource,
    estimated: number | undefined,
    select: IndexSelect | undefined
  ): ExplainNode => {
    if (probe === undefined || table === undefined) return node(step, text, [], estimated)
    const counters = of.scanCounters?.(table)
    const scan = select?.choice === undefined ? counters : { ...counters, entriesTouched: select.entriesTouched }
    return { ...node(step, text, [], estimated), scan }
  }
  // Pages that were asked for the condition gave the rows that it left; of a part of it nothing is said.
  const expected = (of: QuerySource, scan: TableScan, table: EstimatedTable, where: Condition | undefined): number | undefined => {
    if (where === undefined || probe === undefined || !isByPages(of, scan.table)) return scanRows(scan, table, execution)
    const { condition, isExact } = pushedCondition(where.expression, execution)
    if (condition === undefined) return scanRows(scan, table, execution)
    return isExact ? filteredRows(where, table, execution) : undefined
  }
  const joinNode = (from: JoinPlan): ExplainNode => {
    const select = joins.get(from.right.index)
    const leftRows = estimatedSourceRows(from.left, tables, execution)
    const estimated = isEstimated(from, tables) ? Math.max(1, Math.round(estimatedSourceRows(from, tables, execution))) : undefined
    const inputs = [below(from.left), below(from.right, isLookupJoin(select, leftRows))]
    return node(joinStep(from.right), joinText(from, select, leftRows), inputs, estimated)
  }
  const below = (from: SourcePlan, isLookedUp = false): ExplainNode => {
    if (from.kind === 'join') return joinNode(from)
    const table = tables[from.index]
    // Of differences, versions and sweeps nothing is known but what they are of.
    const of = table === undefined || table.rows !== undefined ? undefined : estimatedTable(table.source, table.table, table.name)
    const bare = of === undefined ? undefined : { ...of, name: undefined }
    const found = bare === undefined || table === undefined ? undefined : expected(table.source, from.scan, bare, from.own)
    const select = table?.rows === undefined ? leaves.get(from.index) : undefined
    const estimated = isLookedUp ? undefined : (select?.choice?.entries ?? found)
    // Rows that were looked up: as many as the join says.
    const way = isLookedUp ? `rows of ${from.scan.table}` : undefined
    const text =
      select === undefined || table === undefined ? leafText(from, table, way) : accessLine(from.scan, select.access, table.source, way)
    const rows = scanOf(leafStep(from), text, from.scan, table?.source ?? source, estimated, select)
    if (from.where === undefined) return rows
    const left = of === undefined ? undefined : filteredRows(from.where, of, execution)
    return node(leafFilterStep(from), `filter ${from.where.text}`, [rows], left)
  }
  const line = index === undefined ? tableText(plan, source) : accessLine(plan, index.access, source)
  const scanText = index?.isGivenUp === true ? `${line}, given up for a scan` : line
  const text = plan.isCount ? `count of ${plan.table} at @seq:${source.seq}` : scanText
  // What an index has was counted in it.
  const found =
    scanned === undefined || plan.isCount || plan.isKeyEnds === true || isTop
      ? undefined
      : (choice?.entries ?? expected(source, plan, scanned, plan.where))
  const rows = plan.source === undefined ? scanOf('scan', text, plan, source, found, index) : below(plan.source)
  return steps.reduceRight((input, [step, what, estimated]) => node(step, what, [input], estimated), rows)
}

/** Of differences, versions and sweeps nobody knows how many rows they have. */
function isEstimated(plan: SourcePlan, tables: readonly TableSource[]): boolean {
  if (plan.kind === 'leaf') return tables[plan.index]?.rows === undefined && !isSystemTable(plan.scan.table ?? '')
  return plan.keys.length > 0 && plan.side === 'inner' && isEstimated(plan.left, tables) && isEstimated(plan.right, tables)
}

/** A statement that ran looked into pages of the table. */
function isByPages(source: QuerySource, table: string | undefined): boolean {
  return table !== undefined && source.scanCounters?.(table)?.pagesTouched !== undefined
}

/**
 * How a query found its rows, in one line: the scans at the bottom of its tree, without their points and without what they read. Of an index
 * that it may choose only what it has chosen by now.
 */
export function accessText({ plan, tables, index, leaves }: SelectRun, source: QuerySource): string {
  if (plan.isCount) return `count of ${plan.table}`
  const made = index?.made
  if (made !== undefined) return lookupText(plan, made)
  const below = (from: SourcePlan): string[] => {
    if (from.kind === 'join') return [...below(from.left), ...below(from.right)]
    const table = tables[from.index]
    if (table === undefined) return []
    const chosen = leaves.get(from.index)?.made
    if (chosen !== undefined) return [lookupText(from.scan, chosen)]
    if (table.rows === undefined) return [wayText(from.scan, table.source)]
    return [`${table.text.split(' from @')[0]}${keysText(from.scan, table.primaryKey)}`]
  }
  return plan.source === undefined ? wayText(plan, source) : below(plan.source).join('; ')
}

function lookupText({ table }: TableScan, { way, text }: IndexChoice): string {
  return `${WAYS[way]} ${table} by ${text}`
}

function joinText({ side, keyTexts, condition }: JoinPlan, select: JoinSelect | undefined, leftRows: number): string {
  const conditions = [...keyTexts, ...(condition === undefined ? [] : [condition.text])]
  const [way, by] = keyTexts.length === 0 ? ['nested loops', ''] : joinWay(select, leftRows)
  return `${side === 'inner' || side === 'cross' ? '' : `${side} `}${way}${conditions.length === 0 ? '' : ` on ${conditions.join(' and ')}`}${by}`
}

function isLookupJoin(select: JoinSelect | undefined, leftRows: number): boolean {
  return select?.lookup !== undefined && (select.isForced || select.isLookupExpected(leftRows))
}

function joinWay(select: JoinSelect | undefined, leftRows: number): readonly [string, string] {
  const lookup = select?.lookup
  if (select === undefined || lookup === undefined) return ['hash join', '']
  const costs = `cost ${lookupCost(lookup, select.right, leftRows).toFixed(0)}, a hash ${select.hashCost(leftRows).toFixed(0)}`
  if (!isLookupJoin(select, leftRows)) return ['hash join', `, ${costs.replace('cost', 'lookups')}`]
  const after = select.isHashed && select.lookedUp > 0 ? `, by a hash after ${select.lookedUp} rows` : ''
  return ['lookup join', `, by ${lookup.kind === 'key' ? select.right.primaryKey : lookup.index.definition.name}, ${costs}${after}`]
}

function leafText({ scan }: LeafPlan, table: TableSource | undefined, way: string | undefined): string {
  if (table === undefined) return ''
  if (table.rows === undefined) return tableText(scan, table.source, way)
  const text = table.text
  return `${text}${keysText(scan, table.primaryKey)}${scan.reverse ? ' backwards' : ''}`
}

/** Of what is no plain scan: by which keys. */
function keysText({ access }: TableScan, key: string): string {
  if (access.kind === 'all') return ''
  if (access.kind === 'keys') return `, by ${key} (${access.keys.length} ${access.keys.length === 1 ? 'key' : 'keys'})`
  return `, by ${key} range (${access.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
}

function aggregateText({ group }: SelectPlan): string {
  const keys = group?.texts.slice(0, group.keys.length) ?? []
  const values = group?.texts.slice(group.keys.length) ?? []
  return `aggregate${values.length === 0 ? '' : ` ${values.join(', ')}`}${keys.length === 0 ? '' : ` by ${keys.join(', ')}`}`
}

/** `way`: how its rows are found, where that is not told by the scan. */
function tableText(plan: TableScan, source: QuerySource, way = wayText(plan, source)): string {
  if (plan.table === undefined) return way
  const fields = plan.keysOnly ? ' keys only' : plan.hasStar ? '' : ` for ${plan.fields.map(pathText).join(', ')}`
  return `${way}${plan.reverse ? ' backwards' : ''}${fields} at @seq:${source.seq}`
}

function wayText({ table, access, times, isKeyEnds }: TableScan, source: QuerySource): string {
  if (table === undefined) return 'one row'
  const key = source.primaryKey(table)
  if (isKeyEnds === true) return `first and last of ${table} by ${key}`
  switch (access.kind) {
    case 'keys':
      return `get ${table} by ${key} (${access.keys.length} ${access.keys.length === 1 ? 'key' : 'keys'})`
    case 'range':
      return `scan ${table} by ${key} range (${access.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
    case 'all':
      if (times?.kind !== 'range') return `scan ${table}`
      return `scan ${table} by time range (${times.bounds.map((bound) => SIDES[bound.side]).join(', ')})`
  }
}

/** By a scan or by which index, for what, and what that costs beside the other ways that were thought of, in microseconds. */
function accessLine(scan: TableScan, { index: choice, scanCost, considered }: AccessChoice, source: QuerySource, scanWay?: string): string {
  if (choice === undefined) {
    const others = considered.filter(({ index }) => index !== undefined).map(consideredText)
    return `${tableText(scan, source, scanWay)}${others.length === 0 ? '' : `, ${[`cost ${scanCost.toFixed(0)}`, ...new Set(others)].join(', ')}`}`
  }
  const { index, way, text, cost, isCovered } = choice
  const others = considered.filter((each) => each.index !== index || each.way !== way || each.cost !== cost).map(consideredText)
  const costs = [`cost ${cost.toFixed(0)}`, ...new Set(others)].join(', ')
  const from = isCovered ? ' from its entries' : ''
  return `${WAYS[way]} ${scan.table} by ${text}${orderText(choice, scan.reverse)}${from} at @seq:${source.seq}, ${costs}`
}

function consideredText({ index, way, cost, isAtLeast }: ConsideredWay): string {
  const how = way === 'order' ? ' in its order' : way === 'combined' ? ' with another' : ''
  const what = index === undefined ? 'a scan' : `${index.definition.name}${how}`
  return `${what} ${isAtLeast ? 'over ' : ''}${cost.toFixed(0)}`
}

const WAYS: Readonly<Record<IndexWay, string>> = {
  lookup: 'lookup',
  combined: 'lookup',
  order: 'lookup',
  count: 'count',
  extremes: 'least and greatest of'
}

function orderText({ way, order }: IndexChoice, reverse: boolean): string {
  if (way === 'order') return ` in its order${order === 'forward' ? '' : ' backwards'}`
  return way !== 'count' && way !== 'extremes' && reverse ? ' backwards' : ''
}

const SIDES = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function valueText(value: NonNullable<Select['limit']>): string {
  return value.kind === 'literal'
    ? JSON.stringify(value.value)
    : typeof value.reference === 'number'
      ? `$${value.reference}`
      : `:${value.reference}`
}
