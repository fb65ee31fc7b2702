/** The text forms of a point in time, one test for each rule of TIM-7. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { seqOf, unixMsOf } from '../../src/base/ids.js'
import { parsePoint } from '../../src/parser/point-in-time.js'

function refuses(t: ExecutionContext, text: string): void {
  const error = t.throws(() => parsePoint(text), { instanceOf: DriftError }, text)
  t.is(error?.code, 'DRIFT_INVALID_ARGUMENT', text)
  t.regex(error?.message ?? '', /Write for example '@seq:100', '2025-01-31T10:30:00Z'/)
}

function isTime(t: ExecutionContext, text: string, iso: string): void {
  t.deepEqual(parsePoint(text), { kind: 'time', time: unixMsOf(new Date(iso).getTime()) }, text)
}

test('TIM-7: a time without a zone is UTC', (t) => {
  isTime(t, '2025-01-01 10:30:00', '2025-01-01T10:30:00Z')
  isTime(t, '2025-01-01T10:30:00', '2025-01-01T10:30:00Z')
  isTime(t, '2025-01-01', '2025-01-01T00:00:00Z')
})

test('TIM-7: milliseconds are kept and finer digits are cut off', (t) => {
  isTime(t, '2025-01-01T00:00:00.123Z', '2025-01-01T00:00:00.123Z')
  isTime(t, '2025-01-01T00:00:00.5Z', '2025-01-01T00:00:00.500Z')
  isTime(t, '2025-01-01 00:00:00.123999', '2025-01-01T00:00:00.123Z')
  isTime(t, '1969-12-31 23:59:59.9999', '1969-12-31T23:59:59.999Z')
})

test('TIM-7: RFC 3339 with any offset is taken', (t) => {
  isTime(t, '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z')
  isTime(t, '2025-01-01t00:00:00z', '2025-01-01T00:00:00Z')
  isTime(t, '2025-01-01T00:00:00+05:30', '2024-12-31T18:30:00Z')
  isTime(t, '2025-01-01T00:00:00-08:00', '2025-01-01T08:00:00Z')
  isTime(t, '2025-01-01T00:00:00-00:00', '2025-01-01T00:00:00Z')
  isTime(t, '0050-01-01', '0050-01-01T00:00:00Z')
  isTime(t, '2024-02-29', '2024-02-29T00:00:00Z')
})

test('TIM-7: anything else is an error that shows an example', (t) => {
  for (const text of [
    '',
    'yesterday',
    '2025',
    '2025-01',
    '2025-1-1',
    '01/02/2025',
    '2025-01-01T10:30',
    '2025-01-01T10:30Z',
    '20250101T103000Z',
    '1735689600000',
    '2025-01-01T00:00:00 Z',
    '2025-01-01T00:00:00+0100',
    '2025-01-01T00:00:00+01',
    '2025-01-01T00:00:00.Z',
    '2025-01-01Z',
    '+2025-01-01',
    'Wed, 01 Jan 2025 00:00:00 GMT',
    'now',
    '@',
    '@seq',
    '@seq:',
    '@seq:-1',
    '@seq:1.5',
    '@seq:x',
    '@seq:9007199254740992',
    '@now + 1 hour',
    '@now - 1',
    '@now - hour',
    '@now - 1 month',
    '@now - 1 constructor',
    '@now - 1.5 hours',
    '@now - 99999999999999999999 weeks',
    '@time:5'
  ]) {
    refuses(t, text)
  }
})

test('TIM-7: dates and times that do not exist are refused', (t) => {
  for (const text of [
    '2025-02-30',
    '2025-02-29',
    '2025-00-10',
    '2025-13-01',
    '2025-04-31',
    '2025-01-00',
    '2025-01-01 24:00:00',
    '2025-01-01 10:60:00',
    '2025-01-01 10:00:60',
    '2025-01-01T10:00:00+24:00',
    '2025-01-01T10:00:00+01:60',
    '1900-02-29'
  ]) {
    refuses(t, text)
  }
})

test('every time that JavaScript prints comes back', (t) => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      (date) => {
        t.deepEqual(parsePoint(date.toISOString()), { kind: 'time', time: unixMsOf(date.getTime()) })
      }
    )
  )
})

test('a seq is a point, 0 included', (t) => {
  t.deepEqual(parsePoint('@seq:0'), { kind: 'seq', seq: seqOf(0) })
  t.deepEqual(parsePoint(' @SEQ:9007199254740991 '), { kind: 'seq', seq: seqOf(Number.MAX_SAFE_INTEGER) })
})

test('now is a point, and so is a time before now', (t) => {
  t.deepEqual(parsePoint('@now'), { kind: 'now' })
  t.deepEqual(parsePoint('@now - 1 hour'), { kind: 'now', offsetMs: -3_600_000 })
  t.deepEqual(parsePoint('@NOW-2 Days'), { kind: 'now', offsetMs: -172_800_000 })
  t.deepEqual(parsePoint('@now - 250 ms'), { kind: 'now', offsetMs: -250 })
  t.deepEqual(parsePoint('@now - 3 weeks'), { kind: 'now', offsetMs: -1_814_400_000 })
  t.deepEqual(parsePoint('@now - 0 seconds'), { kind: 'now', offsetMs: 0 })
})
