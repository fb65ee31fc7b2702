import { valueEnd } from '../codec/document-shape.js'
import { readKeyPayload, skipValue } from '../codec/key-codec.js'
import { readVarint, varintEnd } from '../format/bytes.js'
import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE, frameBytes, FRAME_PREFIX_BYTES } from '../format/frame.js'
import { type PageEvent } from '../page/page-event.js'

const MSGPACK_ARRAY_OF_3 = 0x93

/** One event, filled again for each frame. */
const event: { -readonly [Name in keyof PageEvent]: PageEvent[Name] } = {
  event: 0,
  seq: 0,
  ordinal: 0,
  key: new Uint8Array(1100),
  keyBytes: 0,
  source: new Uint8Array(0),
  from: 0,
  to: 0,
  frame: -1
}

/** The written frame at `at` as an event, valid until the next call; `place` is the frame's. The key is read of an INSERT, else on demand. */
export function pageEventOf(source: Uint8Array, at: number, ordinal: number, place: number, key: 'with key' | 'without key'): PageEvent {
  const seq = readVarint(source, at + FRAME_PREFIX_BYTES)
  const typeAt = varintEnd(source, at + FRAME_PREFIX_BYTES) + 8
  const type = (source[typeAt] as number) & EVENT_CODE_MASK
  event.event = type
  event.seq = seq
  event.ordinal = ordinal
  event.source = source
  event.frame = place
  event.keyBytes = type === EVENT_INSERT || key === 'with key' ? readKeyPayload(source, typeAt + 2, event.key) : 0
  if (type === EVENT_SOFT_DELETE) {
    event.from = event.to = 0
    return event
  }
  const from = valueEnd(source, typeAt + 2)
  event.from = from
  // Every fourth patch carries its document behind it.
  const isFollowed = type === EVENT_PATCH && source[typeAt + 1] === MSGPACK_ARRAY_OF_3
  event.to = isFollowed ? skipValue(source, from) : at + frameBytes(source, at)
  return event
}
