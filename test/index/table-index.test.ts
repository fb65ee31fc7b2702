import test from 'ava'
import fc from 'fast-check'
import type { IndexColumn } from '../../src/catalog/index-definition.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { keyBytes } from '../../src/codec/key-codec.js'
import { compareValues } from '../../src/codec/value-order.js'
import type { Document } from '../../src/codec/value.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { IndexKeys, startingWith } from '../../src/index/index-keys.js'
import { IndexReader } from '../../src/index/index-reader.js'
import { NodeMemory } from '../../src/index/node-memory.js'
import { TableIndex } from '../../src/index/table-index.js'
import { Arena } from '../../src/memory/arena.js'

const value = fc.oneof(
  fc.integer({ min: -2, max: 3 }),
  fc.constantFrom<unknown>('', 'a', 'b', 'a\0', null, true, false, 1.5, 2n ** 60n, [1], [1, null], { b: 1 }),
  fc.constantFrom(new Date(0), new Date(5), 'x'.repeat(300), `${'x'.repeat(300)}y`)
)
const document = fc.record(
  { a: value, b: value, c: fc.oneof(value, fc.record({ d: value, e: value }, { requiredKeys: [] })) },
  { requiredKeys: [] }
)
const column: fc.Arbitrary<IndexColumn> = fc.record({
  path: fc.constantFrom(['a'], ['b'], ['c'], ['c', 'd'], ['c', 'd', 'e']),
  isDescending: fc.boolean()
})
const step = fc.record({ row: fc.nat(20), kind: fc.constantFrom('insert', 'patch', 'patch', 'patch', 'delete'), document })

function valueAt(from: unknown, path: readonly string[]): unknown {
  let found = from
  for (const name of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found) || found instanceof Date) return null
    found = (found as { readonly [name: string]: unknown })[name] ?? null
  }
  return found ?? null
}

function compareNullsLast(one: unknown, other: unknown): number {
  if (one === null) return other === null ? 0 : 1
  return other === null ? -1 : compareValues(one, other)
}

test('the rows of an index stand in the order of its columns, then of their keys, at every seq', (t) => {
  fc.assert(
    fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), fc.array(step, { minLength: 20, maxLength: 200 }), (columns, steps) => {
      const arena = Arena.create({ bytes: 64 * 1024 * 1024 })
      const memory = NodeMemory.create(arena, 16 * 1024)
      const index = new TableIndex(memory, columns)
      const reader = new IndexReader(NodeMemory.attach(arena, memory.handle))
      const states: Map<number, Document>[] = [new Map()]
      let isCut = false
      for (const { row, kind, document: fields } of steps) {
        const rows = new Map(states[states.length - 1])
        const seq = states.length
        const before = rows.get(row)
        if (kind === 'insert' || before === undefined) {
          const whole = { id: row, ...fields }
          rows.set(row, whole as Document)
          index.take(event(EVENT_INSERT, seq, row, whole))
        } else if (kind === 'patch') {
          rows.set(row, { ...before, ...fields } as Document)
          index.take(event(EVENT_PATCH, seq, row, fields))
        } else {
          rows.delete(row)
          index.take(event(EVENT_SOFT_DELETE, seq, row, {}))
        }
        states.push(rows)
        isCut ||= memory.hasCut
      }
      for (const [S, rows] of states.entries()) {
        const found: number[] = []
        for (const { values, count } of reader.batches({}, S, false)) found.push(...values.subarray(0, count))
        t.deepEqual(
          found.toSorted((one, other) => one - other),
          [...rows.keys()].toSorted((one, other) => one - other)
        )
        for (let at = 1; at < found.length && !isCut; at++) {
          const [one, other] = [rows.get(found[at - 1] as number), rows.get(found[at] as number)]
          const order = columns
            .map(({ path, isDescending }) => compareNullsLast(valueAt(one, path), valueAt(other, path)) * (isDescending ? -1 : 1))
            .find((each) => each !== 0)
          t.true(order === undefined ? (found[at - 1] as number) < (found[at] as number) : order < 0)
        }
        // What begins with the values of a row is that row, and those that share them.
        const keys = new IndexKeys(columns)
        for (const row of rows.values()) {
          const prefix = keys.prefix(columns.map(({ path }) => valueAt(row, path))) as Uint8Array
          const same = new Set<number>()
          for (const { values, count } of reader.batches(startingWith(prefix), S, true)) {
            for (const ordinal of values.subarray(0, count)) same.add(ordinal)
          }
          for (const [ordinal, other] of rows) {
            const isSame = columns.every(({ path }) => compareNullsLast(valueAt(row, path), valueAt(other, path)) === 0)
            if (isSame || !keys.isCut) t.is(same.has(ordinal), isSame)
          }
        }
      }
    }),
    { numRuns: process.env['FULL'] === '1' ? 500 : 60 }
  )
})

function event(kind: number, seq: number, ordinal: number, fields: object) {
  const source = encodeDocument(fields, 'document').slice()
  const key = keyBytes(ordinal)
  return { event: kind, seq, ordinal, key, keyBytes: key.length, source, from: 0 }
}
