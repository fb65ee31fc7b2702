/** Random events of a table. */
import fc from 'fast-check'
import { type Document, type Value } from '../../src/codec/value.js'
import { change, key, type ModelTable } from './_model.js'

export type Step =
  | { readonly kind: 'insert'; readonly key: Value; readonly document: Document; readonly at: number }
  | { readonly kind: 'patch'; readonly pick: number; readonly change: Document; readonly keyToo: boolean }
  | { readonly kind: 'delete'; readonly pick: number }

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert' as const), key, document: change, at: fc.nat(8) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('patch' as const), pick: fc.nat(1000), change, keyToo: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), pick: fc.nat(1000) }) }
)

export function runStep(model: ModelTable, each: Step): void {
  if (each.kind === 'insert') {
    // The key stands anywhere among the fields.
    const entries = Object.entries(each.document)
    entries.splice(Math.min(each.at, entries.length), 0, ['id', each.key])
    model.insert(Object.fromEntries(entries))
    return
  }
  const alive = model.rows.filter((row) => model.documentOf(row) !== undefined)
  const row = alive[each.pick % Math.max(1, alive.length)]
  if (row === undefined) return
  if (each.kind === 'delete') model.delete(row)
  else model.patch(row, each.keyToo ? { ...each.change, id: model.documentOf(row)?.['id'] ?? null } : each.change)
}
