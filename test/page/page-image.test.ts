/** Pages as records of a file: what comes back is the page, byte for byte where rows are; damage anywhere is CORRUPT, never another page. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { crc32 } from '../../src/codec/checksum.js'
import { writeU32 } from '../../src/format/bytes.js'
import { decodeRecordHead, encodeRecordHead, RECORD_PAGE } from '../../src/format/page-file.js'
import { type Arena } from '../../src/memory/arena.js'
import { decodePage, encodePage } from '../../src/page/page-image.js'
import { DELTA, HEAP_LIMIT } from '../../src/page/page-layout.js'
import { PageView } from '../../src/page/page-view.js'
import { RowReader } from '../../src/page/row-reader.js'
import { ModelTable, smallArena } from './_model.js'
import { pagesOf } from './_pages.js'
import { runStep, step } from './_steps.js'

const place = { file: 'tables/t/pages/00000001.pages', offset: 128 }

function recordOf(view: PageView): Uint8Array {
  return new Uint8Array(Buffer.concat(encodePage(view)))
}

/** Everything a reader can see of a page. */
function seen(view: PageView, siblings: readonly (PageView | undefined)[], reader: RowReader) {
  view.siblings = [...siblings]
  const rows = Array.from({ length: view.rowCount }, (_, row) => [
    view.beginOf(row),
    view.endOf(row),
    view.ordinalOf(row),
    view.previousAt < 0 ? -1 : view.i32[view.previousAt + row],
    Buffer.from(reader.bytesOf(view, row)).toString('hex')
  ])
  const columns = view.columns.map(({ valueClass, encoding, flags, min, max, dictionary }) => [
    valueClass,
    encoding,
    flags,
    min,
    max,
    dictionary
  ])
  return { rows, columns, low: view.lowKey, high: view.highKey, t0: view.t0, t1: view.t1, alive: view.aliveCount, kind: view.kind }
}

function comesBack(t: ExecutionContext, view: PageView, reader: RowReader, arena: Arena): void {
  const expected = seen(view, view.siblings, reader)
  const address = decodePage(recordOf(view), arena, place)
  const found = new PageView(arena, address)
  // Its siblings are where they were; it takes its own place among them.
  const siblings = [...view.siblings]
  siblings[view.sibling] = found
  found.sibling = view.sibling
  t.deepEqual(seen(found, siblings, reader), expected)
  if (view.kind === DELTA) t.is(found.word(HEAP_LIMIT), arena.bytesOf(address))
  arena.release(address)
}

for (const pageRows of [4, 64]) {
  test(`FMT-6: a page comes back from its record as it was: bases, deltas and sealed pages of ${pageRows} rows`, (t) => {
    // What lay in the claim before does not matter.
    const arena = smallArena()
    const rubbish = arena.claim(128 * 1024)
    arena.viewsOf(rubbish).u8.fill(0xaa, arena.offsetOf(rubbish), arena.offsetOf(rubbish) + 128 * 1024)
    arena.release(rubbish)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const model = new ModelTable({ pageRows, frames: 'none' })
        for (const each of steps) runStep(model, each)
        const reader = new RowReader(model.pages.keys)
        for (const view of pagesOf(model.pages)) comesBack(t, view, reader, arena)
        model.pages.release()
      }),
      { numRuns: 8 }
    )
    t.is(arena.claimedBytes, 0)
  })
}

test('FMT-1: a record with any byte damaged, cut or lengthened is CORRUPT with file and offset, and takes no memory', (t) => {
  const model = new ModelTable({ pageRows: 8, frames: 'none' })
  for (let round = 0; round < 60; round++)
    model.insert({ id: round % 12, a: 'paid', note: 'n'.repeat(100), b: round * 0.5, c: round % 3 === 0 })
  const sealed = pagesOf(model.pages).find(({ t1 }) => t1 !== Infinity) as PageView
  const record = recordOf(sealed)
  const arena = smallArena()
  const isRefused = (bytes: Uint8Array, what: string): void => {
    const error = t.throws(() => decodePage(bytes, arena, place), { instanceOf: DriftError }, what)
    t.is(error?.code, 'DRIFT_CORRUPT', what)
    t.is(error?.details['file'], place.file)
    const offset = error?.details['offset'] as number
    t.true(offset >= place.offset && offset <= place.offset + record.length, what)
    t.true('expected' in (error?.details ?? {}) && 'found' in (error?.details ?? {}))
  }
  for (let at = 0; at < record.length; at++) {
    for (const bit of [0x01, 0x80]) {
      const damaged = record.slice()
      damaged[at] = (damaged[at] as number) ^ bit
      isRefused(damaged, `byte ${at} of ${record.length}`)
    }
  }
  for (const length of [0, 1, 47, 48, record.length - 1]) isRefused(record.slice(0, length), `${length} bytes`)
  isRefused(Uint8Array.from([...record, 0]), 'a byte more')
  t.is(arena.claimedBytes, 0)
})

test('FMT-2: lengths that no page has are refused before memory is claimed for them', (t) => {
  const arena = smallArena()
  const head = { kind: RECORD_PAGE, imageBytes: 0xffff_ffff, tableId: 16, rows: 0, number: 0 }
  t.throws(() => decodePage(encodeRecordHead(head, []), arena, place), { message: /a page that is too large/ })
  const block = { how: 0, codec: 0, width: 0, element: 1, offset: 64, count: 65, base: 0, packedBytes: 65, storedBytes: 0, crc: 0 }
  const outside = encodeRecordHead({ ...head, imageBytes: 128 }, [block])
  t.throws(() => decodePage(outside, arena, place), { message: /does not lie in its image/ })
  t.is(arena.claimedBytes, 0)
})

test('FMT-5: a record of another layout is UNSUPPORTED_VERSION, not damage', (t) => {
  const head = encodeRecordHead({ kind: RECORD_PAGE, imageBytes: 64, tableId: 16, rows: 0, number: 0 }, [])
  t.is(decodeRecordHead(head, place).head.tableId, 16)
  const other = head.slice()
  other[5] = 2
  writeU32(other, 44, crc32(other.subarray(0, 44)))
  t.is(t.throws(() => decodeRecordHead(other, place), { instanceOf: DriftError })?.code, 'DRIFT_UNSUPPORTED_VERSION')
})
