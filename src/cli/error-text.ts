/** An error as a person reads it: code, message, place, advice. Never a stack trace. */
import type { DriftError } from '../base/errors.js'

/** Lines without a line feed at the end. */
export function errorText(error: DriftError): string {
  return [`${error.code}: ${error.message}`, ...place(error), ...advice(error)].join('\n')
}

function place({ message, details }: DriftError): string[] {
  const { file, offset } = details
  if (typeof file !== 'string' || message.includes(file)) return []
  return [typeof offset === 'number' ? `at ${file}, byte ${offset}` : `at ${file}`]
}

function advice({ code, kind, details }: DriftError): string[] {
  if (code === 'DRIFT_LOCKED') {
    const { pid, hostname } = details
    const holder = typeof pid === 'number' ? `process ${pid}${typeof hostname === 'string' ? ` on ${hostname}` : ''} writes here; ` : ''
    return [`${holder}select, drift, stats, doctor and sql --read-only work beside a writer`]
  }
  if (kind === 'data') return ['driftdb doctor -d DIR lists everything that is damaged; nothing was changed']
  if (kind === 'conflict') return ['run it again']
  if (kind === 'internal') return ['this is a defect of DriftDB, not of your data or your command; please report it with the line above']
  return []
}
