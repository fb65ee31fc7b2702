import type { History } from '../workloads/versions.js'
import type { Question } from './question.js'

export function statementAnswer(_history: History, { id }: Question & { kind: 'statement' }): unknown {
  throw new Error(`no statement ${id}`)
}
