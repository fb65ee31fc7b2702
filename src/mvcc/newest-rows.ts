/**
 * Where the newest documents of rows stand beside their frames: in version pages, which apply makes of the frames. Reading one there does not
 * ask how many frames it was folded from, or whether their blocks are in memory.
 */
export type NewestRows = {
  /**
   * The msgpack of the document of a row's newest version, valid until the next call; undefined where it is not known. It is the newest
   * whose event was applied: all events up to seq `since` were.
   * @throws DriftError CORRUPT if its page is damaged.
   */
  bytesOf(ordinal: number, since: number): Uint8Array | undefined
  /** At which the version begins that was found last. */
  readonly seq: number
}
