import { pino, type Logger } from 'pino'

/** The caller's pino (or anything of its shape), or nothing. Lines carry fields; messages are constant text. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Off: the library says nothing unless it is given a logger. */
export const silentLog: Log = pino({ enabled: false })

/** A logger that writes JSON lines to standard error, synchronously (the command line's). */
export function stderrLog(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
}
