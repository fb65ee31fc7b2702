/** SELECT, SELECT FOR UPDATE, EXPLAIN and SHOW DRIFT. */
import { DriftError } from '../base/errors.js'
import type { Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Explain, Select, SelectForUpdate, ShowDrift } from '../parser/ast.js'
import { newExecution } from '../expression/evaluate.js'
import { explainDocument, explainLines } from '../executor/explain-node.js'
import { accessText, explainTree } from '../executor/explain.js'
import { valueOf } from '../expression/parameters.js'
import type { PlanCache } from '../planner/plan-cache.js'
import { PlanProbe } from '../executor/plan-probe.js'
import type { QuerySource } from '../relation/query-source.js'
import type { ResultColumn } from '../executor/result-rows.js'
import { runSelect, type SelectRun } from '../executor/run-select.js'
import type { Control } from './control.js'
import { HISTORY_COLUMNS, OWN_HISTORY_COLUMNS } from './history-columns.js'
import { selectAndLock } from './locked-select.js'
import { given, noticesOf, rowsRun, running, takeUntil, type RunningStatement, type StatementOptions } from './running-statement.js'
import type { SessionState } from './session.js'
import { StatementPages } from './statement-pages.js'
import { PRESENT, refuseAtPast, wantIndexes, wantPages, type StatementReading } from './statement-reading.js'
import { transactionHistory } from './transaction-history.js'
import { transactionSource } from './transaction-source.js'
import { TableView, type TransactionHistoryEntry } from './view.js'

const PLAN_COLUMNS: readonly ResultColumn[] = [{ name: 'plan', type: 'text', nullable: false }]
const PLAN_DOCUMENT_COLUMNS: readonly ResultColumn[] = [{ name: 'plan', type: 'jsonb', nullable: false }]

/** Runs statements that read. */
export class ReadStatements {
  readonly #coordinator: Coordinator
  readonly #plans: PlanCache
  readonly #reading: StatementReading

  constructor(coordinator: Coordinator, plans: PlanCache, reading: StatementReading) {
    this.#coordinator = coordinator
    this.#plans = plans
    this.#reading = reading
  }

  select(select: Select, options: StatementOptions, session: SessionState, control: Control): RunningStatement {
    const pages = new StatementPages(this.#coordinator, session.forced)
    const { source, point } = this.#reading.reading(select, options, session, pages)
    const run = runSelect(select, source, options.parameters ?? [], control.memory)
    wantPages(run, pages)
    // An index is chosen when the first row is asked for.
    const planned = (): void => this.#plans.planned(select, run.index?.made?.index.definition ?? run.plan, () => accessText(run, source))
    if (!this.#plans.isPlanned(select)) planned()
    const end = (): void => {
      pages.end()
      planned()
    }
    return running('SELECT', run, control, point.notice, { begin: () => pages.begin(control, () => run.index?.isCertain === true), end })
  }

  async selectForUpdate(
    statement: SelectForUpdate,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    refuseAtPast(options, session, 'SELECT FOR UPDATE')
    const { transaction } = session
    if (transaction === undefined) {
      const message = 'FOR UPDATE locks rows to the end of a transaction, and none is open here; BEGIN begins one'
      throw new DriftError('INVALID_ARGUMENT', message, {})
    }
    const parameters = options.parameters ?? []
    let pages: StatementPages
    const source = (): QuerySource => {
      const view = transaction.view()
      pages = new StatementPages(this.#coordinator, session.forced)
      return transactionSource(this.#coordinator, view, this.#reading.momentOf(statement, view, options, session), pages)
    }
    const begin = (run: SelectRun): Promise<void> | undefined => {
      wantIndexes(run, pages)
      return pages.indexes.begin(control)
    }
    const reading = { source, begin }
    const { run, batches } = await selectAndLock(statement, transaction, reading, this.#coordinator, parameters, control)
    return { ...running('SELECT', run, control, undefined), batches: given(batches), jsonLines: undefined }
  }

  async explain(
    { select, analyze, format }: Explain,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    const pages = new StatementPages(this.#coordinator, session.forced, { isCounting: analyze })
    const { source, point } = this.#reading.reading(select, options, session, pages)
    const probe = analyze ? new PlanProbe(() => this.#coordinator.monotonic(), control.memory) : undefined
    const run = runSelect(select, source, options.parameters ?? [], control.memory, probe === undefined ? {} : { probe: probe.probe })
    try {
      if (analyze) wantPages(run, pages)
      else wantIndexes(run, pages)
      await pages.begin(control, () => analyze && run.index?.isCertain === true)
      if (analyze) await control.finish(run.batches, () => takeUntil(run))
      // Which index would be used is known while what it is asked may be read.
      void run.index?.choice
    } finally {
      pages.end()
    }
    const tree = explainTree(select, run, source, probe, newExecution(options.parameters ?? []))
    const isText = format === 'text'
    const rows = isText ? explainLines(tree).map((plan) => ({ plan })) : [{ plan: explainDocument(tree) }]
    const columns = isText ? PLAN_COLUMNS : PLAN_DOCUMENT_COLUMNS
    return { ...rowsRun('EXPLAIN', columns, rows, control, undefined), notices: noticesOf(run, point.notice) }
  }

  history({ table, key }: ShowDrift, options: StatementOptions, session: SessionState, control: Control): RunningStatement {
    const asked = options.asOf ?? session.asOf ?? PRESENT
    const { transaction } = session
    const wanted = valueOf(key, options.parameters ?? []) as Key
    if (transaction !== undefined && asked.kind === 'now') {
      const rows = transactionHistory(this.#coordinator, transaction.view(), this.#coordinator.table(table), wanted)
      return rowsRun('SHOW DRIFT', OWN_HISTORY_COLUMNS, shownEvents(rows), control, undefined)
    }
    const point = this.#reading.point(asked, options, session)
    const view = new TableView(this.#coordinator, table, () => point.seq)
    return rowsRun('SHOW DRIFT', HISTORY_COLUMNS, shownEvents(view.history(wanted)), control, point.notice)
  }
}

function* shownEvents(entries: Iterable<TransactionHistoryEntry<unknown>>): Generator<Document, void> {
  for (const { seq, time, event, payload, document, metadata } of entries) {
    yield { seq, time: time === null ? null : new Date(time), event, payload, document: document as Document | null, metadata }
  }
}
