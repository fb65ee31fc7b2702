/**
 * Where blocks of versions lie that memory has no room for. The store asks by the number of a block; what it gets is what was written, or
 * an error.
 */
export type BlockFile = {
  /** Fills `target` with the nodes of a block. Throws CORRUPT with file and offset where they are damaged. */
  read(block: number, target: Uint8Array): void
  close(): void
}

/** A temporary file that takes bytes behind one another. */
export type SpillFile = {
  /** Returns where the bytes begin. */
  append(bytes: Uint8Array): number
  read(target: Uint8Array, position: number): void
  close(): void
}

export type SpillSpace = { create(): SpillFile }
