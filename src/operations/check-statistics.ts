import { DriftError } from '../base/errors.js'
import { decodeStatistics, STATISTICS_FILE } from '../format/statistics-file.js'
import { readWhole, type Io } from '../io/io.js'
import type { Findings } from './findings.js'

/** What is there otherwise. */
export type StatisticsOwner = {
  readonly tableId: number
  readonly databaseId: Uint8Array
  /** Of the database; undefined where that is not known for sure. */
  readonly lastSeq: number | undefined
  /** Of the table, deletes too. */
  readonly events: number
}

/** Holds the statistics of a table, if it has some, against what the table can have. Returns the bytes that it read. */
export function checkStatistics(io: Io, directory: string, owner: StatisticsOwner, findings: Findings): number {
  const path = `${directory}/${STATISTICS_FILE}`
  if (io.kind(`${path}.tmp`) === 'file') findings.note(`${path}.tmp`, 0, 'statistics that were not installed')
  if (io.kind(path) !== 'file') return 0
  let bytes: Uint8Array
  try {
    bytes = readWhole(io, path)
  } catch (error) {
    // A live writer replaced it.
    if (io.kind(path) === 'absent') return 0
    throw error
  }
  try {
    const { seq, events, rows, columns } = decodeStatistics(bytes, path, owner)
    if (owner.lastSeq !== undefined && seq > owner.lastSeq) {
      findings.note(path, 0, `statistics of seq ${seq}, but the last event is ${owner.lastSeq}; the next opening for writing removes them`)
    } else if (events > owner.events) findings.problem(path, 24, `statistics of ${events} events; the table has ${owner.events}`)
    else if (rows > events) findings.problem(path, 72, `statistics of ${rows} rows, made by ${events} events`)
    const over = columns.find(({ nulls, distinct }) => nulls + distinct > rows)
    if (over !== undefined)
      findings.problem(path, 72, `column ${over.path.join('.')} has more values and nulls than there are rows, ${rows}`)
  } catch (error) {
    const { message, code, details } = DriftError.from(error, path)
    findings.problem(path, typeof details['offset'] === 'number' ? details['offset'] : 0, message, code)
  }
  return bytes.length
}
