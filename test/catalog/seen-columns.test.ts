/** Which columns a table has at a point, and of which type. */
import test from 'ava'
import fc from 'fast-check'
import { limits } from '../../src/base/limits.js'
import { SeenColumns } from '../../src/catalog/seen-columns.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import type { Document, Value } from '../../src/codec/value.js'
import { naiveColumns } from './_naive-columns.js'

const CREATED = 3

function columnsOf(documents: readonly object[]): SeenColumns {
  const columns = new SeenColumns('id', CREATED)
  for (const [index, document] of documents.entries()) see(columns, document, CREATED + 1 + index)
  return columns
}

function see(columns: SeenColumns, document: object, seq: number): void {
  columns.seeDocument(encodeDocument(document, 'document').slice(), 0, seq)
}

/** `name type`, the key with a star. */
const shown = (columns: SeenColumns, seq: number) =>
  columns.at(seq).map(({ name, type, nullable }) => `${name} ${type}${nullable ? '' : '*'}`)

test('a table has no column before its creation, and then its key, a text until a key says otherwise', (t) => {
  const columns = columnsOf([{ id: 1 }, { id: 2.5 }, { id: 'x' }])
  t.deepEqual(shown(columns, 2), [])
  t.deepEqual(shown(columns, 3), ['id text*'])
  t.deepEqual(shown(columns, 4), ['id int8*'])
  t.deepEqual(shown(columns, 5), ['id float8*'])
  t.deepEqual(shown(columns, 6), ['id jsonb*'])
})

test('the key comes first, then names in order of first appearance: by seq, within a document by its order', (t) => {
  const columns = columnsOf([
    { b: 1, id: 1, a: 1 },
    { id: 2, c: 1, b: 1 },
    { d: 1, id: 3, a: 1 }
  ])
  t.deepEqual(
    columns.at(4).map(({ name }) => name),
    ['id', 'b', 'a']
  )
  t.deepEqual(
    columns.at(5).map(({ name }) => name),
    ['id', 'b', 'a', 'c']
  )
  t.deepEqual(
    columns.at(Infinity).map(({ name }) => name),
    ['id', 'b', 'a', 'c', 'd']
  )
})

test('each class of values has its type; nulls and absent fields change none', (t) => {
  const of = (...values: Value[]) => columnsOf(values.map((x) => ({ x }))).at(100)[1]?.type
  t.is(of(null), 'text')
  t.is(of('a', null), 'text')
  t.is(of(true), 'bool')
  t.is(of(1, null, -5_000_000_000), 'int8')
  t.is(of(2n ** 63n - 1n, 1), 'int8')
  t.is(of(0.5), 'float8')
  t.is(of(1, 0.5), 'float8')
  t.is(of(2 ** 53), 'float8')
  t.is(of(new Date(0)), 'timestamptz')
  t.is(of(new Uint8Array(2)), 'bytea')
  t.is(of([1]), 'jsonb')
  t.is(of({ a: 1 }), 'jsonb')
})

test('a mixture is jsonb: also integers past 2^53 with floats, which would be rounded, and integers past 2^63-1', (t) => {
  const of = (...values: Value[]) => columnsOf(values.map((x) => ({ x }))).at(100)[1]?.type
  t.is(of(1, 'a'), 'jsonb')
  t.is(of(true, 1), 'jsonb')
  t.is(of(new Date(0), 'a'), 'jsonb')
  t.is(of([1], null), 'jsonb')
  t.is(of(2n ** 53n, 0.5), 'jsonb')
  t.is(of(2n ** 63n), 'jsonb')
  t.is(of(1, 2n ** 64n - 1n), 'jsonb')
})

test('a point keeps its types, whatever comes later', (t) => {
  const columns = columnsOf([{ id: 1, x: 1 }])
  const before = columns.at(4)
  see(columns, { id: 2, x: 'text', y: 1 }, 5)
  t.deepEqual(columns.at(4), before)
  t.deepEqual(shown(columns, 5), ['id int8*', 'x jsonb', 'y int8'])
  t.is(columns.at(6), columns.at(5), 'an answer that did not change is the same array')
})

test('what is taken back leaves no column and no type, and comes again when it is seen again', (t) => {
  const columns = columnsOf([{ id: 1, x: 1 }])
  see(columns, { id: 2, x: 1 }, 5)
  see(columns, { id: 'two', x: 'text', y: 1 }, 6)
  see(columns, { id: 3, z: null }, 7)
  columns.takeBack(6)
  t.deepEqual(shown(columns, Infinity), ['id int8*', 'x int8'])
  t.is(columns.lastChange, 4)
  see(columns, { id: 3, z: null }, 6)
  see(columns, { id: 2, x: 'text', y: 1 }, 7)
  t.deepEqual(shown(columns, 6), ['id int8*', 'x int8', 'z text'])
  t.deepEqual(shown(columns, 7), ['id int8*', 'x jsonb', 'z text', 'y int8'])
})

test('a table lists columnsPerTableMax names, its key included, and says where it left one out', (t) => {
  const names = (from: number, to: number) => Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`c${from + n}`, 1]))
  const columns = new SeenColumns('id', CREATED)
  see(columns, { id: 1, ...names(1, 6000) }, 4)
  see(columns, { id: 1, ...names(5000, limits.columnsPerTableMax) }, 5)
  t.is(columns.at(5).length, limits.columnsPerTableMax)
  t.false(columns.hasUnlistedAt(5))
  see(columns, { id: 1, 'one more': 1 }, 6)
  t.is(columns.at(6).length, limits.columnsPerTableMax)
  t.false(columns.hasUnlistedAt(5))
  t.true(columns.hasUnlistedAt(6))
  // Known names still learn.
  see(columns, { id: 1, c1: 'text' }, 7)
  t.is(columns.at(7)[1]?.type, 'jsonb')
  const stored: unknown = JSON.parse(JSON.stringify(columns.stored(7)))
  const restored = new SeenColumns('id', CREATED)
  t.true(restored.restore(stored, 7))
  t.deepEqual(restored.at(7), columns.at(7))
  t.deepEqual([restored.hasUnlistedAt(5), restored.hasUnlistedAt(6)], [false, true])
  columns.takeBack(6)
  t.false(columns.hasUnlistedAt(Infinity))
})

const value = fc.constantFrom<Value>(
  null,
  true,
  1,
  5_000_000_000,
  2 ** 60,
  0.5,
  'a',
  2n ** 62n,
  2n ** 63n,
  new Date(5),
  new Uint8Array(1),
  [1],
  {}
)
const document: fc.Arbitrary<Document> = fc.dictionary(fc.constantFrom('id', 'a', 'b', 'c', 'd', 'e', 'f', '1', 'ü'), value, {
  maxKeys: 5,
  noNullPrototype: true
})

test('at every point the columns are those of a plain fold over all documents, also after they were stored and taken back', (t) => {
  fc.assert(
    fc.property(fc.array(document, { maxLength: 20 }), fc.nat(20), fc.nat(20), (documents, storedAt, takenBack) => {
      const events = documents.map((seen, index) => ({ seq: CREATED + 1 + index, document: seen }))
      const last = CREATED + documents.length + 1
      const columns = columnsOf(documents)
      const check = (found: SeenColumns, upTo: number) => {
        const counted = events.filter(({ seq }) => seq <= upTo)
        // In no order that an answer kept from before could hide behind.
        for (const seq of [last, 0, ...Array.from({ length: last }, (_, index) => (index * 7) % last)])
          t.deepEqual(found.at(seq), naiveColumns('id', CREATED, counted, seq))
      }
      check(columns, last)
      const through = CREATED + Math.min(storedAt, documents.length)
      const restored = new SeenColumns('id', CREATED)
      t.true(restored.restore(JSON.parse(JSON.stringify(columns.stored(through))), through))
      check(restored, through)
      for (const { seq, document: seen } of events) if (seq > through) see(restored, seen, seq)
      check(restored, last)
      t.deepEqual(restored.stored(last), columns.stored(last))
      const cut = CREATED + 1 + Math.min(takenBack, documents.length)
      columns.takeBack(cut)
      check(columns, cut - 1)
      for (const { seq, document: seen } of events) if (seq >= cut) see(columns, seen, seq)
      check(columns, last)
    }),
    { numRuns: 300 }
  )
})

test('what stored did not give is not taken, and changes nothing', (t) => {
  const good = {
    listed: [
      { name: 'id', seen: { int: 4 } },
      { name: 'x', seen: { text: 5 } }
    ]
  }
  t.true(new SeenColumns('id', CREATED).restore(good, 5))
  const [id, x] = good.listed
  for (const bad of [
    undefined,
    null,
    1,
    [],
    {},
    { listed: 1 },
    { listed: [] },
    { listed: [1] },
    { listed: [x, id] },
    { listed: [id, id] },
    { listed: [id, x, x] },
    { listed: [id, { name: 'x' }] },
    { listed: [id, { name: 'x', seen: {} }] },
    { listed: [id, { name: 1, seen: { text: 5 } }] },
    { listed: [id, { name: 'x', seen: { colour: 5 } }] },
    { listed: [id, { name: 'x', seen: { text: '5' } }] },
    { listed: [id, { name: 'x', seen: { text: 5.5 } }] },
    { listed: [id, { name: 'x', seen: { text: 6 } }] },
    { listed: [id, { name: 'x', seen: { text: CREATED } }] },
    { listed: [id, x, { name: 'y', seen: { text: 4 } }] },
    { ...good, unlistedSince: 6 },
    { ...good, unlistedSince: 'x' },
    { listed: [id, ...Array.from({ length: limits.columnsPerTableMax }, (_, n) => ({ name: `c${n}`, seen: { int: 5 } }))] }
  ]) {
    const columns = new SeenColumns('id', CREATED)
    t.false(columns.restore(bad, 5), JSON.stringify(bad)?.slice(0, 100))
    t.deepEqual(shown(columns, 5), ['id text*'])
  }
})
