/**
 * Reads of a table's pages by the version of the directory that they found: what COMPACT replaced may go back when no read is left that
 * finds it. One for each making of a table's pages, whose versions count from the beginning.
 */
export class DirectoryReaders {
  readonly #counts = new Map<number, number>()
  /** Up to this version pages were replaced. */
  #replaced = 0
  #released = 0

  /** @returns what is to be called when the read has ended. */
  enter(version: number): () => void {
    this.#counts.set(version, (this.#counts.get(version) ?? 0) + 1)
    return () => {
      const left = (this.#counts.get(version) ?? 0) - 1
      if (left > 0) this.#counts.set(version, left)
      else this.#counts.delete(version)
    }
  }

  /** Whoever asks for a directory from now on gets this version or a newer one. */
  replaced(version: number): void {
    this.#replaced = Math.max(this.#replaced, version)
  }

  /** The oldest version that is or will be read, where that is news; it is not said again. */
  takeOldest(): number | undefined {
    const oldest = Math.min(this.#replaced, ...this.#counts.keys())
    if (oldest <= this.#released) return undefined
    this.#released = oldest
    return oldest
  }
}
