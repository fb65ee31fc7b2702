/** The query classes of the BiH workload, by their names: one text for each language. */
import type { Question } from './question.js'

/** What a table of a statement is in a language, at a commit, now, or in all its versions. */
export type Relations = {
  readonly at: (table: string, point: number) => string
  readonly now: (table: string) => string
  /** With the columns `valid_from` and `valid_to` (a number past all others while it lives). */
  readonly all: (table: string) => string
}

export type BihStatement = {
  readonly id: string
  readonly title: string
  /** What DriftQL lacks to say it. */
  readonly notInDriftQL?: string
  readonly driftQL: (relation: (table: string, at: number | undefined) => string) => string
  readonly sql: (relations: Relations) => string
}

export function bihStatement({ id }: Question & { kind: 'statement' }): BihStatement {
  throw new Error(`no statement ${id}`)
}
