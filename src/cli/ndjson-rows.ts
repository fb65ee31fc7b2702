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
  const raw = () => bytes
  return {
    line,
    characters: bytes.length,
    raw,
    error: new DriftError('INVALID_DOCUMENT', 'not valid UTF-8', { line, reason: 'not valid UTF-8' })
  }
}

function rowOf(text: string, line: number): InputRow | undefined {
  const characters = text.length
  if (characters === 0 || (text.charCodeAt(0) <= 0x20 && text.trim() === '')) return undefined
  const raw = () => text
  try {
    const document = parseJson(text)
    if (typeof document === 'object' && document !== null && !Array.isArray(document))
      return { line, characters, raw, document: document as Document }
    return { line, characters, raw, error: new DriftError('INVALID_DOCUMENT', 'a row is a JSON object', { line, reason: 'not an object' }) }
  } catch (error) {
    return { line, characters, raw, error: DriftError.from(error, `line ${line}`) }
  }
}
