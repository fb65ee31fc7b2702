/** The columns as a plain fold over all events: slow, and as easy to believe as the sentence that defines them. */
import type { ColumnInfo, ColumnType, Document, Value } from '../../src/index.js'

/** A document or patch. */
export type SeenDocument = { readonly seq: number; readonly document: Document }

export function naiveColumns(primaryKey: string, createdSeq: number, events: readonly SeenDocument[], at: number): ColumnInfo[] {
  if (at < createdSeq) return []
  const kinds = new Map<string, Set<string>>([[primaryKey, new Set()]])
  for (const { seq, document } of events) {
    if (seq > at) break
    for (const [name, value] of Object.entries(document)) {
      if (value === undefined) continue
      const known = kinds.get(name) ?? new Set()
      kinds.set(name, known.add(kindOf(value)))
    }
  }
  return [...kinds].map(([name, seen]) => ({ name, type: typeOf(seen), nullable: name !== primaryKey }))
}

function kindOf(value: Value): string {
  if (value === null) return 'null'
  if (value instanceof Date) return 'timestamptz'
  if (value instanceof Uint8Array) return 'bytea'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'string':
      return 'text'
    case 'number':
      return Number.isSafeInteger(value) ? 'small integer' : 'float'
    case 'bigint':
      if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return 'small integer'
      return value < 2n ** 63n ? 'large integer' : 'huge integer'
    default:
      return 'jsonb'
  }
}

function typeOf(seen: ReadonlySet<string>): ColumnType {
  const kinds = [...seen].filter((kind) => kind !== 'null').sort()
  switch (kinds.join(' and ')) {
    case '':
      return 'text'
    case 'small integer':
    case 'large integer':
    case 'large integer and small integer':
      return 'int8'
    case 'float':
    case 'float and small integer':
      return 'float8'
    case 'bool':
    case 'text':
    case 'timestamptz':
    case 'bytea':
      return kinds[0] as ColumnType
    default:
      return 'jsonb'
  }
}
