import { createRequire } from 'node:module'
import type { pino as Pino } from 'pino'

/** The caller's pino (or anything of its shape), or nothing. Lines carry fields; messages are constant text. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof LEVELS)[number]

/** Off: the library says nothing unless it is given a logger. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A logger that writes JSON lines to standard error, synchronously (the command line's). pino is loaded with the first line. */
export function stderrLog(level: Level): Log {
  let made: Log | undefined
  const say = (at: Level) => (fields: object, message: string) => {
    if (LEVELS.indexOf(at) >= LEVELS.indexOf(level)) (made ??= pinoLog(level))[at](fields, message)
  }
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
}

function pinoLog(level: Level): Log {
  // Not import: a line must be out before the call returns.
  const { pino } = createRequire(import.meta.url)('pino') as { readonly pino: typeof Pino }
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
}
