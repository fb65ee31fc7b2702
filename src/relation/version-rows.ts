/** The rows of FOR SYSTEM_TIME FROM … TO, BETWEEN and ALL: one for each version, its document's fields and when it was seen. */
import { type Document, type Value } from '../codec/value.js'
import { type TableColumn, type Version } from './query-source.js'
import { type WantedFields } from './wanted-fields.js'

/**
 * Behind the document's fields in `*`. A document's own field of such a name is in `_document` alone. `_from` and `_from_seq` are the end
 * of the commit that brought the version, which is the first point that sees it; `_seq` is its event's.
 */
const ADDED: readonly TableColumn[] = [
  { name: '_seq', type: 'int8', nullable: false },
  { name: '_from', type: 'timestamptz', nullable: false },
  { name: '_to', type: 'timestamptz', nullable: true },
  { name: '_from_seq', type: 'int8', nullable: false },
  { name: '_to_seq', type: 'int8', nullable: true },
  { name: '_event', type: 'text', nullable: false }
]
/** Only where they are named. */
const HIDDEN: readonly TableColumn[] = [
  { name: '_document', type: 'jsonb', nullable: false },
  { name: '_metadata', type: 'jsonb', nullable: true }
]

const addedNames = new Set(ADDED.map(({ name }) => name))
const hiddenNames = new Set(HIDDEN.map(({ name }) => name))

/** Not a field of the version's document. */
export function isOfVersion(name: string): boolean {
  return addedNames.has(name) || hiddenNames.has(name)
}

/** Those of `*`. */
export function versionColumns(columns: readonly TableColumn[]): TableColumn[] {
  return [...columns.filter(({ name }) => !addedNames.has(name)), ...ADDED]
}

export const hiddenVersionColumns = HIDDEN

export function* versionRows(versions: Iterable<Version | undefined>, wanted: WantedFields): Generator<Document | undefined, void> {
  const { all, names } = wanted
  const needsFields = all || [...names].some((name) => !isOfVersion(name))
  const needs = (name: string): boolean => all || names.has(name)
  const [needsSeq, needsFrom, needsTo, needsEvent] = [
    needs('_seq'),
    needs('_from') || needs('_from_seq'),
    needs('_to') || needs('_to_seq'),
    needs('_event')
  ]
  for (const version of versions) {
    if (version === undefined) {
      yield undefined
      continue
    }
    const row: { [field: string]: Value } = needsFields ? version.document : {}
    // They come behind the fields.
    if (needsFields) for (const name of addedNames) if (Object.hasOwn(row, name)) delete row[name]
    if (needsSeq) row['_seq'] = version.seq
    const from = needsFrom ? version.from : undefined
    const to = needsTo ? version.to : undefined
    if (needsFrom) row['_from'] = from === undefined ? null : new Date(from.time)
    if (needsTo) row['_to'] = to === undefined ? null : new Date(to.time)
    if (needsFrom) row['_from_seq'] = from?.seq ?? null
    if (needsTo) row['_to_seq'] = to?.seq ?? null
    if (needsEvent) row['_event'] = version.event
    if (names.has('_document')) row['_document'] = version.document
    if (names.has('_metadata')) row['_metadata'] = version.metadata
    yield row
  }
}
