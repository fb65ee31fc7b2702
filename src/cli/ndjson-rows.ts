/** Rows of newline-delimited JSON: one object on each line, empty lines skipped. */
import { isUtf8 } from 'node:buffer'
import { parseJson } from '../api/json.js'
import { DriftError } from '../base/errors.js'
import type { Document } from '../index.js'
import type { InputRow, InputRows } from './input-row.js'
import type { LineBlock } from './line-blocks.js'

export async function* ndjsonRows(blocks: AsyncIterable<LineBlock>): InputRows {
  for await (const { bytes, firstLine, bytesRead } of blocks) {
    const rows: InputRow[] = []
    // A look at the whole block, so that only a bad block is looked at line by line.
    const isGood = isUtf8(bytes)
    let line = firstLine
    for (const text of (isGood ? bytes.toString('utf8') : bytes.toString('latin1')).split('\n')) {
      const row = isGood ? rowOf(text, line) : rowOfBytes(Buffer.from(text, 'latin1'), line)
      if (row !== undefined) rows.push(row)
      line++
    }
    yield { rows, bytesRead }
  }
}

function rowOfBytes(bytes: Buffer, line: number): InputRow | undefined {
  if (isUtf8(bytes)) return rowOf(bytes.toString('utf8'), line)
  return { line, raw: bytes, error: new DriftError('INVALID_DOCUMENT', 'not valid UTF-8', { line, reason: 'not valid UTF-8' }) }
}

function rowOf(raw: string, line: number): InputRow | undefined {
  if (raw.length === 0 || (raw.charCodeAt(0) <= 0x20 && raw.trim() === '')) return undefined
  try {
    const document = parseJson(raw)
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) return { line, raw, document: document as Document }
    return { line, raw, error: new DriftError('INVALID_DOCUMENT', 'a row is a JSON object', { line, reason: 'not an object' }) }
  } catch (error) {
    return { line, raw, error: DriftError.from(error, `line ${line}`) }
  }
}
