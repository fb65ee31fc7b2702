/**
 * Where a query puts rows that do not fit in its memory. The floors above implement it; a query knows nothing of paths. The bytes are the
 * query's alone and need not survive anything.
 */
export type SpillSpace = {
  /** A new, empty file. @throws DriftError NO_SPACE, IO. */
  create(): SpillFile
}

export type SpillFile = {
  /** Writes behind all that was written; returns where it begins. @throws DriftError NO_SPACE, IO. */
  append(bytes: Uint8Array): number
  /** Fills `target`. @throws DriftError IO, also where so many bytes are not there. */
  read(target: Uint8Array, position: number): void
  /** The file is gone. Safe to call twice. */
  close(): void
}
