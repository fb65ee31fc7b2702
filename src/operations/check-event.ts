import { CATALOG_TABLE_ID, COMMITS_TABLE_ID } from '../base/ids.js'
import { DriftError, type ErrorCode } from '../base/errors.js'
import { decodeDocument, decodeValue } from '../codec/document-codec.js'
import { readKeyPayload, skipValue } from '../codec/key-codec.js'
import type { Value } from '../codec/value.js'
import { varintBytes } from '../format/bytes.js'
import {
  EVENT_CODE_MASK,
  EVENT_COMMIT,
  EVENT_INSERT,
  EVENT_MORE,
  EVENT_NAMES,
  EVENT_PATCH,
  EVENT_SCHEMA,
  EVENT_SOFT_DELETE,
  FRAME_PREFIX_BYTES,
  type Frame
} from '../format/frame.js'

const MSGPACK_ARRAY = 0x90

/** Room for one canonical key. */
const scratch = new Uint8Array(1100)

export type EventFault = { readonly message: string; readonly code: ErrorCode }

/** Why a frame that is whole cannot be an event of this table; undefined if it can. `source` and `offset`: where it was read. */
export function eventFault(frame: Frame, source: Uint8Array, offset: number, tableId: number): EventFault | undefined {
  const { seq, event } = frame
  const type = source[offset + FRAME_PREFIX_BYTES + varintBytes(seq) + 8] ?? 0
  if ((type & ~(EVENT_CODE_MASK | EVENT_MORE)) !== 0 || !eventsOf(tableId).includes(event)) {
    const name = EVENT_NAMES[event] ?? String(event)
    return { message: `event ${seq} of table ${tableId} is of type ${name} (byte ${type})`, code: 'DRIFT_UNSUPPORTED_VERSION' }
  }
  try {
    const fault = payloadFault(frame)
    return fault === undefined ? undefined : { message: `event ${seq} (${EVENT_NAMES[event]}): ${fault}`, code: 'DRIFT_CORRUPT' }
  } catch (error) {
    const known = DriftError.from(error, `event ${seq}`)
    return { message: `event ${seq} (${EVENT_NAMES[event]}): its payload cannot be read: ${known.message}`, code: 'DRIFT_CORRUPT' }
  }
}

function eventsOf(tableId: number): readonly number[] {
  if (tableId === CATALOG_TABLE_ID) return [EVENT_SCHEMA]
  if (tableId === COMMITS_TABLE_ID) return [EVENT_COMMIT]
  return [EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE]
}

function payloadFault({ event, payload }: Frame): string | undefined {
  if (event === EVENT_COMMIT) return decodeCommit(payload) === undefined ? 'its payload is no commit' : undefined
  if (event === EVENT_SCHEMA) return void decodeValue(payload)
  const parts = (payload[0] ?? 0) - MSGPACK_ARRAY
  const allowed = event === EVENT_SOFT_DELETE ? [1] : event === EVENT_INSERT ? [2] : [2, 3]
  if (!allowed.includes(parts)) return `its payload begins with byte ${payload[0]}`
  readKeyPayload(payload, 1, scratch)
  let at = skipValue(payload, 1)
  for (let part = 1; part < parts; part++) {
    const end = skipValue(payload, at)
    decodeDocument(payload.subarray(at, end))
    at = end
  }
  return at === payload.length ? undefined : `${payload.length - at} bytes follow its payload`
}

/** What a COMMIT frame says. */
export type CommitFrame = {
  readonly firstSeq: number
  readonly runs: readonly { readonly tableId: number; readonly count: number }[]
}

/** The payload of a COMMIT frame, or undefined if it is none: `[first seq, [[table id, events], …], metadata or nil, hash or nil]`. */
export function decodeCommit(payload: Uint8Array): CommitFrame | undefined {
  const value = decodeValue(payload)
  if (!isList(value) || value.length !== 4) return undefined
  const [firstSeq, list, , hash] = value
  if (!isCount(firstSeq) || !isList(list)) return undefined
  if (hash !== null && !(hash instanceof Uint8Array && hash.length === 32)) return undefined
  const runs: { tableId: number; count: number }[] = []
  for (const run of list) {
    if (!isList(run) || run.length !== 2) return undefined
    const [tableId, count] = run
    if (!isCount(tableId) || !isCount(count)) return undefined
    runs.push({ tableId, count })
  }
  return { firstSeq, runs }
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

function isCount(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
