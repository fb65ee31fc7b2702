/**
 * Questions as SQL over history tables, for the peers that have no past of their own. How the versions lie is the peer's: it says what a
 * table is at a point, now, and in all its versions; the rest of a statement is the same everywhere.
 */
import { bihStatement } from '../questions/bih-statements.js'
import type { Question } from '../questions/question.js'
import { shapeNamed, type TableShape, type Value } from '../workloads/workload.js'
import { seriesText } from './series-text.js'

export type SqlText = { readonly text: string; readonly parameters: readonly Value[] }

/** Adds a parameter, and is what stands for it in the text. */
export type Parameter = (value: Value) => string

/** How a peer keeps versions: in what tables. Each function is a relation to stand after FROM, with an alias of its own. */
export type VersionTables = {
  /** Its placeholders: the number of a parameter, from 1, as text. */
  readonly placeholder: (number: number) => string
  readonly at: (shape: TableShape, columns: readonly string[], point: string) => string
  readonly now: (shape: TableShape, columns: readonly string[]) => string
  readonly all: (shape: TableShape, columns: readonly string[]) => string
  /** One row by its key, where `now` and a condition are not the best way. */
  readonly get?: (shape: TableShape, key: string) => string
  /** The version of one key that was visible at a point. */
  readonly getAt: (shape: TableShape, key: string, point: string) => string
  /** Rows `key, existed, exists` of the keys with a change after `from`, up to `to`. */
  readonly changed: (shape: TableShape, from: string, to: string) => string
  /** Many points: as a join of versions with the points, or as a statement for each point, all in one; what is quicker there. */
  readonly series: 'join' | 'statements'
  /** The operator of a division that gives a whole number. */
  readonly division: '/' | '//' | 'DIV'
}

/** The end of a version that has not ended, where a number must stand. */
export const FOREVER = Number.MAX_SAFE_INTEGER

const CHANGE = "CASE WHEN existed = 0 THEN 'insert' WHEN present = 0 THEN 'delete' ELSE 'update' END"

export function columnsOf(shape: TableShape): readonly string[] {
  return shape.columns.map(({ name }) => name)
}

export function questionText(question: Question, shapes: readonly TableShape[], tables: VersionTables): SqlText {
  const parameters: Value[] = []
  const parameter: Parameter = (value) => tables.placeholder(parameters.push(value))
  return { text: textOf(question, shapes, tables, parameter), parameters }
}

function textOf(question: Question, shapes: readonly TableShape[], tables: VersionTables, parameter: Parameter): string {
  const shapeOf = (name: string) => shapeNamed(shapes, name)
  if (question.kind === 'statement') {
    return bihStatement(question).sql({
      at: (table, point) => tables.at(shapeOf(table), columnsOf(shapeOf(table)), parameter(point)),
      now: (table) => tables.now(shapeOf(table), columnsOf(shapeOf(table))),
      all: (table) => tables.all(shapeOf(table), columnsOf(shapeOf(table)))
    })
  }
  const shape = shapeOf(question.table)
  const all = columnsOf(shape)
  const from = (columns: readonly string[], at: number | undefined) =>
    at === undefined ? tables.now(shape, columns) : tables.at(shape, columns, parameter(at))
  switch (question.kind) {
    case 'get':
      if (question.at === undefined)
        return (
          tables.get?.(shape, parameter(question.key)) ??
          `SELECT ${all.join(', ')} FROM ${tables.now(shape, all)} WHERE ${shape.key} = ${parameter(question.key)}`
        )
      return tables.getAt(shape, parameter(question.key), parameter(question.at))
    case 'history':
      return historyText(question, shape, tables, parameter)
    case 'sum':
      return `SELECT COUNT(*) AS count, SUM(${question.column}) AS sum FROM ${from([question.column], question.at)}`
    case 'group': {
      const by = question.by.join(', ')
      return `SELECT ${by}, COUNT(*) AS count, SUM(${question.column}) AS sum FROM ${from([...question.by, question.column], question.at)} GROUP BY ${by}`
    }
    case 'series':
      return seriesText(question, shape, tables)
    case 'filter': {
      const relation = from(all, question.at)
      const least = question.from === undefined ? '' : `${question.column} >= ${parameter(question.from)} AND `
      return `SELECT ${all.join(', ')} FROM ${relation} WHERE ${least}${question.column} < ${parameter(question.below)}`
    }
    case 'lookup':
      return `SELECT ${all.join(', ')} FROM ${from(all, question.at)} WHERE ${question.column} = ${parameter(question.value)}`
    case 'top': {
      const rows = from([shape.key, question.column], question.at)
      const order = question.distinct === true ? `${question.column} DESC` : `${question.column} DESC, ${shape.key}`
      return `SELECT ${shape.key} AS "key", ${question.column} AS value FROM ${rows} ORDER BY ${order} LIMIT ${question.count}`
    }
    case 'changes':
      return `SELECT "key", ${CHANGE} AS "change" FROM ${tables.changed(shape, parameter(question.from), parameter(question.to))}`
    case 'change-counts': {
      const changed = tables.changed(shape, parameter(question.from), parameter(question.to))
      return `SELECT "change", COUNT(*) AS count FROM (SELECT ${CHANGE} AS "change" FROM ${changed}) AS kinds GROUP BY "change"`
    }
  }
}

function historyText(question: Question & { kind: 'history' }, shape: TableShape, tables: VersionTables, parameter: Parameter): string {
  const columns = columnsOf(shape)
  const conditions = [`${shape.key} = ${parameter(question.key)}`]
  if (question.from !== undefined) conditions.push(`valid_to > ${parameter(question.from)}`)
  if (question.to !== undefined) conditions.push(`valid_from <= ${parameter(question.to)}`)
  const order = question.last === undefined ? '' : `ORDER BY valid_from DESC LIMIT ${question.last}`
  return `SELECT ${columns.join(', ')}, valid_from, valid_to FROM ${tables.all(shape, columns)} WHERE ${conditions.join(' AND ')} ${order}`
}

/** What rows of a statement mean, as `Question` describes answers. */
export function answerOfRows(question: Question, rows: readonly { readonly [column: string]: unknown }[]): unknown {
  switch (question.kind) {
    case 'get':
    case 'sum':
      return rows[0]
    case 'history':
      return rows
        .toSorted((a, b) => Number(a['valid_from']) - Number(b['valid_from']))
        .map(({ valid_from: from, valid_to: to, ...document }) => [from, to === null || Number(to) >= FOREVER ? null : to, document])
    case 'changes':
      return rows.map(({ key, change }) => [key, change])
    default:
      return rows
  }
}
