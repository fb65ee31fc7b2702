/** Groups at many points, in languages that have no word for it. */
import type { Question } from '../questions/question.js'
import type { TableShape } from '../workloads/workload.js'
import type { VersionTables } from './sql-questions.js'

type Series = Question & { kind: 'series' }

export function seriesText(question: Series, shape: TableShape, tables: VersionTables): string {
  if (question.differences === true) return differencesText(question, shape, tables)
  return tables.series === 'join' ? joinText(question, shape, tables) : statementsText(question, shape, tables)
}

function joinText({ by, column, points }: Series, shape: TableShape, { all }: VersionTables): string {
  const list = by.join(', ')
  return `WITH points(point) AS (VALUES ${points.map((point) => `(${point})`).join(', ')})
    SELECT point, ${list}, COUNT(*) AS count, SUM(${column}) AS sum FROM points JOIN ${all(shape, [...by, column])}
      ON valid_from <= point AND valid_to > point GROUP BY point, ${list}`
}

function statementsText({ by, column, points }: Series, shape: TableShape, { at }: VersionTables): string {
  const list = by.join(', ')
  const one = (point: number) =>
    `SELECT ${point} AS point, ${list}, COUNT(*) AS count, SUM(${column}) AS sum FROM ${at(shape, [...by, column], String(point))} GROUP BY ${list}`
  return points.map(one).join(' UNION ALL ')
}

/**
 * One pass: each version adds its row at the first point after it began, and takes it away at the first one after it ended; the running
 * sum over the points is the state at each. Right because COUNT and SUM can be taken away again; MIN or MAX could not be asked so.
 * @throws RangeError if the points are not evenly spaced
 */
function differencesText({ by, column, points }: Series, shape: TableShape, { all, division }: VersionTables): string {
  const [first = 0, second = first + 1] = points
  const step = second - first
  const last = first + step * (points.length - 1)
  if (points.some((point, index) => point !== first + index * step)) throw new RangeError('the points are not evenly spaced')
  const list = by.join(', ')
  const relation = all(shape, [...by, column])
  // The number of the first point that is not before it.
  const place = (bound: string) => `CASE WHEN ${bound} <= ${first} THEN 0 ELSE (${bound} - ${first} + ${step - 1}) ${division} ${step} END`
  const numbers = points.map((point, index) => `(${index}, ${point})`).join(', ')
  const groups = by.map((name) => `present.${name}`).join(', ')
  return `WITH points(place, point) AS (VALUES ${numbers}),
    moves AS (SELECT place, ${list}, SUM(rows_more) AS rows_more, SUM(more) AS more FROM (
      SELECT ${place('valid_from')} AS place, ${list}, 1 AS rows_more, ${column} AS more FROM ${relation}
        WHERE valid_from <= ${last} AND valid_to > ${first}
      UNION ALL SELECT ${place('valid_to')}, ${list}, -1, -${column} FROM ${relation} WHERE valid_to <= ${last} AND valid_to > ${first}
    ) AS bounds GROUP BY place, ${list}),
    present AS (SELECT DISTINCT ${list} FROM moves)
    SELECT * FROM (SELECT point, ${groups},
        SUM(rows_more) OVER (PARTITION BY ${groups} ORDER BY point) AS count, SUM(more) OVER (PARTITION BY ${groups} ORDER BY point) AS sum
      FROM points CROSS JOIN present LEFT JOIN moves
        ON moves.place = points.place AND ${by.map((name) => `moves.${name} = present.${name}`).join(' AND ')}
    ) AS states WHERE count > 0`
}
