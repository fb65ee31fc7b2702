/**
 * Cuts a stream of bytes after line feeds. A block holds whole lines only, as many as came together, so that the cost of the stream is per
 * mebibyte and not per line; memory is bounded by one chunk and the longest line.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'

const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** JSON needs up to six characters for a byte of a document (`\u0000`). */
const LINE_BYTES_MAX = 6 * limits.documentBytesMax

export type LineBlock = {
  readonly bytes: Buffer
  /** Of the first line, from 1. */
  readonly firstLine: number
  readonly bytesRead: number
}

/** The last block may end without a line feed. Throws LIMIT for a line that no document can be, and what the stream throws. */
export async function* lineBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<LineBlock, void> {
  let begun: Buffer[] = []
  let begunBytes = 0
  let bytesRead = 0
  let firstLine = 1
  let isFirst = true
  for await (const chunk of chunks) {
    bytesRead += chunk.length
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end > 0) {
      const head = begunBytes === 0 ? chunk.subarray(0, end) : Buffer.concat([...begun, chunk.subarray(0, end)])
      const bytes = isFirst ? withoutMark(head) : head
      isFirst = false
      yield { bytes, firstLine, bytesRead }
      firstLine += lineFeeds(bytes)
      begun = []
      begunBytes = 0
    }
    if (end === chunk.length) continue
    begun.push(chunk.subarray(end))
    begunBytes += chunk.length - end
    if (begunBytes > LINE_BYTES_MAX) {
      const details = { name: 'documentBytesMax', limit: LINE_BYTES_MAX, seen: begunBytes, line: firstLine }
      throw new DriftError('LIMIT', `line ${firstLine}: longer than ${LINE_BYTES_MAX} bytes`, details)
    }
  }
  const rest = Buffer.concat(begun)
  const bytes = isFirst ? withoutMark(rest) : rest
  if (bytes.length > 0) yield { bytes, firstLine, bytesRead }
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? bytes.subarray(3) : bytes
}

function lineFeeds(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++
  return count
}
