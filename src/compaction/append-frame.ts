import { DriftError } from '../base/errors.js'
import { readKeyPayload } from '../codec/key-codec.js'
import { readVarint, varintBytes } from '../format/bytes.js'
import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE, frameBytes, FRAME_PREFIX_BYTES } from '../format/frame.js'
import type { KeyIndex } from '../index/key-index.js'
import type { VersionStore } from '../mvcc/version-store.js'

const MSGPACK_ARRAY_OF_3 = 0x93

/** Scratch for canonical keys; every use ends before the next begins. */
const scratch = new Uint8Array(1100)

/**
 * Takes the written frame at `at`, whose place is `place`, into keys and versions and returns its version: what an opening and a
 * snapshot do with every frame. Throws UNSUPPORTED_VERSION for an event that is no row's.
 */
export function appendFrame(keys: KeyIndex, versions: VersionStore, source: Uint8Array, at: number, place: number): number {
  const seq = readVarint(source, at + FRAME_PREFIX_BYTES)
  const typeAt = at + FRAME_PREFIX_BYTES + varintBytes(seq) + 8
  const event = (source[typeAt] ?? 0) & EVENT_CODE_MASK
  if (event !== EVENT_INSERT && event !== EVENT_PATCH && event !== EVENT_SOFT_DELETE) {
    throw new DriftError('UNSUPPORTED_VERSION', `event ${seq} is of type ${event}, which is none of a row`, { seq, found: event })
  }
  const length = readKeyPayload(source, typeAt + 2, scratch)
  const hash = keys.hash(scratch, length)
  let ordinal = keys.find(scratch, length, hash)
  if (ordinal < 0) ordinal = keys.add(scratch, length, hash)
  return versions.append(ordinal, seq, place, event, source[typeAt + 1] === MSGPACK_ARRAY_OF_3, frameBytes(source, at))
}
