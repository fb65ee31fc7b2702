import type { TableDefinition } from '../catalog/catalog.js'
import { SeenColumns } from '../catalog/seen-columns.js'
import { skipValue } from '../codec/key-codec.js'
import { EVENT_SOFT_DELETE, type Frame } from '../format/frame.js'
import type { Manifest, StoredColumn } from '../format/manifest.js'
import type { Findings } from './findings.js'

/** Columns that are complained about one by one. */
const COMPLAINTS_MAX = 10

/** Holds the columns that a table's manifest has against those that the events of its segments make. */
export class ColumnCheck {
  readonly #definition: TableDefinition
  readonly #columns: SeenColumns

  constructor(definition: TableDefinition) {
    this.#definition = definition
    this.#columns = new SeenColumns(definition.primaryKey, definition.createdSeq)
  }

  /** Takes the next event, which is whole and can be understood. */
  take({ event, payload, seq }: Frame): void {
    if (event !== EVENT_SOFT_DELETE) this.#columns.seeDocument(payload, skipValue(payload, 1), seq)
  }

  /** After the last event of the segments: `path` is the manifest's. */
  compare({ columns: stored, checkpointSeq }: Manifest, path: string, findings: Findings): void {
    const found = this.#columns.stored(checkpointSeq)
    if (stored === undefined) {
      if (this.#columns.lastChange > 0) findings.note(path, 0, 'it has no columns; the next opening for writing finds them in the segments')
      return
    }
    const { primaryKey, createdSeq } = this.#definition
    if (!new SeenColumns(primaryKey, createdSeq).restore(stored, checkpointSeq)) {
      findings.problem(path, 0, 'its columns cannot be understood; the next opening for writing finds them in the segments')
      return
    }
    let complaints = 0
    for (let index = 0; index < Math.max(found.listed.length, stored.listed.length) && complaints < COMPLAINTS_MAX; index++) {
      const fault = columnFault(stored.listed[index], found.listed[index])
      if (fault === undefined) continue
      findings.problem(path, 0, `column ${index + 1} ${fault}`)
      complaints++
    }
    if (found.unlistedSince !== stored.unlistedSince) {
      findings.problem(
        path,
        0,
        `columns are unlisted since ${text(stored.unlistedSince)}, by the segments since ${text(found.unlistedSince)}`
      )
    }
  }
}

function columnFault(stored: StoredColumn | undefined, found: StoredColumn | undefined): string | undefined {
  if (stored?.name !== found?.name) return `is ${text(stored?.name)}, by the segments ${text(found?.name)}`
  const classes = new Set([...Object.keys(stored?.seen ?? {}), ...Object.keys(found?.seen ?? {})]) as Set<keyof StoredColumn['seen']>
  for (const name of classes) {
    const before = stored?.seen[name]
    const after = found?.seen[name]
    if (before !== after) return `(${text(stored?.name)}) has its first ${name} at seq ${text(before)}, by the segments at ${text(after)}`
  }
  return undefined
}

function text(value: string | number | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(value)
}
