/**
 * A database under test, driven as its own experts would: prepared statements, its bulk path for loads, its own durable settings. Every
 * peer keeps the full history, and its commits are durable when they are acknowledged.
 */
import type { Question } from '../questions/question.js'
import type { Commit, Document, TableShape, Value, Workload } from '../workloads/workload.js'

export interface Peer {
  /** Makes the tables; the database is new. */
  create(tables: readonly TableShape[]): Promise<void>
  /** Each commit is a transaction of its own, durable; resolves when all are. */
  ingest(commits: Iterable<Commit>): Promise<void>
  /** The same state and history by the fastest way that the peer has; not measured. */
  load(workload: Workload): Promise<void>
  /** What an expert does once after a load: secondary indexes, statistics, a checkpoint. */
  upkeep(tables: readonly TableShape[]): Promise<void>
  /**
   * A question ready to be asked many times: what can be prepared is. The call's result is made of JavaScript values.
   * @throws NotExpressible if its language cannot say it
   */
  prepare(question: Question): () => unknown
  /** What a call returned, as `Question` describes answers; off the clock. */
  answer(question: Question, result: unknown): unknown
  /** One durable commit of one new row, for one of `callers` concurrent callers. */
  insert(table: string, document: Document, caller: number): Promise<void>
  /** One durable commit that changes fields of one row, its former state kept. */
  patch(table: string, key: Value, set: Document): Promise<void>
  /** Rewrites its files for good reads and small size, where that is a command of its own. */
  compact?(): Promise<void>
  /** Writes what its next opening begins from, where that is a command of its own. */
  snapshot?(): Promise<void>
  /** Waits for what an opening goes on with behind the first answers, and gives the `performance.now()` of its end; reads are timed after it. */
  settle?(): Promise<number>
  /** Processes other than this one that do its work. */
  readonly servers?: readonly number[]
  close(): Promise<void>
}

/**
 * The number before that of the first commit that is no workload's: past all of theirs, and past those of a process that ran before this
 * one. Each commit adds one, and no peer makes a thousand a millisecond.
 */
export function commitsFromNow(): number {
  return Date.now() * 1000
}

export type OpenOptions = {
  readonly directory: string
  readonly tables: readonly TableShape[]
  /** Concurrent callers of `insert`. */
  readonly callers: number
}

/** A kind of peer: how it is named, found and opened. */
export type PeerKind = {
  readonly name: string
  readonly title: string
  /** Why it is not there and how to get it; undefined if it can run. */
  readonly missing: () => string | undefined
  /** A process of its own; the quick run leaves it out. */
  readonly isServer?: true
  /** Version and settings, a line of the report. */
  readonly setup: () => Promise<string>
  readonly open: (options: OpenOptions) => Promise<Peer>
}
