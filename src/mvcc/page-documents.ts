/**
 * Where the documents of rows stand beside their frames: in version pages, which apply makes of the frames. Reading one there does not ask
 * how many frames it was folded from, or whether their blocks and those of its versions are in memory.
 */
export type PageDocuments = {
  /**
   * The msgpack of the document of a row's newest version, valid until the next call; undefined where pages do not say it. It is the newest
   * whose event was applied: all events up to seq `since` were.
   * @throws DriftError CORRUPT if its page is damaged.
   */
  newest(ordinal: number, since: number): Uint8Array | undefined
  /** At which the version begins that was found last. */
  readonly seq: number
  /** The same of the version at `seq`, which is visible; null where the row was not there. */
  at(ordinal: number, seq: number): Uint8Array | null | undefined
}
