import { DriftError } from '../base/errors.js'
import { formatJsonLines } from '../codec/json-codec.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Batch } from '../expression/batch.js'
import { bytesOf, bytesOfObjects } from '../executor/query-memory.js'
import type { ResultColumn } from '../executor/result-rows.js'
import { integersAs, type IntegerMode } from './integers.js'
import type { CommandName, RunningStatement } from './running-statement.js'

export type QueryResult<Row> = {
  /** Plain objects in column order. */
  readonly rows: readonly Row[]
  readonly columns: readonly ResultColumn[]
  /** Rows that were read, or written. */
  readonly rowCount: number
  readonly command: CommandName
  /** Of a statement that writes. */
  readonly commit: Commit | undefined
  readonly notices: readonly string[]
  /** `memoryBytes`: the most that was taken at a time. */
  readonly stats: { readonly rowsScanned: number; readonly memoryBytes: number; readonly spilledBytes: number }
}

/**
 * A statement that runs once, when it is awaited or read. As a stream (`for await`, `batches`, `json`) it makes rows as they are taken; as a
 * whole (`await`, `all`, `arrays`) it keeps them, within the memory of the query.
 *
 * Errors, of both: those of the statement, ABORTED by its signal, TIMEOUT, LIMIT for its memory, CLOSED after `db.close()`.
 */
export class Query<Row = { [column: string]: unknown }> implements PromiseLike<QueryResult<Row>>, AsyncIterable<Row> {
  readonly #start: () => RunningStatement | Promise<RunningStatement>
  readonly #integers: IntegerMode
  readonly #quick: (() => QueryResult<Row> | undefined) | undefined
  #running: Promise<RunningStatement> | undefined
  #result: Promise<QueryResult<Row>> | undefined
  #isTaken = false

  /** @internal `quick`: the result, where it is found at once. */
  constructor(
    start: () => RunningStatement | Promise<RunningStatement>,
    integers: IntegerMode,
    quick?: () => QueryResult<Row> | undefined
  ) {
    this.#start = start
    this.#integers = integers
    this.#quick = quick
  }

  // oxlint-disable-next-line unicorn/no-thenable -- A query is awaited: that is its contract.
  then<Result = QueryResult<Row>, Failure = never>(
    onResult?: ((result: QueryResult<Row>) => Result | PromiseLike<Result>) | null,
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null
  ): Promise<Result | Failure> {
    this.#result ??= this.#whole()
    return this.#result.then(onResult, onError)
  }

  /** The columns, before any row is made. */
  get columns(): Promise<readonly ResultColumn[]> {
    return this.#started().then((running) => running.columns)
  }

  async all(): Promise<readonly Row[]> {
    return (await this).rows
  }

  /** The first row, or undefined; what was made with it, a batch at most, is let go. */
  async first(): Promise<Row | undefined> {
    for await (const row of this) return row
    return undefined
  }

  /** The first column of the first row, or undefined. */
  async value(): Promise<unknown> {
    const running = await this.#taken()
    for await (const batch of driven(running)) {
      const [row] = running.arrays(batch)
      return integersAs(row?.[0], this.#integers)
    }
    return undefined
  }

  /** Rows as arrays in the order of the columns; null where a row has no value. */
  async arrays(): Promise<unknown[][]> {
    const running = await this.#taken()
    const rows: unknown[][] = []
    for await (const batch of driven(running)) {
      for (const row of running.arrays(batch)) {
        running.control.memory.take(bytesOf(row))
        rows.push(integersAs(row, this.#integers) as unknown[])
      }
    }
    return rows
  }

  /** Rows in lists of `count`; the last may be shorter. */
  async *batches(count = 1000): AsyncGenerator<Row[], void> {
    if (!Number.isInteger(count) || count < 1) throw new DriftError('INVALID_ARGUMENT', `batches of ${count} rows`, { found: count })
    let rows: Row[] = []
    for await (const row of this) {
      rows.push(row)
      if (rows.length < count) continue
      yield rows
      rows = []
    }
    if (rows.length > 0) yield rows
  }

  /** NDJSON: UTF-8 bytes, whole lines in each piece. All digits of integers; times RFC 3339, bytes base64. */
  async *json(): AsyncGenerator<Uint8Array, void> {
    const running = await this.#taken()
    if (this.#integers === 'auto' && running.jsonLines !== undefined) {
      yield* drivenPieces(running.jsonLines(), running)
      return
    }
    for await (const batch of driven(running)) {
      const rows = running.objects(batch)
      yield Buffer.from(formatJsonLines(this.#integers === 'auto' ? rows : rows.map((row) => integersAs(row, this.#integers))))
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void> {
    const running = await this.#taken()
    for await (const batch of driven(running)) {
      for (const row of running.objects(batch)) yield integersAs(row, this.#integers) as Row
    }
  }

  #started(): Promise<RunningStatement> {
    this.#running ??= (async () => this.#start())()
    return this.#running
  }

  #taken(): Promise<RunningStatement> {
    if (this.#isTaken) throw new DriftError('INVALID_ARGUMENT', 'a query is read once; make another one', {})
    this.#isTaken = true
    return this.#started()
  }

  async #whole(): Promise<QueryResult<Row>> {
    const quick = this.#isTaken || this.#running !== undefined ? undefined : this.#quick?.()
    if (quick !== undefined) {
      this.#isTaken = true
      return quick
    }
    return wholeResult<Row>(await this.#taken(), this.#integers)
  }
}

/** All rows of a statement in memory. */
export async function wholeResult<Row>(running: RunningStatement, integers: IntegerMode): Promise<QueryResult<Row>> {
  const { columns, command, commit, notices, control, batches } = running
  const rows: Row[] = []
  try {
    const waiting = running.begin?.()
    if (waiting !== undefined) await waiting
    for (const batch of batches) {
      if (batch.rowCount > 0) {
        const objects = running.objects(batch)
        let bytes = 0
        if (batch.documents === undefined) bytes = bytesOfObjects(batch, columns.length)
        else for (const row of objects) bytes += bytesOf(row)
        for (const row of objects) rows.push((integers === 'auto' ? row : integersAs(row, integers)) as Row)
        control.memory.take(bytes)
      }
      control.check()
      const rest = control.rest(running.until?.())
      if (rest !== undefined) await rest
    }
  } catch (thrown) {
    running.failed?.(thrown)
    throw thrown
  } finally {
    batches.return()
    running.end?.()
  }
  const stats = { rowsScanned: running.rowsScanned(), memoryBytes: control.memory.peakBytes, spilledBytes: control.memory.spilledBytes }
  return { rows, columns, rowCount: running.writtenRows ?? rows.length, command, commit, notices, stats }
}

/** The batches of a statement that hold rows; the event loop turns between them when it is time. */
export async function* driven(running: RunningStatement): AsyncGenerator<Batch, void> {
  for await (const batch of drivenPieces(running.batches, running)) if (batch.rowCount > 0) yield batch
}

async function* drivenPieces<Piece>(
  pieces: Generator<Piece, void>,
  { control, begin, end, until, failed }: RunningStatement
): AsyncGenerator<Piece, void> {
  try {
    const waiting = begin?.()
    if (waiting !== undefined) await waiting
    for (;;) {
      control.check()
      const next = pieces.next()
      if (next.done === true) return
      yield next.value
      const rest = control.rest(until?.())
      if (rest !== undefined) await rest
    }
  } catch (thrown) {
    failed?.(thrown)
    throw thrown
  } finally {
    pieces.return()
    end?.()
  }
}

/** A statement kept with its text: each call gives its parameters. */
export class PreparedQuery<Parameters extends readonly unknown[] | { readonly [name: string]: unknown }, Row> {
  readonly #query: (parameters: Parameters) => Query<Row>

  /** @internal */
  constructor(query: (parameters: Parameters) => Query<Row>) {
    this.#query = query
  }

  /** The query with these parameters: awaited or streamed as any other. */
  run(parameters: Parameters): Query<Row> {
    return this.#query(parameters)
  }

  all(parameters: Parameters): Promise<readonly Row[]> {
    return this.#query(parameters).all()
  }

  first(parameters: Parameters): Promise<Row | undefined> {
    return this.#query(parameters).first()
  }

  value(parameters: Parameters): Promise<unknown> {
    return this.#query(parameters).value()
  }

  arrays(parameters: Parameters): Promise<unknown[][]> {
    return this.#query(parameters).arrays()
  }

  batches(parameters: Parameters, count?: number): AsyncGenerator<Row[], void> {
    return this.#query(parameters).batches(count)
  }

  json(parameters: Parameters): AsyncGenerator<Uint8Array, void> {
    return this.#query(parameters).json()
  }
}
