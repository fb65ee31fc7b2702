/** What apply gives to pages: one event of one table. The same object may be filled again for each event. */
export type PageEvent = {
  /** EVENT_INSERT, EVENT_PATCH or EVENT_SOFT_DELETE of `format/frame.ts`. */
  event: number
  /** Above that of every event before it. */
  seq: number
  ordinal: number
  /** Canonical bytes of the row's key, `keyBytes` of them; looked at for an ordinal that is new. */
  key: Uint8Array
  keyBytes: number
  /** The document or the patch: a msgpack map in `source[from, to)`. */
  source: Uint8Array
  from: number
  to: number
  /**
   * A number by which readers find the payload again, for values that are too long to be copied into pages; -1: it cannot be found, and
   * such values are copied.
   */
  frame: number
}
