/** Patches are laid over a document in msgpack as they are over its values, or not at all. */
import test from 'ava'
import fc from 'fast-check'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { mergePatches } from '../../src/codec/merge-patches.js'
import type { Document } from '../../src/codec/value.js'

const bytesOf = (value: Document): Uint8Array => encodeDocument(value, 'document').slice()

/** The parts behind one another, and where each begins and the last one ends. */
function together(parts: readonly Document[]): { readonly source: Uint8Array; readonly ends: number[] } {
  const encoded = parts.map(bytesOf)
  const ends = [0]
  for (const { length } of encoded) ends.push((ends.at(-1) ?? 0) + length)
  return { source: Buffer.concat(encoded), ends }
}

function merged(parts: readonly Document[]): Uint8Array | undefined {
  const { source, ends } = together(parts)
  const target = new Uint8Array(source.length)
  const end = mergePatches(source, ends, target)
  return end < 0 ? undefined : target.subarray(0, end)
}

const field = fc.constantFrom('a', 'b', 'c', 'amount', 'a longer name that is written with two bytes', 'ä', 'f', 'g')
const { value } = fc.letrec<{ value: Document[string] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n - 1n }),
    fc.uint8Array({ maxLength: 40 }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 3, noNullPrototype: true })
  )
}))
const document = fc.dictionary(field, value, { maxKeys: 8, noNullPrototype: true })

test('the bytes are those of the spread document', (t) => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(document, { minLength: 1, maxLength: 5 }), (parts) => {
      const found = merged(parts)
      if (found === undefined) return
      taken++
      t.deepEqual(Buffer.from(found), Buffer.from(bytesOf(Object.assign({}, ...parts) as Document)))
    }),
    { numRuns: 2000 }
  )
  t.true(taken > 1000)
})

test('more fields than a small map has are left to the decoder', (t) => {
  const wide = (count: number, name: string): Document =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, index]))
  t.is(merged([wide(16, 'a'), { b: 1 }]), undefined)
  t.is(merged([wide(15, 'a'), { b: 1 }]), undefined)
  t.is(merged([{ a: 1 }, wide(16, 'b')]), undefined)
  t.deepEqual(merged([wide(15, 'a'), { a3: 'x' }]), bytesOf({ ...wide(15, 'a'), a3: 'x' }))
})
