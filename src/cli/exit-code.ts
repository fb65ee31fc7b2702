/** Exit codes of the command: what a script can decide by. */
import { unreachable, type DriftError } from '../base/errors.js'

export const EXIT_DONE = 0
export const EXIT_REFUSED = 1
export const EXIT_USAGE = 2
export const EXIT_DAMAGED = 3
export const EXIT_UNAVAILABLE = 4
/** 128 and the number of SIGINT, as shells say it. */
export const EXIT_INTERRUPTED = 130

/** The exit code that says what kind of error ended the command. */
export function exitCodeOf(error: DriftError): number {
  switch (error.kind) {
    case 'data':
      return EXIT_DAMAGED
    case 'unavailable':
      return EXIT_UNAVAILABLE
    case 'invalid':
    case 'conflict':
    case 'closed':
    case 'internal':
      return EXIT_REFUSED
    default:
      return unreachable(error.kind)
  }
}
