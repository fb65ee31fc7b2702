/** EXPLAIN: the steps of a plan, the last one to run on top; with ANALYZE, what each of them did. */
import { pathText } from '../parser/expression-text.js'
import { type Select } from '../parser/ast.js'
import { type ExplainNode } from './explain-node.js'
import { type PlanProbe } from './plan-probe.js'
import { type SelectPlan } from './plan.js'
import { type QuerySource } from './query-source.js'

export function explainTree(select: Select, plan: SelectPlan, source: QuerySource, probe: PlanProbe | undefined): ExplainNode {
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
  if (plan.sort.length > 0) steps.push(['sort', `sort by ${plan.sortTexts.join(', ')}`])
  if (plan.distinct) steps.push(['distinct', 'distinct'])
  if (plan.having !== undefined) steps.push(['having', `having ${plan.having.text}`])
  if (plan.group !== undefined && !plan.isCount) steps.push(['aggregate', aggregateText(plan)])
  if (plan.where !== undefined) steps.push(['filter', `filter ${plan.where.text}`])
  const counters = probe === undefined || plan.table === undefined ? undefined : source.scanCounters?.(plan.table)
  const scan: ExplainNode = { ...node('scan', scanText(plan, source), []), scan: counters }
  return steps.reduceRight((input, [step, text]) => node(step, text, [input]), scan)
}

function aggregateText({ group }: SelectPlan): string {
  const keys = group?.texts.slice(0, group.keys.length) ?? []
  const values = group?.texts.slice(group.keys.length) ?? []
  return `aggregate${values.length === 0 ? '' : ` ${values.join(', ')}`}${keys.length === 0 ? '' : ` by ${keys.join(', ')}`}`
}

function scanText(plan: SelectPlan, source: QuerySource): string {
  const { table, access, reverse } = plan
  if (table === undefined) return 'one row'
  if (plan.isCount) return `count of ${table} at @seq:${source.seq}`
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
