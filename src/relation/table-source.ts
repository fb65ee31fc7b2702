/** What a name after FROM stands for in one execution: its points found, its columns known, its rows ready to be read. */
import { DriftError, unreachable } from '../base/errors.js'
import { type Document } from '../codec/value.js'
import { type From, type TableReference } from '../parser/ast.js'
import { diffColumns, diffRows } from './diff-rows.js'
import { type Parameters } from '../expression/parameters.js'
import { pointOf } from './point.js'
import { type FoundAccess, type FoundPoint, type KeyRange, type QuerySource, type TableColumn } from './query-source.js'
import { sweepColumns, sweepPoints, sweepRows, type SweepPoint } from './sweep-rows.js'
import { hiddenVersionColumns, versionColumns, versionRows } from './version-rows.js'
import { EVERYTHING, type VersionWindow, versionWindow } from './version-window.js'
import { type WantedFields } from './wanted-fields.js'

export type TableSource = {
  /** Its alias, or the table's name. */
  readonly name: string
  readonly table: string
  /** At the point that is read; of several the last. */
  readonly source: QuerySource
  /** The field in whose order rows come. */
  readonly primaryKey: string
  /** A column of times that never decrease in that order. */
  readonly timeColumn?: string | undefined
  readonly notices: readonly string[]
  /** What is read and at which points, for EXPLAIN. */
  readonly text: string
  /** Those of `*`. */
  columns(): readonly TableColumn[]
  /** Those that come only where they are named. */
  readonly hidden: readonly TableColumn[]
  /** Of either. */
  hasColumn(name: string): boolean
  /** Of a difference. */
  readonly between?: { readonly from: number; readonly to: number }
  /** Of versions, where there can be any. */
  readonly window?: VersionWindow | undefined
  /** Of a sweep, ascending. */
  readonly points?: readonly SweepPoint[]
  /** Undefined of a table at one point, which is scanned. A row that is undefined: nothing was found in a stretch of work. */
  readonly rows: ((access: FoundAccess, wanted: WantedFields) => Iterable<Document | undefined>) | undefined
}

type KindOf<Kind extends TableReference['kind']> = TableReference & { readonly kind: Kind }

/** The tables of a FROM, in its order. @throws DriftError UNKNOWN_TABLE, INVALID_ARGUMENT, LIMIT, SEQ_AHEAD. */
export function tableSources(from: From | null, source: QuerySource, parameters: Parameters): readonly TableSource[] {
  const sources: TableSource[] = []
  let rest = from
  for (; rest?.kind === 'join'; rest = rest.left) sources.push(tableSource(rest.right, source, parameters))
  if (rest !== null) sources.push(tableSource(rest, source, parameters))
  return sources.reverse()
}

function tableSource(reference: TableReference, source: QuerySource, parameters: Parameters): TableSource {
  if (reference.kind !== 'table' && source.timeColumn?.(reference.table) !== undefined) {
    const message = `${reference.table} has no versions: it is read at one point, and what it says of the time before never changes`
    throw new DriftError('NOT_SUPPORTED', message, { table: reference.table })
  }
  switch (reference.kind) {
    case 'table':
      return tableAtPoint(reference, source, parameters)
    case 'diff':
      return difference(reference, source, parameters)
    case 'versions':
      return versionsOfRange(reference, source, parameters)
    case 'each':
      return sweep(reference, source, parameters)
    default:
      return unreachable(reference)
  }
}

function tableAtPoint(reference: KindOf<'table'>, source: QuerySource, parameters: Parameters): TableSource {
  const { table, alias, asOf } = reference
  const { at, notices } = atOwnPoint(asOf, source, parameters)
  const primaryKey = at.primaryKey(table)
  const timeColumn = at.timeColumn?.(table)
  const columns = known(() => at.columns(table))
  return { name: alias ?? table, table, source: at, primaryKey, timeColumn, notices, text: table, ...columns, rows: undefined }
}

function difference(reference: KindOf<'diff'>, source: QuerySource, parameters: Parameters): TableSource {
  const { table, alias } = reference
  const found = [source.find(pointOf(reference.from, parameters)), source.find(pointOf(reference.to, parameters))] as const
  const [{ seq: from }, { seq: to }] = found
  const at = source.at(Math.max(from, to))
  const primaryKey = at.primaryKey(table)
  const columns = () => diffColumns(at.columns(table).find(({ name }) => name === primaryKey)?.type ?? 'text')
  return {
    name: alias ?? table,
    table,
    source: at,
    primaryKey: '_key',
    notices: noticesOf(found),
    text: `diff of ${table} from @seq:${from} to @seq:${to}`,
    ...known(columns),
    between: { from, to },
    *rows(access) {
      if (from === to) return
      for (const range of rangesOf(access)) yield* diffRows(at.changes(table, range, from, to), from > to)
    }
  }
}

function versionsOfRange(reference: KindOf<'versions'>, source: QuerySource, parameters: Parameters): TableSource {
  const { table, alias, range, asOf } = reference
  const { at, notices } = atOwnPoint(asOf, source, parameters)
  const window = range === null ? EVERYTHING : versionWindow(range, source, parameters)
  const bounds = window === EVERYTHING ? '' : window === undefined ? ' of no time' : ` from @seq:${window.after} to @seq:${window.through}`
  return {
    name: alias ?? table,
    table,
    source: at,
    primaryKey: at.primaryKey(table),
    notices: [...notices, ...noticesOf(window?.found ?? [])],
    text: `versions of ${table}${bounds}, read at @seq:${at.seq}`,
    ...known(() => versionColumns(at.columns(table)), hiddenVersionColumns),
    window,
    *rows(access, wanted) {
      if (window === undefined) return
      for (const keys of rangesOf(access)) yield* versionRows(at.versions(table, keys, window), wanted)
    }
  }
}

function sweep(reference: KindOf<'each'>, source: QuerySource, parameters: Parameters): TableSource {
  const { table, alias, step, range } = reference
  const ends = { from: pointOf(range.from, parameters), to: pointOf(range.to, parameters), includesEnd: range.includesEnd }
  const { points, notice } = sweepPoints(source, step, ends, parameters)
  const [after, through] = [points[0]?.seq ?? 0, points.at(-1)?.seq ?? 0]
  const at = source.at(through)
  const ofPoints = `${points.length} ${points.length === 1 ? 'point' : 'points'}`
  return {
    name: alias ?? table,
    table,
    source: at,
    primaryKey: at.primaryKey(table),
    notices: notice === undefined ? [] : [notice],
    text: `sweep of ${table} over ${ofPoints}${points.length === 0 ? '' : ` from @seq:${after} to @seq:${through}`}`,
    ...known(() => sweepColumns(at.columns(table), step)),
    points,
    *rows(access, wanted) {
      if (points.length === 0) return
      for (const keys of rangesOf(access)) yield* sweepRows(at.versions(table, keys, { after, through }), points, wanted)
    }
  }
}

function atOwnPoint(asOf: KindOf<'table'>['asOf'], source: QuerySource, parameters: Parameters) {
  if (asOf === null) return { at: source, notices: [] }
  const found = source.find(pointOf(asOf, parameters))
  return { at: found.source ?? source.at(found.seq), notices: noticesOf([found]) }
}

function noticesOf(found: readonly FoundPoint[]): string[] {
  return found.flatMap(({ notice }) => (notice === undefined ? [] : [notice]))
}

/** Columns are looked up when they are first asked for: many queries never do. */
function known(
  find: () => readonly TableColumn[],
  hidden: readonly TableColumn[] = []
): Pick<TableSource, 'columns' | 'hidden' | 'hasColumn'> {
  let columns: readonly TableColumn[] | undefined
  let names: Set<string> | undefined
  const found = () => (columns ??= find())
  return {
    columns: found,
    hidden,
    hasColumn: (name) => (names ??= new Set([...found(), ...hidden].map((column) => column.name))).has(name)
  }
}

function rangesOf(access: FoundAccess): readonly KeyRange[] {
  return access.kind === 'range' ? [access.range] : access.keys.map((key) => ({ gte: key, lte: key }))
}
