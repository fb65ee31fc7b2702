/**
 * The one error class of the database. A caller decides by `code` (stable) or by `kind` (what to do about it); the message is for
 * people and may change. `docs/errors.md` lists every code; a test keeps the two the same.
 */
export type ErrorKind = 'invalid' | 'conflict' | 'unavailable' | 'closed' | 'data' | 'internal'

const codes = {
  SYNTAX: ['invalid', '42601'],
  INVALID_ARGUMENT: ['invalid', '22023'],
  INVALID_DOCUMENT: ['invalid', '22023'],
  UNKNOWN_TABLE: ['invalid', '42P01'],
  UNKNOWN_COLUMN: ['invalid', '42703'],
  UNKNOWN_INDEX: ['invalid', '42704'],
  ALREADY_EXISTS: ['invalid', '23505'],
  KEY_NOT_FOUND: ['invalid', '02000'],
  OUT_OF_RANGE: ['invalid', '22003'],
  LIMIT: ['invalid', '54000'],
  SEQ_AHEAD: ['invalid', '22023'],
  HISTORY_GONE: ['invalid', '22023'],
  READ_ONLY: ['invalid', '25006'],
  NOT_SUPPORTED: ['invalid', '0A000'],
  WRITE_CONFLICT: ['conflict', '40001'],
  SERIALIZATION: ['conflict', '40001'],
  DEADLOCK: ['conflict', '40P01'],
  OVERLOADED: ['unavailable', '53300'],
  RATE_LIMITED: ['unavailable', '53400'],
  TIMEOUT: ['unavailable', '57014'],
  LOCK_TIMEOUT: ['unavailable', '55P03'],
  LOCKED: ['unavailable', '55006'],
  NO_SPACE: ['unavailable', '53100'],
  IO: ['unavailable', '58030'],
  CLOSED: ['closed', '08003'],
  TXN_CLOSED: ['closed', '25000'],
  TXN_ABORTED: ['closed', '25P02'],
  ABORTED: ['closed', '57014'],
  CORRUPT: ['data', 'XX001'],
  UNSUPPORTED_VERSION: ['data', 'XX001'],
  DECRYPT: ['data', 'XX001'],
  INVARIANT: ['internal', 'XX000'],
  WORKER_LOST: ['internal', 'XX000'],
  POISONED: ['internal', 'XX000']
} as const satisfies Record<string, readonly [ErrorKind, string]>

export type ErrorName = keyof typeof codes
export type ErrorCode = `DRIFT_${ErrorName}`

/** Evidence for a machine: `table`, `key`, `columns`, `position`, `file`, `offset`, `line`, `column`, … where they exist. */
export type ErrorDetails = { readonly [name: string]: unknown }

export class DriftError extends Error {
  override readonly name = 'DriftError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly sqlState: string
  readonly details: ErrorDetails

  constructor(name: ErrorName, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = `DRIFT_${name}`
    this.kind = codes[name][0]
    this.sqlState = codes[name][1]
    this.details = details
  }

  /** Errors lose their code when they cross threads: they travel as this plain data. */
  toData(): ErrorData {
    return { name: this.code.slice(6) as ErrorName, message: this.message, details: this.details }
  }

  static fromData(data: ErrorData): DriftError {
    return new DriftError(data.name, data.message, data.details)
  }

  /** Any thrown thing as a DriftError: system errors of the file system get the code a caller can act on. */
  static from(thrown: unknown, place: string): DriftError {
    if (thrown instanceof DriftError) return thrown
    const system = thrown as NodeJS.ErrnoException
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown))
    if (typeof system?.code === 'string' && /^E[A-Z]/.test(system.code) && typeof system.syscall === 'string') {
      const full = system.code === 'ENOSPC' || system.code === 'EDQUOT' || system.code === 'EFBIG'
      const advice = full ? 'no space is left; free some and try again' : ioAdvice(system.code)
      return new DriftError(
        full ? 'NO_SPACE' : 'IO',
        `${place}: ${system.syscall} failed with ${system.code}: ${advice}`,
        { place, systemCode: system.code, syscall: system.syscall, ...(system.path ? { file: system.path } : {}) },
        cause
      )
    }
    return new DriftError('INVARIANT', `${place}: ${cause.message}`, { place }, cause)
  }
}

export type ErrorData = { readonly name: ErrorName; readonly message: string; readonly details: ErrorDetails }

export const errorCodes: readonly ErrorName[] = Object.keys(codes) as ErrorName[]

function ioAdvice(systemCode: string): string {
  switch (systemCode) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'no permission to use this path'
    case 'ENOENT':
      return 'no such file or directory'
    case 'ENOTDIR':
      return 'a part of the path is a file, not a directory'
    case 'EMFILE':
    case 'ENFILE':
      return 'too many open files'
    default:
      return 'the file system refused'
  }
}

/** The end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new DriftError('INVARIANT', `unexpected value ${JSON.stringify(value)}`)
}

/** A broken law of `docs/invariants.md`: a defect of the database, never of the caller. */
export function assertLaw(holds: boolean, law: string, message: string): asserts holds {
  if (!holds) throw new DriftError('INVARIANT', `${law}: ${message}`, { law })
}
