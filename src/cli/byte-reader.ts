/** Reads a stream of bytes by what is expected next: so many, or up to a mark. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Buffer>
  #piece: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** The bytes before `mark`, which is passed over; undefined if the stream ends first. */
  async until(mark: number): Promise<Buffer | undefined> {
    const begun: Buffer[] = []
    for (;;) {
      const end = this.#piece.indexOf(mark, this.#at)
      if (end >= 0) {
        const rest = this.#piece.subarray(this.#at, end)
        this.#at = end + 1
        return begun.length === 0 ? rest : Buffer.concat([...begun, rest])
      }
      begun.push(this.#piece.subarray(this.#at))
      if (!(await this.#next())) return undefined
    }
  }

  /** Exactly so many bytes; undefined if the stream ends first. */
  async take(bytes: number): Promise<Buffer | undefined> {
    const begun: Buffer[] = []
    let missing = bytes
    while (this.#piece.length - this.#at < missing) {
      const rest = this.#piece.subarray(this.#at)
      begun.push(rest)
      missing -= rest.length
      if (!(await this.#next())) return undefined
    }
    const last = this.#piece.subarray(this.#at, this.#at + missing)
    this.#at += missing
    return begun.length === 0 ? last : Buffer.concat([...begun, last])
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#pieces.next()
    this.#piece = done === true ? Buffer.alloc(0) : value
    this.#at = 0
    return done !== true
  }
}
