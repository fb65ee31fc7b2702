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
  /**
   * `{ point, …by, count, sum }` for each group at each of many points. `differences`: a language without a word for it adds up what
   * begins and ends between neighbours, which only an expert would write; the points are evenly spaced.
   */
  | {
      readonly kind: 'series'
      readonly table: string
      readonly by: readonly string[]
      readonly column: string
      readonly points: readonly number[]
      readonly differences?: true
    }
  /** Documents whose column is below a number, and at least another. */
  | {
      readonly kind: 'filter'
      readonly table: string
      readonly column: string
      readonly from?: number
      readonly below: number
      readonly at?: number
    }
  /** Documents whose column is a value: by index, where there is one. */
  | { readonly kind: 'lookup'; readonly table: string; readonly column: string; readonly value: Value; readonly at?: number }
  /** `{ key, value }` of the largest values of a column, ties by key. `distinct`: no two rows have the same, so that none need be broken. */
  | {
      readonly kind: 'top'
      readonly table: string
      readonly column: string
      readonly count: number
      readonly distinct?: true
      readonly at?: number
    }
  /** `[key, 'insert' | 'update' | 'delete']` of each row that differs after `to` from what it was after `from`. */
  | { readonly kind: 'changes'; readonly table: string; readonly from: number; readonly to: number }
  /** `{ change, count }` of the same rows. */
  | { readonly kind: 'change-counts'; readonly table: string; readonly from: number; readonly to: number }
  | { readonly kind: 'statement'; readonly id: string; readonly points: readonly number[]; readonly parameters: readonly Value[] }

/** Questions of one sort that are asked in turn and timed together. Every one of them is checked before its time may be printed. */
export type Probe = {
  readonly name: string
  readonly title: string
  readonly questions: readonly Question[]
  /** Names of the peers that are asked; absent: all. Thousands of points would keep an engine for scans busy for minutes. */
  readonly peers?: readonly string[]
}

/** Thrown by a peer whose language cannot say a question. */
export class NotExpressible extends Error {
  override readonly name = 'NotExpressible'
}
