/** The text of a script: a file of the user's, or standard input. */
import { readFile } from 'node:fs/promises'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { inputError } from './input-error.js'

/**
 * No `file`, or `-`, is standard input. Throws INVALID_ARGUMENT for a file that cannot be read and for text that is no UTF-8, LIMIT for
 * one that is too long, ABORTED when `signal` is.
 */
export async function readScript(file: string | undefined, signal: AbortSignal): Promise<string> {
  const name = file === undefined || file === '-' ? 'standard input' : file
  const bytes =
    name === 'standard input'
      ? await readStandardInput(signal)
      : await readFile(name, { signal }).catch((error: unknown) => {
          throw inputError(error, name)
        })
  if (bytes.length > limits.statementBytesMax) throw tooLong(name, bytes.length)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new DriftError('INVALID_ARGUMENT', `${name} is not valid UTF-8`, { file: name })
  }
}

async function readStandardInput(signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const stop = () => void process.stdin.destroy()
  signal.addEventListener('abort', stop)
  try {
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > limits.statementBytesMax) throw tooLong('standard input', bytes)
    }
  } catch (error) {
    if (signal.aborted) throw new DriftError('ABORTED', 'interrupted', {}, error)
    throw inputError(error, 'standard input')
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return Buffer.concat(chunks)
}

function tooLong(name: string, seen: number): DriftError {
  const limit = limits.statementBytesMax
  return new DriftError('LIMIT', `${name} is longer than ${limit} bytes; use ingest for data`, { name: 'statementBytesMax', limit, seen })
}
