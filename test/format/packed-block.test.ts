/** Values become packed bytes and come back, whatever they are, in every width. */
import test from 'ava'
import fc from 'fast-check'
import { type BlockPart, packPart, unpackPart } from '../../src/format/packed-block.js'
import { encodeRecord, keptRecord } from '../../src/format/page-record.js'
import { HOW_DIFFERENCES, HOW_ENDS, HOW_OFFSETS } from '../../src/format/page-file.js'

const OPEN = 0x7fff_ffff
const place = { file: 'f', offset: 0 }

function memoryOf(bytes: number) {
  const buffer = new ArrayBuffer(bytes)
  return { u8: new Uint8Array(buffer), u16: new Uint16Array(buffer), i32: new Int32Array(buffer), f64: new Float64Array(buffer) }
}

function wordsBack(part: BlockPart & { readonly words: Int32Array }): Int32Array {
  const { block, stored } = packPart(part)
  const memory = memoryOf((part.offset + part.words.length * 4 + 8) & ~7)
  unpackPart(memory, 0, block, stored, place, 0, -1)
  return memory.i32.slice(part.offset / 4, part.offset / 4 + part.words.length)
}

const words = fc.oneof(
  ...[0, 1, 255, 256, 65_535, 65_536, 2 ** 24 - 1, 2 ** 24, OPEN].map((span) =>
    fc
      .tuple(
        fc.integer({ min: -(2 ** 31), max: OPEN - span }),
        fc.array(fc.integer({ min: 0, max: span }), { maxLength: 300, size: 'max' })
      )
      .map(([base, offsets]) => offsets.map((offset) => base + offset))
  ),
  fc.array(fc.integer({ min: -(2 ** 31), max: OPEN }), { maxLength: 100 }),
  fc
    .tuple(fc.integer({ min: -1000, max: 1000 }), fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 400, size: 'max' }))
    .map(([first, steps]) => {
      let value = first
      return steps.map((each) => (value += each))
    })
)

test('FMT-6: 32-bit integers of every span, near one another or not, come back', (t) => {
  const ways = new Set<string>()
  fc.assert(
    fc.property(words, (values) => {
      const part = { element: 4, offset: 16, count: values.length, words: Int32Array.from(values) }
      t.deepEqual([...wordsBack(part)], values)
      const { how, width } = packPart(part).block
      ways.add(`${how}:${width}`)
    }),
    { numRuns: 400 }
  )
  for (const width of [0, 1, 2, 3, 4]) t.true(ways.has(`${HOW_OFFSETS}:${width}`), `offsets of ${width} bytes`)
  t.true(ways.has(`${HOW_DIFFERENCES}:1`) || ways.has(`${HOW_DIFFERENCES}:2`))
})

test('FMT-6: ends come back beside their begins: the next begin, open, or any life', (t) => {
  const row = fc.tuple(
    fc.integer({ min: -OPEN, max: OPEN - 2 }),
    fc.integer({ min: 1, max: OPEN }),
    fc.constantFrom('next', 'open', 'life')
  )
  let ends = 0
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 200, size: 'max' }), (rows) => {
      const begins = Int32Array.from(rows, ([begin]) => begin)
      const lives = Int32Array.from(rows, ([begin, life, kind], index) => {
        if (kind === 'open') return OPEN
        const next = rows[index + 1]?.[0] ?? -OPEN
        return kind === 'next' && next > begin ? next : Math.min(OPEN - 1, begin + life)
      })
      const beginPart = packPart({ element: 4, offset: 0, count: rows.length, words: begins })
      const endPart = packPart({ element: 4, offset: rows.length * 4, count: rows.length, words: lives, begins })
      if (endPart.block.how === HOW_ENDS) ends++
      const memory = memoryOf(rows.length * 8)
      unpackPart(memory, 0, beginPart.block, beginPart.stored, place, 0, -1)
      unpackPart(memory, 0, endPart.block, endPart.stored, place, 0, 0)
      t.deepEqual([...memory.i32.slice(rows.length)], [...lives])
    }),
    { numRuns: 200 }
  )
  t.true(ends > 150)
})

test('FMT-6: a constant, and whole numbers in float64, come back', (t) => {
  const memory = memoryOf(256)
  const back = (part: BlockPart) => {
    const { block, stored } = packPart(part)
    unpackPart(memory, 0, block, stored, place, 0, -1)
  }
  back({ element: 1, offset: 3, count: 9, constant: 200 })
  t.deepEqual([...memory.u8.slice(2, 13)], [0, ...Array<number>(9).fill(200), 0])
  back({ element: 2, offset: 16, count: 4, constant: 60_000 })
  t.deepEqual([...memory.u16.slice(7, 13)], [0, 60_000, 60_000, 60_000, 60_000, 0])
  back({ element: 8, offset: 32, count: 4, words: Int32Array.of(-5, 0, OPEN, -(2 ** 31)) })
  t.deepEqual([...memory.f64.slice(4, 8)], [-5, 0, OPEN, -(2 ** 31)])
})

test('FMT-6: a record that was written to be read again soon becomes the record that would have been kept', (t) => {
  const head = { kind: 1, imageBytes: 40_000, tableId: 16, rows: 5000, number: 0 }
  const texts = new Uint8Array(Buffer.from('a text that comes again and again, '.repeat(200)))
  const parts: BlockPart[] = [
    { element: 1, offset: 0, count: texts.length, bytes: texts },
    { element: 4, offset: 8000, count: 5000, words: Int32Array.from({ length: 5000 }, (_, index) => (index * 7919) % 65_536) },
    { element: 1, offset: 30_000, count: 100, constant: 3 }
  ]
  const joined = (record: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(record))
  const kept = joined(encodeRecord(head, parts))
  const passing = joined(encodeRecord(head, parts, 'passing'))
  t.true(kept.length < passing.length)
  t.deepEqual(joined(keptRecord(passing, place)), kept)
  t.deepEqual(joined(keptRecord(kept, place)), kept)
  passing[passing.length - 1] = (passing.at(-1) ?? 0) ^ 1
  t.throws(() => keptRecord(passing, place), { message: /wrong checksum/ })
})
