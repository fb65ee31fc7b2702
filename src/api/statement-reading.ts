/** What a statement reads: its present, its point, the tables of the system that it names, and the pages and indexes that it wants. */
import { COMMITS_TABLE_NAME, isSystemTable, PLANS_TABLE_NAME } from '../base/ids.js'
import { DriftError } from '../base/errors.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { AskedPoint, ReadPoint } from '../coordinator/read-points.js'
import type { TransactionView } from '../coordinator/transaction-view.js'
import type { Select, Statement } from '../parser/ast.js'
import { namesTable } from '../planner/named-tables.js'
import type { PlanCache } from '../planner/plan-cache.js'
import { pointOf } from '../relation/point.js'
import type { SelectRun } from '../executor/run-select.js'
import { resolved } from './point.js'
import { sourceAt, type Moment } from './query-source.js'
import type { StatementOptions } from './running-statement.js'
import type { SessionState } from './session.js'
import type { StatementPages } from './statement-pages.js'
import { transactionSource } from './transaction-source.js'

export const PRESENT: AskedPoint = { kind: 'now' }

/** Finds the sources of statements on one database. */
export class StatementReading {
  readonly #coordinator: Coordinator
  readonly #plans: PlanCache

  constructor(coordinator: Coordinator, plans: PlanCache) {
    this.#coordinator = coordinator
    this.#plans = plans
  }

  /** What a statement that begins now takes for the present. */
  moment(statement: Statement, options: StatementOptions, session: SessionState): Moment {
    const { lastSeq: present } = this.#coordinator
    return { now: this.#coordinator.now(), present, strict: isStrict(options, session), ...this.#systemOf(statement) }
  }

  /** The same for a statement of a transaction. */
  momentOf(statement: Statement, view: TransactionView, options: StatementOptions, session: SessionState): Moment {
    return { now: this.#coordinator.now(), present: view.at, strict: isStrict(options, session), ...this.#systemOf(statement) }
  }

  /** Every source would have to look for the tables of the system: only a statement that names one is given it. */
  #systemOf(statement: Statement): Pick<Moment, 'plans' | 'isWithoutLog'> {
    const plans = namesTable(statement, PLANS_TABLE_NAME) ? this.#plans : undefined
    return { plans, isWithoutLog: !namesTable(statement, COMMITS_TABLE_NAME) }
  }

  /** The source of a SELECT, and what there is to say about its point. */
  reading(select: Select, options: StatementOptions, session: SessionState, pages: StatementPages) {
    const view = session.transaction?.view()
    if (view === undefined) return this.readingAt(select, options, session, this.moment(select, options, session), pages)
    const moment = this.momentOf(select, view, options, session)
    return this.readingAt(select, options, session, { ...moment, own: transactionSource(this.#coordinator, view, moment, pages) }, pages)
  }

  /** Where the tables without their own point are read. */
  readingAt(select: Select, options: StatementOptions, session: SessionState, moment: Moment, pages?: StatementPages) {
    const asked = select.asOf === null ? undefined : resolved(pointOf(select.asOf, options.parameters ?? []), moment.now)
    const wanted = asked ?? options.asOf ?? session.asOf ?? PRESENT
    if (moment.own !== undefined && wanted.kind === 'now') return { source: moment.own, point: { notice: undefined } }
    const { seq, notice } = this.point(wanted, options, session)
    const at = Math.min(seq, moment.present)
    // Of a transaction's source, so that what it reads at its own point is noted.
    return { source: moment.own?.at(at) ?? sourceAt(this.#coordinator, at, moment, pages), point: { notice } }
  }

  /** @throws DriftError SEQ_AHEAD where that is asked for. */
  point(point: AskedPoint, options: StatementOptions, session: SessionState): ReadPoint {
    return this.#coordinator.readPoint(point, isStrict(options, session))
  }
}

/** @throws DriftError READ_ONLY for what cannot be done where the past is read. */
export function refuseAtPast(options: StatementOptions, session: SessionState, statement: string): void {
  const point = options.asOf ?? session.asOf
  if (point === undefined || point.kind === 'now') return
  throw new DriftError('READ_ONLY', 'what is read at a past point cannot be written', { statement })
}

function isStrict(options: StatementOptions, session: SessionState): boolean {
  return session.strict ?? options.strict ?? false
}

/** The indexes that a query may choose. */
export function wantIndexes({ plan, tables }: SelectRun, { indexes }: StatementPages): void {
  const isJoin = plan.source?.kind === 'join'
  if (!isJoin && (plan.source !== undefined || plan.table === undefined || plan.access.kind === 'keys')) return
  for (const { table, source, rows } of tables) {
    if (rows === undefined && !isSystemTable(table) && source.hasOwn?.(table) !== true) indexes.want(table, source.seq)
  }
}

/** The same, and the version pages of its tables. What is found by its key is read by its key. */
export function wantPages(run: SelectRun, pages: StatementPages): void {
  const { plan, tables } = run
  if (plan.source?.kind !== 'join' && plan.access.kind === 'keys') return
  wantIndexes(run, pages)
  const isWhole = plan.group !== undefined || plan.sort.length > 0 || plan.source !== undefined
  // One that a transaction wrote is read by its documents.
  for (const { table, source } of tables) if (source.hasOwn?.(table) !== true) pages.want(table, source.seq, isWhole)
}
