/** What documents may hold comes back as it was, however columns, dictionaries and shapes turn out. */
import test from 'ava'
import { type DriftError } from '../../src/base/errors.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { type Document, type Value } from '../../src/codec/value.js'
import { EVENT_INSERT } from '../../src/format/frame.js'
import { type PageEvent } from '../../src/page/page-event.js'
import * as layout from '../../src/page/page-layout.js'
import { bytesOf, cellOf, ModelTable, smallArena } from './_model.js'
import { numbers } from './_workload.js'

function checkEnds(t: Parameters<ModelTable['check']>[0], model: ModelTable, fields?: readonly string[]): void {
  model.checkPages(t, 'any-share')
  model.checkHistories(t)
  for (const part of [0, 0.25, 0.5, 0.75, 1]) model.check(t, Math.floor(model.seq * part), fields)
}

test('FMT-8: a field of more than 4,096 texts goes on behind its dictionary, also inside of a chunk', (t) => {
  const model = new ModelTable({ arena: smallArena(2 * 1024 * 1024), pageRows: 2048 })
  for (let row = 0; row < 5000; row++) {
    model.insert({ id: row, a: row % 10 === 0 ? 'again' : `text ${row}`, b: 'é'.repeat(row % 70) })
    if (row % 3 === 0) model.patch(model.rowOf(row >> 1), { a: `new ${row}` })
  }
  const { directory } = model.pages
  const kinds = new Set(
    directory.ranges.flatMap(({ base, chunks }) => [...(base ? [base] : []), ...chunks]).map((page) => page.columnNamed('a')?.encoding)
  )
  t.true(kinds.has(layout.ENCODED_I32))
  model.checkPages(t)
  for (const S of [100, 4000, model.seq]) {
    const found = [...model.reader.scanAt(S, { fields: ['a'] })].flatMap(({ columns }) => [...(columns[0]?.values ?? [])])
    t.deepEqual(
      found,
      model.visibleAt(S).map(({ document }) => document['a'])
    )
  }
})

test('codes of a dictionary take a byte, two where there are more than 256', (t) => {
  const encodings = [40, 2000].map((texts) => {
    const model = new ModelTable({ pageRows: 4096, arena: smallArena(2 * 1024 * 1024) })
    for (let row = 0; row < 3000; row++) model.insert({ id: (row * 7919) % 3000, a: `t${row % texts}` })
    model.delete(model.rowOf(5))
    for (let row = 10; row < 2990; row++) model.patch(model.rowOf(row), { b: 1 })
    const base = model.pages.directory.ranges.find((range) => range.base !== undefined)?.base
    return base?.columnNamed('a')?.encoding
  })
  t.deepEqual(encodings, [layout.ENCODED_U8, layout.ENCODED_U16])
})

test('numbers stand as 32-bit integers where all fit, as float64s else, and the column says whether all are integers', (t) => {
  const columnOf = (values: readonly number[]) => {
    const model = new ModelTable({ pageRows: 16 })
    values.forEach((value, id) => model.insert({ id, a: value }))
    for (let round = 0; round < 40; round++) model.patch(model.rowOf(round % values.length), { b: round })
    model.checkPages(t)
    const column = model.pages.directory.ranges.find(({ base }) => base !== undefined)?.base?.columnNamed('a')
    return column === undefined
      ? undefined
      : { encoding: column.encoding, flags: column.flags & layout.ALL_INTEGERS, min: column.min, max: column.max }
  }
  t.deepEqual(columnOf([1, -2, 2 ** 31 - 1]), { encoding: layout.ENCODED_I32, flags: 1, min: -2, max: 2 ** 31 - 1 })
  t.deepEqual(columnOf([1, 2 ** 31, 5]), { encoding: layout.ENCODED_F64, flags: 1, min: 1, max: 2 ** 31 })
  t.deepEqual(columnOf([1, 0.5, 5]), { encoding: layout.ENCODED_F64, flags: 0, min: 0.5, max: 5 })
})

test('FMT-8: fields come and go: a field that 1 of 16 rows has gets a column, a rarer one stands in the rest, 256 columns at most', (t) => {
  const model = new ModelTable({ arena: smallArena(2 * 1024 * 1024), pageRows: 64 })
  const random = numbers(3)
  for (let row = 0; row < 400; row++) {
    const document: Record<string, Value> = { id: row % 50, [`era${row >> 6}`]: row }
    for (let field = 0; field < 300; field++) document[`wide${field}`] = field
    if (random() < 0.02) document['seldom'] = `x${row}`
    if (random() < 0.5) document['often'] = row / 2
    model.insert(document)
  }
  const bases = model.pages.directory.ranges.flatMap(({ base }) => (base === undefined ? [] : [base]))
  t.true(bases.length > 0)
  for (const base of bases) {
    t.is(base.columns.length, layout.COLUMNS_MAX)
    t.is(base.columnNamed('seldom'), undefined)
  }
  checkEnds(t, model, ['id', 'often', 'seldom', 'era0', 'era5', 'wide299', 'nothing'])
})

test('a field changes its class: the column follows at the next merge', (t) => {
  const model = new ModelTable({ pageRows: 16 })
  for (let id = 0; id < 6; id++) model.insert({ id, a: id })
  const classes: (number | undefined)[] = []
  const values: readonly Value[] = [7, 'text', true, new Date(5), [1], null, 2n ** 60n]
  for (const value of values) {
    for (let round = 0; round < 60; round++) model.patch(model.rowOf(round % 6), { a: value })
    classes.push(model.pages.directory.ranges[0]?.base?.columnNamed('a')?.valueClass)
  }
  t.deepEqual(classes.slice(0, 4), [layout.CLASS_NUMBER, layout.CLASS_TEXT, layout.CLASS_BOOLEAN, layout.CLASS_TIME])
  checkEnds(t, model)
})

test('a value of more than 4 KiB stays in its frame, through patches and merges; without a frame it is copied', (t) => {
  for (const frames of ['keep', 'none'] as const) {
    const model = new ModelTable({ arena: smallArena(2 * 1024 * 1024), pageRows: 16, frames })
    const large: readonly Value[] = [
      'x'.repeat(4094),
      'x'.repeat(5000),
      'é'.repeat(3000),
      new Uint8Array(6000),
      Array.from({ length: 3000 }, () => 7)
    ]
    large.forEach((a, id) => model.insert({ id, a, b: 1 }))
    for (let round = 0; round < 60; round++)
      model.patch(model.rowOf(round % 5), round % 7 === 0 ? { a: large[round % 5] ?? null } : { b: round })
    checkEnds(t, model)
    const bytes = model.pages.directory.ranges.reduce((sum, { base }) => sum + (base?.heapEnd ?? 0), 0)
    t.is(bytes < 20_000, frames === 'keep')
  }
})

test('a document of 16 MiB takes no more room than its small fields', (t) => {
  const model = new ModelTable({ pageRows: 16 })
  model.insert({ id: 1, text: 'x'.repeat(16 * 1024 * 1024 - 200), small: 2 })
  model.patch(model.rowOf(1), { small: 3 })
  model.check(t, 2, ['small'])
  t.true(model.pages.arena.claimedBytes < 256 * 1024)
})

test('names without end: what is kept about fields is begun anew, and all stays as it was', (t) => {
  const model = new ModelTable({ pageRows: 64 })
  for (let row = 0; row < 3000; row++) {
    const document: Record<string, Value> = { id: row % 40 }
    for (let field = 0; field < 25; field++) document[`name ${row} ${field}`] = field
    model.insert(document)
    if (row % 5 === 0) model.patch(model.rowOf(row % 40), { [`patched ${row}`]: 'x' })
  }
  model.checkPages(t, 'any-share')
  for (const S of [1, 1000, 2700, model.seq]) model.check(t, S, ['id'])
})

test('FMT-8: the fields of a document keep their order, also where a patch adds some', (t) => {
  const model = new ModelTable({ pageRows: 4 })
  model.insert({ z: 1, id: 'k', a: null })
  for (let round = 0; round < 9; round++) model.patch(model.rowOf('k'), { [`f${round % 4}`]: round, a: round })
  t.deepEqual(Object.keys(model.reader.versionAt(0, model.seq) ?? {}), ['z', 'id', 'a', 'f0', 'f1', 'f2', 'f3'])
  checkEnds(t, model)
})

test('a key that could be written in two ways comes back in the way in which it was written', (t) => {
  const model = new ModelTable({ pageRows: 4 })
  for (const id of [2 ** 60, 2n ** 60n, 2n ** 60n + 1n, 1, '1', true]) {
    for (let round = 0; round < 3; round++) model.insert({ id, a: round })
  }
  checkEnds(t, model)
})

test('what cannot be taken is refused, and nothing of it is left', (t) => {
  const model = new ModelTable({ arena: smallArena(128 * 1024), pageRows: 16, frames: 'none' })
  const apply = (payload: Uint8Array, kind = EVENT_INSERT): string | undefined => {
    const key = model.rowOf('other').key
    const event: PageEvent = {
      event: kind,
      seq: model.seq + 1,
      ordinal: model.rowOf('other').ordinal,
      key,
      keyBytes: key.length,
      source: payload,
      from: 0,
      to: payload.length,
      frame: -1
    }
    try {
      model.pages.apply(event)
    } catch (error) {
      return (error as DriftError).code
    }
    return undefined
  }
  model.insert({ id: 'k', a: 'first', b: 2, c: true })
  const wide: Document = Object.fromEntries(Array.from({ length: 33_000 }, (_, index) => [`f${index}`, 0]))
  t.is(apply(encodeDocument(wide, 'document').slice()), 'DRIFT_NOT_SUPPORTED')
  t.is(apply(encodeDocument({ id: 'other', a: 'x'.repeat(100_000) }, 'document').slice()), 'DRIFT_LIMIT')
  // Cut short, with bytes behind it, no document, a field twice.
  const whole = encodeDocument({ id: 'other', a: null, c: null }, 'document').slice()
  t.is(apply(whole.subarray(0, 6)), 'DRIFT_CORRUPT')
  t.is(apply(Uint8Array.of(...whole, 0)), 'DRIFT_CORRUPT')
  t.is(apply(Uint8Array.of(0x93, 1, 2, 3)), 'DRIFT_CORRUPT')
  t.is(apply(Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2)), 'DRIFT_CORRUPT')
  t.is(apply(whole, 16), 'DRIFT_INVARIANT')
  t.is(apply(whole, 2), 'DRIFT_INVARIANT')
  model.insert({ id: 'other' })
  model.insert({ a: 1, id: 'third' })
  checkEnds(t, model)
  t.is(model.pages.appliedSeq, model.seq)
})

test('a row that was begun and refused leaves nothing to the row that takes its place', (t) => {
  const model = new ModelTable({ pageRows: 64 })
  for (let id = 0; id < 20; id++) model.insert({ id, a: `text ${id}`, b: id })
  for (let id = 0; id < 12; id++) model.patch(model.rowOf(id), { b: -id })
  t.is(model.pages.counters.merges, 1)
  model.patch(model.rowOf(3), { b: 7 })
  const { key, ordinal } = model.rowOf('new')
  const payload = Uint8Array.of(...encodeDocument({ id: 'new', a: null, b: null }, 'document'), 0)
  const event = {
    event: EVENT_INSERT,
    seq: model.seq + 1,
    ordinal,
    key,
    keyBytes: key.length,
    source: payload,
    from: 0,
    to: payload.length,
    frame: -1
  }
  t.throws(() => model.pages.apply(event), { message: /behind the document/ })
  // Its version before lies in the base, where every row has plain values.
  model.patch(model.rowOf(15), { b: 8 })
  checkEnds(t, model)
  model.check(t, model.seq)
})

test('FMT-8: of many fields that few rows have, those without a column are in the rest', (t) => {
  const model = new ModelTable({ arena: smallArena(2 * 1024 * 1024), pageRows: 16_384 })
  const random = numbers(8)
  for (let row = 0; row < 6000; row++) {
    const document: Record<string, Value> = { id: (row * 7919) % 6000 }
    for (let field = 0; field < 300; field++) if (random() < 0.07) document[`f${field}`] = random() < 0.5 ? row : row / 3
    model.insert(document)
  }
  for (let row = 0; row < 2000; row++) model.patch(model.rowOf(Math.floor(random() * 6000)), { [`f${row % 300}`]: row })
  t.true(model.pages.counters.merges > 0)
  model.checkPages(t)
  for (const S of [2500, model.seq]) {
    const found = [...model.reader.scanAt(S, { fields: ['f7', 'f299'], documents: 'keep' })]
    const expected = model.visibleAt(S)
    t.deepEqual(
      found.flatMap(({ documents = [] }) => documents.map(bytesOf)),
      expected.map(({ document }) => bytesOf(document))
    )
    t.deepEqual(
      found.flatMap(({ columns: [column], rowCount }) => Array.from({ length: rowCount }, (_, row) => column && cellOf(column, row))),
      expected.map(({ document }) => document['f7'] ?? null)
    )
  }
})
