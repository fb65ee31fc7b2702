/**
 * What a peer is asked. `at` is the number of a commit; absent, the present is asked, as a user of the present would write it. Each kind
 * has one answer, which is the same from every peer; `statement` is a query of the BiH workload by its name.
 */
import type { Value } from '../workloads/workload.js'

export type Question =
  /** A document, or null. */
  | { readonly kind: 'get'; readonly table: string; readonly key: Value; readonly at?: number }
  /** `[from, to | null, document]` for each version of a key, oldest first. `last`: that many, from the newest; within `from` … `to`. */
  | {
      readonly kind: 'history'
      readonly table: string
      readonly key: Value
      readonly last?: number
      readonly from?: number
      readonly to?: number
    }
  /** `{ count, sum }` of an integer column. */
  | { readonly kind: 'sum'; readonly table: string; readonly column: string; readonly at?: number }
  /** `{ …by, count, sum }` for each group. */
  | { readonly kind: 'group'; readonly table: string; readonly by: readonly string[]; readonly column: string; readonly at?: number }
  /** `{ point, …by, count, sum }` for each group at each of many points. */
  | {
      readonly kind: 'series'
      readonly table: string
      readonly by: readonly string[]
      readonly column: string
      readonly points: readonly number[]
    }
  /** Documents whose column is below a number. */
  | { readonly kind: 'filter'; readonly table: string; readonly column: string; readonly below: number; readonly at?: number }
  /** Documents whose column is a value: by index, where there is one. */
  | { readonly kind: 'lookup'; readonly table: string; readonly column: string; readonly value: Value; readonly at?: number }
  /** `{ key, value }` of the largest values of a column, ties by key. */
  | { readonly kind: 'top'; readonly table: string; readonly column: string; readonly count: number; readonly at?: number }
  /** `[key, 'insert' | 'update' | 'delete']` of each row that differs after `to` from what it was after `from`. */
  | { readonly kind: 'changes'; readonly table: string; readonly from: number; readonly to: number }
  | { readonly kind: 'statement'; readonly id: string; readonly points: readonly number[]; readonly parameters: readonly Value[] }

/** Questions of one sort that are asked in turn and timed together. Every one of them is checked before its time may be printed. */
export type Probe = { readonly name: string; readonly title: string; readonly questions: readonly Question[] }

/** Thrown by a peer whose language cannot say a question. */
export class NotExpressible extends Error {
  override readonly name = 'NotExpressible'
}
