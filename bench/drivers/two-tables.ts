/**
 * The usual way to keep history in a row store: a table of the present that is as quick as if there were no past, and a history table
 * that a version moves into when it ends, with the primary key (key, valid_from).
 */
import type { TableShape } from '../workloads/workload.js'
import { columnsOf, FOREVER, type VersionTables } from './sql-questions.js'

export function twoTables(placeholder: (number: number) => string): VersionTables {
  return {
    placeholder,
    series: 'join',
    division: '/',
    now: ({ name }) => name,
    at: ({ name }, columns, point) => `(
      SELECT ${columns.join(', ')} FROM ${name} WHERE valid_from <= ${point}
      UNION ALL SELECT ${columns.join(', ')} FROM ${name}_history WHERE valid_from <= ${point} AND valid_to > ${point}) AS ${name}_at`,
    all: ({ name }, columns) => `(
      SELECT ${columns.join(', ')}, valid_from, ${FOREVER} AS valid_to FROM ${name}
      UNION ALL SELECT ${columns.join(', ')}, valid_from, valid_to FROM ${name}_history) AS ${name}_all`,
    getAt: (shape, key, point) => {
      const columns = columnsOf(shape).join(', ')
      return `SELECT ${columns} FROM ${shape.name} WHERE ${shape.key} = ${key} AND valid_from <= ${point}
        UNION ALL SELECT * FROM (SELECT ${columns} FROM ${shape.name}_history WHERE ${shape.key} = ${key} AND valid_from <= ${point}
          AND valid_to > ${point} ORDER BY valid_from DESC LIMIT 1) AS past`
    },
    changed: ({ name, key }, from, to) => `(SELECT key, MAX(existed) AS existed, MAX(present) AS present FROM (
        SELECT ${key} AS key, 0 AS existed, 1 AS present FROM ${name} WHERE valid_from > ${from} AND valid_from <= ${to}
        UNION ALL SELECT ${key}, CASE WHEN valid_from <= ${from} THEN 1 ELSE 0 END, 0 FROM ${name}_history
          WHERE valid_to > ${from} AND valid_to <= ${to}
        UNION ALL SELECT ${key}, 0, 1 FROM ${name}_history WHERE valid_from > ${from} AND valid_from <= ${to} AND valid_to > ${to}
      ) AS touched GROUP BY key) AS changed WHERE existed + present > 0`
  }
}

/** What the questions of a workload want: each index on the present and on the history. */
export function columnIndexStatements({ name, indexes }: TableShape): string[] {
  return indexes.flatMap((column) => [
    `CREATE INDEX ${name}_${column} ON ${name} (${column})`,
    `CREATE INDEX ${name}_history_${column} ON ${name}_history (${column}, valid_from, valid_to)`
  ])
}

/** Made after the load: these, and the window of changes. */
export function indexStatements(shape: TableShape): string[] {
  const { name } = shape
  return [
    ...columnIndexStatements(shape),
    `CREATE INDEX ${name}_from ON ${name} (valid_from)`,
    `CREATE INDEX ${name}_history_from ON ${name}_history (valid_from)`,
    `CREATE INDEX ${name}_history_to ON ${name}_history (valid_to)`
  ]
}
