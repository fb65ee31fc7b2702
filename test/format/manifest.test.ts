/** `meta.json`: a manifest that is not the one that was written is none. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { decodeManifest, encodeManifest, numberedFile, type Manifest } from '../../src/format/manifest.js'
import { flips } from './_flip.js'

const manifest: Manifest = {
  formatVersion: 1,
  tableId: 16,
  databaseId: '000102030405060708090a0b0c0d0e0f',
  hashSeed: 4_000_000_000,
  created: 1_700_000_000_000,
  checkpointSeq: 42,
  segments: [
    { file: '00000001.seg', number: 1, bytes: 67_108_900, crc: 12_345, sealed: true },
    { file: '00000002.seg', number: 2, bytes: 93, crc: 4_294_967_295, sealed: false }
  ]
}

test('a manifest reads back as it was written', (t) => {
  const u53 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const u32 = fc.nat({ max: 2 ** 32 - 1 })
  const segment = fc.record({ file: fc.string(), number: u53, bytes: u53, crc: u32, sealed: fc.boolean() })
  const written = fc.record({
    tableId: u32,
    databaseId: fc.string(),
    hashSeed: u32,
    created: u53,
    checkpointSeq: u53,
    segments: fc.array(segment),
    columns: fc.record({ listed: fc.array(fc.record({ name: fc.string(), seen: fc.record({ int: u53, text: u53 }) })), unlistedSince: u53 })
  })
  fc.assert(
    fc.property(written, (parts) => {
      const whole = { formatVersion: 1, ...parts }
      t.deepEqual(decodeManifest(encodeManifest(whole), 'meta.json', 1), whole)
    }),
    { numRuns: 300 }
  )
})

test('FMT-1: one flipped bit anywhere in a manifest is found, or changes nothing', (t) => {
  const changed: number[] = []
  let found = 0
  for (const { bit, damaged } of flips(encodeManifest(manifest))) {
    const read = decodeManifest(damaged, 'meta.json', 1)
    if (read === undefined) found++
    else if (JSON.stringify(read) !== JSON.stringify(manifest)) changed.push(bit)
  }
  t.deepEqual(changed, [])
  // White space that became other white space is all that may pass.
  t.true(found > 3000)
})

test('a manifest that is cut, empty or of another shape is none', (t) => {
  const bytes = encodeManifest(manifest)
  for (let end = 0; end < bytes.length - 1; end++) t.is(decodeManifest(bytes.subarray(0, end), 'meta.json', 1), undefined)
  for (const text of ['', 'null', '1', '[]', '{}', '"text"', '{"crc32":0}'])
    t.is(decodeManifest(Buffer.from(text), 'meta.json', 1), undefined)
})

test('an undamaged manifest of a later format is UNSUPPORTED_VERSION', (t) => {
  const error = t.throws(() => decodeManifest(encodeManifest({ ...manifest, formatVersion: 2 }), 'meta.json', 1), {
    instanceOf: DriftError
  })
  t.is(error.code, 'DRIFT_UNSUPPORTED_VERSION')
})

test('files are numbered with eight digits, and more where they are needed', (t) => {
  t.is(numberedFile(1, 'seg'), '00000001.seg')
  t.is(numberedFile(123_456_789, 'snap'), '123456789.snap')
})
