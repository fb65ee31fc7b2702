import { DriftError } from '../base/errors.js'

/** What a transaction sees of others, and what its commit checks: see docs/driftql.md. */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** Names that a caller may give; `snapshot` is `repeatable read`. */
export type IsolationName = Isolation | 'snapshot'

/** REPEATABLE READ unless named. @throws INVALID_ARGUMENT for another name. */
export function isolationOf(name: unknown): Isolation {
  switch (name) {
    case undefined:
    case 'snapshot':
      return 'repeatable read'
    case 'read committed':
    case 'repeatable read':
    case 'serializable':
      return name
    default:
      throw new DriftError(
        'INVALID_ARGUMENT',
        `isolation is 'read committed', 'repeatable read' ('snapshot') or 'serializable', not ${JSON.stringify(name)}`,
        { found: name }
      )
  }
}
