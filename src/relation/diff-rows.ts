/** The rows of DIFF(t, a, b): one for each key whose document differs between two points. */
import { type Document } from '../codec/value.js'
import { equals, TRUE } from '../codec/value-equality.js'
import { type Change, type TableColumn } from './query-source.js'

/** `key`: the type of the table's key. */
export function diffColumns(key: TableColumn['type']): TableColumn[] {
  return [
    { name: '_key', type: key, nullable: false },
    { name: '_change', type: 'text', nullable: false },
    { name: 'before', type: 'jsonb', nullable: true },
    { name: 'after', type: 'jsonb', nullable: true },
    { name: 'changed', type: 'jsonb', nullable: false },
    { name: '_seq', type: 'int8', nullable: false }
  ]
}

/** `isBackwards`: from a later point to an earlier one. */
export function* diffRows(changes: Iterable<Change | undefined>, isBackwards: boolean): Generator<Document | undefined, void> {
  for (const change of changes) yield change === undefined ? undefined : diffRow(change, isBackwards)
}

function diffRow({ key, before, after, seq }: Change, isBackwards: boolean): Document {
  return {
    _key: key,
    _change: before === undefined ? 'insert' : after === undefined ? 'delete' : 'update',
    before: before ?? null,
    after: after ?? null,
    changed: isBackwards ? changedNames(after, before) : changedNames(before, after),
    _seq: seq
  }
}

/**
 * Names of the top-level fields that only one of them has, or that have another value; null is a value. In the same order both ways: that
 * of the later document, then what it no longer has.
 */
export function changedNames(earlier: Document = {}, later: Document = {}): string[] {
  const names: string[] = []
  for (const name of Object.keys(later)) if (!Object.hasOwn(earlier, name) || !isSame(earlier[name], later[name])) names.push(name)
  for (const name of Object.keys(earlier)) if (!Object.hasOwn(later, name)) names.push(name)
  return names
}

function isSame(left: unknown, right: unknown): boolean {
  return left === null || right === null ? left === right : equals(left, right) === TRUE
}
