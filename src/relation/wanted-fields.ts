/** What a query reads of its rows, so that nothing else is computed for them. */
import { type Path } from '../parser/ast.js'

export type WantedFields = {
  /** All that `*` shows. */
  readonly all: boolean
  /** Names of top-level fields. */
  readonly names: ReadonlySet<string>
}

export function wantedFields(paths: readonly Path[], all: boolean): WantedFields {
  return { all, names: new Set(paths.map(([name]) => String(name))) }
}
