interface Buffer {
  /** Node's own, without checks: bytes `start` to `end` as ISO 8859-1. */
  latin1Slice(start: number, end: number): string
}
