import { DriftError } from '../base/errors.js'
import { PLANS_TABLE_NAME } from '../base/ids.js'
import { formatJsonLines } from '../codec/json-codec.js'
import type { Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { CachedPlan, PlanCache } from '../planner/plan-cache.js'
import type { KeyRange, QuerySource, TableColumn } from '../relation/query-source.js'

const COLUMNS: readonly TableColumn[] = [
  { name: 'id', type: 'int8', nullable: false },
  { name: 'text', type: 'text', nullable: false },
  { name: 'dialect', type: 'text', nullable: false },
  { name: 'hits', type: 'int8', nullable: false },
  { name: 'uses', type: 'int8', nullable: false },
  { name: 'mean_us', type: 'float8', nullable: true },
  { name: 'last_us', type: 'float8', nullable: true },
  { name: 'access', type: 'text', nullable: true },
  { name: 'catalog_version', type: 'int8', nullable: false }
]

/**
 * The same source with the table `drift.plans`: a row for each text whose statements are kept, as it was when this source was first asked
 * for them. It is of this process and of now, so a source of a past point has none.
 */
export function withPlans(source: QuerySource, plans: PlanCache, isPresent: boolean): QuerySource {
  const isPlans = (table: string): boolean => table === PLANS_TABLE_NAME
  let known: readonly Document[] | undefined
  const all = (): readonly Document[] => (known ??= plans.list().map(documentOf))
  const rows = (range: KeyRange): readonly Document[] => {
    const found = all().filter((row) => isInside(row['id'] as number, range))
    return range.reverse === true ? found.toReversed() : found
  }
  return {
    ...source,
    pages: (table) => (isPlans(table) ? undefined : source.pages?.(table)),
    scanCounters: (table) => (isPlans(table) ? undefined : source.scanCounters?.(table)),
    hasOwn: (table) => !isPlans(table) && source.hasOwn?.(table) === true,
    primaryKey(table) {
      if (!isPlans(table)) return source.primaryKey(table)
      if (isPresent) return 'id'
      throw new DriftError('NOT_SUPPORTED', `${PLANS_TABLE_NAME} is of now: it has no past that could be read`, { table })
    },
    indexes: (table) => (isPlans(table) ? [] : (source.indexes?.(table) ?? [])),
    timeColumn: (table) => (isPlans(table) ? undefined : source.timeColumn?.(table)),
    columns: (table) => (isPlans(table) ? COLUMNS : source.columns(table)),
    count: (table) => (isPlans(table) ? all().length : source.count(table)),
    statistics: (table) => (isPlans(table) ? undefined : source.statistics?.(table)),
    get: (table, key) => (isPlans(table) ? all().find(({ id }) => id === key) : source.get(table, key)),
    scan: (table, range) => (isPlans(table) ? rows(range) : source.scan(table, range)),
    *jsonLines(table, range) {
      if (!isPlans(table)) return yield* source.jsonLines(table, range)
      const found = rows(range)
      if (found.length > 0) yield { bytes: Buffer.from(formatJsonLines(found)), rows: found.length }
    },
    *keys(table, range) {
      if (!isPlans(table)) return yield* source.keys(table, range)
      for (const { id } of rows(range)) yield id as Key
    }
  }
}

/** Bounds that are no numbers leave nothing out: the condition is asked of each row. */
function isInside(id: number, { gt, gte, lt, lte }: KeyRange): boolean {
  return !(isNumber(gt) && id <= gt) && !(isNumber(gte) && id < gte) && !(isNumber(lt) && id >= lt) && !(isNumber(lte) && id > lte)
}

function isNumber(bound: Key | undefined): bound is number | bigint {
  return typeof bound === 'number' || typeof bound === 'bigint'
}

function documentOf({ id, text, dialect, hits, uses, totalMs, lastMs, access, catalogSeq }: CachedPlan): Document {
  return {
    id,
    text,
    dialect,
    hits,
    uses,
    mean_us: uses === 0 ? null : microseconds(totalMs / uses),
    last_us: uses === 0 ? null : microseconds(lastMs),
    access: access ?? null,
    catalog_version: catalogSeq
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 10_000) / 10
}
