/** A document and its patches folded as bytes are what decoding, assigning and encoding makes of them, or are left to that. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { DocumentFold } from '../../src/codec/document-fold.js'

type Fields = Record<string, unknown>

const name = fc.constantFrom('id', 'a', 'b', 'amount', 'a name that takes more than thirty-one bytes', 'ä', '7', '12x')
const value = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(null, true, false, 2n ** 60n, new Date(0)),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.record({ x: fc.integer() })
)
const fields = fc.dictionary(name, value, { noNullPrototype: true })
const fold = new DocumentFold()

function bytesOf(document: Fields): Uint8Array {
  return Uint8Array.from(encodeDocument(document, 'document'))
}

/** Between other bytes, as frames hold them. */
function among(document: Fields): { readonly source: Uint8Array; readonly from: number; readonly to: number } {
  const bytes = bytesOf(document)
  const source = new Uint8Array(bytes.length + 12).fill(0xc1)
  source.set(bytes, 5)
  return { source, from: 5, to: 5 + bytes.length }
}

function foldOf(document: Fields, patches: readonly Fields[]): Uint8Array | undefined {
  const base = among(document)
  if (!fold.begin(base.source, base.from, base.to)) return undefined
  for (const patch of patches.map(among)) if (!fold.patch(patch.source, patch.from, patch.to)) return undefined
  const target = new Uint8Array(fold.bytes + 3)
  return target.subarray(2, fold.write(target, 2))
}

function code(step: () => unknown): string | undefined {
  try {
    step()
  } catch (error) {
    return error instanceof DriftError ? error.code : String(error)
  }
  return undefined
}

test('a document and up to four patches are folded to the very bytes that encoding what they come to makes', (t) => {
  let folded = 0
  fc.assert(
    fc.property(fields, fc.array(fields, { maxLength: 4 }), (document, patches) => {
      const bytes = foldOf(document, patches)
      const expected = bytesOf(Object.assign({}, document, ...patches) as Fields)
      if (bytes !== undefined) t.deepEqual(Buffer.from(bytes), Buffer.from(expected))
      if (bytes !== undefined) folded++
    }),
    { numRuns: 400 }
  )
  t.true(folded > 50)
})

test('a patch keeps the places of the fields that are there, and new fields come last', (t) => {
  const bytes = foldOf({ id: 1, status: 'new', amount: 5 }, [{ amount: 6 }, { note: 'x', status: 'paid' }, { amount: 300, note: null }])
  t.deepEqual(Buffer.from(bytes ?? []), Buffer.from(bytesOf({ id: 1, status: 'paid', amount: 300, note: null })))
})

test('sixteen fields and more, and values of any length', (t) => {
  const wide = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}`, 'x'.repeat(index * 10)]))
  const patch = { f3: 'y'.repeat(70_000), f39: 1, g: 2 }
  t.deepEqual(Buffer.from(foldOf(wide, [patch]) ?? []), Buffer.from(bytesOf({ ...wide, ...patch })))
})

test('a new field whose name begins with a digit, and a document of very many fields, are left to objects', (t) => {
  t.is(foldOf({ id: 1 }, [{ 7: 'x' }]), undefined)
  t.deepEqual(Buffer.from(foldOf({ 7: 'a', id: 1 }, [{ 7: 'x' }]) ?? []), Buffer.from(bytesOf({ 7: 'x', id: 1 })))
  t.is(foldOf(Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, index])), [{ f1: 2 }]), undefined)
})

test('what comes to more than a document may have says so', (t) => {
  const half = among({ a: 'x'.repeat(limits.documentBytesMax / 2) })
  const other = among({ b: 'y'.repeat(limits.documentBytesMax / 2 + 100) })
  t.true(fold.begin(half.source, half.from, half.to))
  t.true(fold.patch(other.source, other.from, other.to))
  t.is(fold.bytes, -1)
})

test('bytes that are no document, or go on behind it, are refused', (t) => {
  const { source, from, to } = among({ id: 1, a: 'text' })
  t.is(
    code(() => fold.begin(source, from + 1, to)),
    'DRIFT_CORRUPT'
  )
  t.is(
    code(() => fold.begin(source, from, to + 1)),
    'DRIFT_CORRUPT'
  )
  t.true(fold.begin(source, from, to))
  t.is(
    code(() => fold.patch(source, from, to - 1)),
    'DRIFT_CORRUPT'
  )
})
