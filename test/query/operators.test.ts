/** Batches and the operators over them. */
import test from 'ava'
import fc from 'fast-check'
import { type Document } from '../../src/codec/value.js'
import { BATCH_ROWS_MAX, batchesFromDocuments, fieldAt, type Batch } from '../../src/query/batch.js'
import { filter, limit, project } from '../../src/query/operators.js'

function rows(count: number): { document: Document }[] {
  return Array.from({ length: count }, (_, id) => ({ document: { id, half: id % 2 === 0 ? id / 2 : null } }))
}

const fields = { paths: [['id'], ['half']], documents: 'keep' as const }
const idsOf = (batches: Iterable<Batch>): unknown[] => [...batches].flatMap((batch) => [...(batch.columns[0]?.values ?? [])])

test('a batch has at most 1,024 rows and none is empty', (t) => {
  const sizes = (count: number): number[] => [...batchesFromDocuments(rows(count), fields)].map((batch) => batch.rowCount)
  t.deepEqual(sizes(0), [])
  t.deepEqual(sizes(BATCH_ROWS_MAX), [BATCH_ROWS_MAX])
  t.deepEqual(sizes(BATCH_ROWS_MAX + 1), [BATCH_ROWS_MAX, 1])
})

test('null and absent fields are null in a column, and its null bytes say so', (t) => {
  const documents = [{ a: 1 }, { a: null }, {}, { a: { b: 2 } }].map((document) => ({ document }))
  const [batch] = batchesFromDocuments(documents, { paths: [['a'], ['a', 'b']], documents: 'drop' })
  t.deepEqual(batch?.columns, [
    { name: 'a', values: [1, null, null, { b: 2 }], nulls: new Uint8Array([0, 1, 1, 0]) },
    { name: 'b', values: [null, null, null, 2], nulls: new Uint8Array([1, 1, 1, 0]) }
  ])
  t.false('documents' in (batch ?? {}))
})

test('a path goes through plain objects only, and only through their own fields', (t) => {
  t.is(fieldAt({ a: [1] }, ['a', 'length']), null)
  t.is(fieldAt({ a: 'text' }, ['a', 'length']), null)
  t.is(fieldAt({ a: new Uint8Array(3) }, ['a', 'byteLength']), null)
  t.is(fieldAt({ a: new Date(0) }, ['a', 'getTime']), null)
  t.is(fieldAt({}, ['constructor']), null)
  t.is(fieldAt({ 'a.b': 1, a: { b: 2 } }, ['a.b']), 1)
  t.is(fieldAt({ 'a.b': 1, a: { b: 2 } }, ['a', 'b']), 2)
})

test('filter keeps the rows for which all equalities are true, with their documents', (t) => {
  const found = [...filter(batchesFromDocuments(rows(3000), fields), [{ column: 1, to: { value: 1000 } }])]
  t.is(found.length, 1)
  t.is(found[0]?.rowCount, 1)
  t.deepEqual(found[0]?.documents, [{ id: 2000, half: 1000 }])
  t.deepEqual(idsOf(filter(batchesFromDocuments(rows(10), fields), [{ column: 0, to: { column: 1 } }])), [0])
  t.deepEqual(idsOf(filter(batchesFromDocuments(rows(10), fields), [{ column: 1, to: { value: null } }])), [])
})

test('filter with several equalities gives the same rows as looking at each', (t) => {
  const value = fc.constantFrom(null, 0, 1, 1n, '1', true)
  const document = fc.record({ a: value, b: value }, { requiredKeys: [] }) as fc.Arbitrary<Document>
  fc.assert(
    fc.property(fc.array(document, { maxLength: 20 }), value, value, (documents, a, b) => {
      const batches = batchesFromDocuments(
        documents.map((each) => ({ document: each })),
        { paths: [['a'], ['b']], documents: 'keep' }
      )
      const found = [
        ...filter(batches, [
          { column: 0, to: { value: a } },
          { column: 1, to: { value: b } }
        ])
      ].flatMap((batch) => batch.documents ?? [])
      const key = (field: unknown): string => (typeof field === 'bigint' ? `number ${field}` : `${typeof field} ${String(field)}`)
      const isSame = (left: unknown, right: unknown): boolean => (left ?? null) !== null && right !== null && key(left) === key(right)
      t.deepEqual(
        found,
        documents.filter((each) => isSame(each['a'], a) && isSame(each['b'], b))
      )
    })
  )
})

test('project takes columns in the asked order, twice if asked, and drops documents', (t) => {
  const [batch] = project(batchesFromDocuments(rows(1), fields), { columns: [1, 0, 1], documents: 'drop' })
  t.deepEqual(
    batch?.columns.map((column) => column.name),
    ['half', 'id', 'half']
  )
  t.is(batch?.documents, undefined)
})

test('limit gives that many rows at the edges of batches', (t) => {
  for (const count of [0, 1, 1023, 1024, 1025, 2048, 2999, 3000, 3001]) {
    const ids = idsOf(limit(batchesFromDocuments(rows(3000), fields), count))
    t.deepEqual(
      ids,
      Array.from({ length: Math.min(count, 3000) }, (_, id) => id)
    )
  }
})

test('limit pulls no batch after its last row, and lets go of what it pulled from', (t) => {
  let pulled = 0
  let closed = 0
  function* source(): Generator<{ document: Document }> {
    try {
      for (;;) yield { document: { id: pulled++ } }
    } finally {
      closed++
    }
  }
  t.is(idsOf(limit(filter(batchesFromDocuments(source(), fields), []), BATCH_ROWS_MAX)).length, BATCH_ROWS_MAX)
  t.is(pulled, BATCH_ROWS_MAX)
  t.is(closed, 1)
  t.deepEqual(idsOf(limit(batchesFromDocuments(source(), fields), 0)), [])
  t.is(pulled, BATCH_ROWS_MAX)
})
