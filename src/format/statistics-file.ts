/**
 * `statistics.bin` in a table's folder: what ANALYZE found out about its columns. It is derived, and an aid to planning alone: no answer
 * depends on it, a lost or damaged one is made again.
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 64 | file header | kind 5; its number is the seq that was looked at, its origin the events of the table up to there |
 * | 64 | 4 | bytes of the body | |
 * | 68 | 4 | crc32 | of the body |
 * | 72 | … | body | msgpack: version, rows, rows of the sample, a list for each column |
 *
 * A column: path, nulls, distinct, min, max, bytes, list of most common values, list of their shares, histogram.
 */
import { crc32 } from '../codec/checksum.js'
import { decodeValue, encodeValue } from '../codec/document-codec.js'
import { type Value } from '../codec/value.js'
import { DriftError } from '../base/errors.js'
import { readU32, writeU32 } from './bytes.js'
import { decodeFileHeader, encodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_STATISTICS } from './file-header.js'

/** A most common value, and which part of all rows has it. */
export type CommonValue = { readonly value: Value; readonly share: number }

/** Values that are long are cut (`src/statistics/short-value.ts`). */
export type ColumnStatistics = {
  /** `['a', 'b', 0]` is `a.b[0]`. */
  readonly path: readonly (string | number)[]
  /** Rows where it is null or absent. */
  readonly nulls: number
  /** Different values that are not null; about so many, where not all rows were in the sample. */
  readonly distinct: number
  /** In the order of values; null where there is none. */
  readonly min: Value
  readonly max: Value
  /** On average, of one value that is not null. */
  readonly bytes: number
  /** The most common one first. */
  readonly common: readonly CommonValue[]
  /** Of the values that are not among {@link common}: ascending, as many of them between any two that stand beside each other. */
  readonly histogram: readonly Value[]
}

/** Of one table at one seq. */
export type TableStatistics = {
  readonly seq: number
  /** Of the table up to `seq`, those that deleted rows too. */
  readonly events: number
  readonly rows: number
  /** Rows that most common values and histograms come from. */
  readonly sampledRows: number
  readonly columns: readonly ColumnStatistics[]
}

export const STATISTICS_FILE = 'statistics.bin'
/** What the body looks like. Never change its meaning. */
const BODY_VERSION = 1
const BODY_OFFSET = FILE_HEADER_BYTES + 8

type Owner = { readonly databaseId: Uint8Array; readonly tableId: number }

export function encodeStatistics({ seq, events, rows, sampledRows, columns }: TableStatistics, owner: Owner): Uint8Array {
  const lists = columns.map(({ path, nulls, distinct, min, max, bytes, common, histogram }) => {
    return [path, nulls, distinct, min, max, bytes, common.map(({ value }) => value), common.map(({ share }) => share), histogram]
  })
  const body = encodeValue([BODY_VERSION, rows, sampledRows, lists], 'statistics')
  const file = new Uint8Array(BODY_OFFSET + body.length)
  file.set(encodeFileHeader({ kind: FILE_KIND_STATISTICS, flags: 0, number: seq, origin: events, salt: 0, ...owner }))
  writeU32(file, FILE_HEADER_BYTES, body.length)
  writeU32(file, FILE_HEADER_BYTES + 4, crc32(body))
  file.set(body, BODY_OFFSET)
  return file
}

/** @throws DriftError CORRUPT with file and offset; UNSUPPORTED_VERSION for one of a later release. */
export function decodeStatistics(bytes: Uint8Array, file: string, owner: Owner): TableStatistics {
  const corrupt = (what: string, offset: number) => new DriftError('CORRUPT', `${file}: ${what}; ANALYZE makes it again`, { file, offset })
  const { number: seq, origin: events, tableId, databaseId } = decodeFileHeader(bytes, file, FILE_KIND_STATISTICS)
  if (tableId !== owner.tableId) throw corrupt(`belongs to table ${tableId}, not ${owner.tableId}`, 12)
  if (Buffer.compare(databaseId, owner.databaseId) !== 0) throw corrupt('belongs to another database', 36)
  if (bytes.length < BODY_OFFSET) throw corrupt('ends before its body', FILE_HEADER_BYTES)
  const body = bytes.subarray(BODY_OFFSET)
  if (readU32(bytes, FILE_HEADER_BYTES) !== body.length) throw corrupt('its body has another length', FILE_HEADER_BYTES)
  if (readU32(bytes, FILE_HEADER_BYTES + 4) !== crc32(body)) throw corrupt('wrong checksum of its body', FILE_HEADER_BYTES + 4)
  const found = decodeValue(body)
  const [version, rows, sampledRows, lists] = Array.isArray(found) ? (found as readonly Value[]) : []
  if (typeof version === 'number' && version !== BODY_VERSION) {
    const details = { file, found: version, expected: BODY_VERSION }
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has statistics of version ${version}; this release reads ${BODY_VERSION}`, details)
  }
  if (version === undefined || !isCount(rows) || !isCount(sampledRows) || !Array.isArray(lists)) throw corrupt('no statistics', BODY_OFFSET)
  const columns = (lists as readonly Value[]).map((list) => columnOf(list, rows))
  if (!columns.every((column) => column !== undefined)) throw corrupt('no statistics of a column', BODY_OFFSET)
  return { seq, events, rows, sampledRows, columns }
}

/** Undefined for what no writer wrote. */
function columnOf(list: Value, rows: number): ColumnStatistics | undefined {
  if (!Array.isArray(list) || list.length !== 9) return undefined
  const [path, nulls, distinct, min, max, bytes, values, shares, histogram] = list as readonly Value[]
  if (!isList(path) || !path.every((step) => typeof step === 'string' || typeof step === 'number')) return undefined
  if (!isCount(nulls) || nulls > rows || !isCount(distinct) || typeof bytes !== 'number' || min === undefined || max === undefined) {
    return undefined
  }
  if (!isList(values) || !isList(shares) || !isList(histogram) || values.length !== shares.length) return undefined
  const common = values.map((value, index) => ({ value, share: shares[index] }))
  if (!common.every((each): each is CommonValue => typeof each.share === 'number' && each.share >= 0 && each.share <= 1)) return undefined
  return { path, nulls, distinct, min, max, bytes, common, histogram }
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

function isCount(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
