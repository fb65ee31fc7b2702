/** The first 64 bytes of every binary file. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { crc32 } from '../../src/codec/checksum.js'
import {
  decodeFileHeader,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  FILE_KIND_SEGMENT,
  FILE_KIND_WAL,
  FORMAT_VERSION,
  type FileHeader
} from '../../src/format/file-header.js'
import { missedFlips } from './_flip.js'

const header: FileHeader = {
  kind: FILE_KIND_SEGMENT,
  flags: 0,
  tableId: 16,
  number: 3,
  origin: 134_217_728,
  salt: 0,
  databaseId: Uint8Array.from({ length: 16 }, (_, index) => index)
}

test('a header reads back as it was written', (t) => {
  const u53 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const u32 = fc.nat({ max: 2 ** 32 - 1 })
  const databaseId = fc.uint8Array({ minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(0, 1),
      u32,
      u53,
      u53,
      u32,
      databaseId,
      (kind, flags, tableId, number, origin, salt, id) => {
        const bytes = encodeFileHeader({ kind, flags, tableId, number, origin, salt, databaseId: id })
        t.is(bytes.length, FILE_HEADER_BYTES)
        const found = decodeFileHeader(bytes, 'x', kind)
        t.deepEqual({ ...found, databaseId: [...found.databaseId] }, { kind, flags, tableId, number, origin, salt, databaseId: [...id] })
      }
    ),
    { numRuns: 500 }
  )
})

test('FMT-1: one flipped bit anywhere in a header is CORRUPT', (t) => {
  t.deepEqual(
    missedFlips(encodeFileHeader(header), (damaged) => codeOf(() => decodeFileHeader(damaged, 'x', FILE_KIND_SEGMENT)) === 'DRIFT_CORRUPT'),
    []
  )
})

test('a header that is cut is CORRUPT, with the file in the details', (t) => {
  const bytes = encodeFileHeader(header)
  for (let end = 0; end < bytes.length; end++) {
    const error = t.throws(() => decodeFileHeader(bytes.subarray(0, end), 'the-file', FILE_KIND_SEGMENT), { instanceOf: DriftError })
    t.is(error.code, 'DRIFT_CORRUPT')
    t.is(error.details['file'], 'the-file')
  }
})

test('a file of another kind is CORRUPT', (t) => {
  const error = t.throws(() => decodeFileHeader(encodeFileHeader(header), 'x', FILE_KIND_WAL), { instanceOf: DriftError })
  t.is(error.code, 'DRIFT_CORRUPT')
})

test('an undamaged file of a later format is UNSUPPORTED_VERSION, not CORRUPT', (t) => {
  const bytes = encodeFileHeader(header)
  const view = new DataView(bytes.buffer)
  view.setUint16(4, FORMAT_VERSION + 1, true)
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true)
  const error = t.throws(() => decodeFileHeader(bytes, 'x', FILE_KIND_SEGMENT), { instanceOf: DriftError })
  t.is(error.code, 'DRIFT_UNSUPPORTED_VERSION')
  t.is(error.details['found'], FORMAT_VERSION + 1)
})

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    if (error instanceof DriftError) return error.code
    throw error
  }
  return undefined
}
