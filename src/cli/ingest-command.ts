/** `driftdb ingest`: a file of rows into a table, streamed: memory is bounded whatever the file's size. */
import { createReadStream } from 'node:fs'
import { open as openFile, stat, type FileHandle } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { CommanderError, InvalidArgumentError, Option, type Command } from 'commander'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Database } from '../index.js'
import type { CommandContext } from './command-context.js'
import { errorText } from './error-text.js'
import { inputError } from './input-error.js'
import type { InputRow, InputRows } from './input-row.js'
import { lineBlocks } from './line-blocks.js'
import { ndjsonRows } from './ndjson-rows.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printCommit } from './print-result.js'
import { ProgressBar } from './progress-bar.js'
import { RowSender, type SentRow } from './row-sender.js'
import type { Terminal } from './terminal.js'

type IngestOptions = Omit<OutputOptions, 'mode'> & {
  readonly directory: string
  readonly table: string
  readonly format?: 'ndjson' | 'csv'
  readonly pk?: string
  readonly batch: number
  readonly mode: 'insert' | 'upsert'
  readonly onError: 'stop' | 'skip'
  readonly rejects?: string
  readonly text?: true
}

const LINE_FEED = Buffer.from('\n')
const CHUNK_BYTES = 1024 * 1024
/** A commit of large rows ends early. */
const BATCH_CHARACTERS = 4 * 1024 * 1024
/** Of refused rows, so many are said on standard error; `--rejects` has them all. */
const REFUSALS_SAID = 100

const EXAMPLES = `
Examples:
  driftdb ingest -d ./mydata --table orders --pk id orders.ndjson
  driftdb ingest -d ./mydata --table users --pk email --mode upsert --on-error skip --rejects bad.csv users.csv
  zcat big.ndjson.gz | driftdb ingest -d ./mydata --table events -`

export function ingestCommand(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command('ingest')
    .description('insert the rows of an NDJSON or CSV file')
    .argument('<file>', 'the file; - is standard input')
    .requiredOption('-d, --directory <dir>', 'the database')
    .requiredOption('--table <name>', 'the table')
    .addOption(new Option('--format <format>', 'by default csv for .csv, ndjson for all else').choices(['ndjson', 'csv']))
    .option('--pk <field>', 'primary key: makes the table if it is not there')
    .option('--batch <rows>', 'rows of one commit', batchRows, 1000)
    .addOption(new Option('--mode <mode>', 'upsert replaces rows that are there').choices(['insert', 'upsert']).default('insert'))
    .addOption(new Option('--on-error <what>', 'at a row that is refused').choices(['stop', 'skip']).default('stop'))
    .option('--rejects <file>', 'keeps the refused rows, with --on-error skip')
    .option('--text', 'CSV: keep every cell as text')
  addOutputOptions(command, { mode: false })
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: IngestOptions) => {
      terminal.configure(options)
      refuseContradictions(file, options)
      const source = await Source.open(file, terminal.signal)
      try {
        await using db = await openDatabase(options.directory, terminal, {})
        await makeTable(db, options)
        await new Ingest(terminal, db, options, source, await ProgressBar.make(terminal, options.table)).run()
      } finally {
        source.close()
      }
    })
}

function refuseContradictions(file: string, { rejects, onError }: IngestOptions): void {
  if (rejects === undefined) return
  if (onError !== 'skip') throw new CommanderError(2, 'driftdb.usage', '--rejects needs --on-error skip')
  if (resolve(rejects) === resolve(file)) throw new CommanderError(2, 'driftdb.usage', '--rejects would overwrite the input')
}

async function makeTable(db: Database, { table, pk }: IngestOptions): Promise<void> {
  const known = db.tables().find(({ name }) => name === table)
  if (known === undefined) {
    if (pk === undefined) {
      throw new DriftError('UNKNOWN_TABLE', `there is no table ${JSON.stringify(table)}; --pk FIELD makes it`, { table })
    }
    await db.createTable(table, { primaryKey: pk })
  } else if (pk !== undefined && pk !== known.primaryKey) {
    throw new DriftError('INVALID_ARGUMENT', `the primary key of ${table} is ${known.primaryKey}, not ${pk}`, { table, found: pk })
  }
}

/** The bytes of a file, or of standard input. */
class Source {
  readonly name: string
  /** Undefined where it is not known. */
  readonly bytes: number | undefined
  readonly #chunks: NodeJS.ReadableStream & { destroy(): unknown }
  readonly #signal: AbortSignal
  readonly #stop = () => this.close()

  private constructor(
    name: string,
    bytes: number | undefined,
    chunks: NodeJS.ReadableStream & { destroy(): unknown },
    signal: AbortSignal
  ) {
    this.name = name
    this.bytes = bytes
    this.#chunks = chunks
    this.#signal = signal
    signal.addEventListener('abort', this.#stop)
  }

  static async open(file: string, signal: AbortSignal): Promise<Source> {
    if (file === '-') return new Source('standard input', undefined, process.stdin, signal)
    try {
      const { size } = await stat(file)
      const handle = await openFile(file)
      const stream = createReadStream('', { fd: handle, highWaterMark: CHUNK_BYTES })
      return new Source(file, size === 0 ? undefined : size, stream, signal)
    } catch (error) {
      throw inputError(error, file)
    }
  }

  /** Whoever feeds a pipe may stop for long; what came before is written meanwhile. */
  get isPipe(): boolean {
    return this.bytes === undefined
  }

  async *chunks(): AsyncGenerator<Buffer, void> {
    try {
      for await (const chunk of this.#chunks) yield chunk as Buffer
    } catch (error) {
      if (this.#signal.aborted) throw new DriftError('ABORTED', 'interrupted', {}, error)
      throw inputError(error, this.name)
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#stop)
    this.#chunks.destroy()
  }
}

class Ingest {
  readonly #terminal: Terminal
  readonly #options: IngestOptions
  readonly #source: Source
  readonly #sender: RowSender
  readonly #bar: ProgressBar
  #rejects: FileHandle | undefined
  #refused = 0
  #header = ''
  #batch: SentRow[] = []
  #batchCharacters = 0

  constructor(terminal: Terminal, db: Database, options: IngestOptions, source: Source, bar: ProgressBar) {
    this.#terminal = terminal
    this.#options = options
    this.#source = source
    this.#bar = bar
    this.#sender = new RowSender(db.table(options.table), options.mode, (row, error) => this.#refuse(row, error))
  }

  async run(): Promise<void> {
    const { rejects } = this.#options
    if (rejects !== undefined) {
      this.#rejects = await openFile(rejects, 'w').catch((error: unknown) => {
        throw inputError(error, rejects)
      })
    }
    try {
      await this.#readAll()
    } catch (error) {
      await this.#sender.settle().catch(() => {})
      this.#bar.stop()
      const { rows, last } = this.#sender
      this.#terminal.note(
        `${rows} ${rows === 1 ? 'row is' : 'rows are'} stored${last === undefined ? '' : `, the last at @seq:${last.seq}`}`
      )
      throw error
    } finally {
      this.#bar.stop()
      await this.#rejects?.close()
    }
    await this.#report()
  }

  async #readAll(): Promise<void> {
    for await (const { rows, bytesRead } of await this.#rows()) {
      for (const row of rows) await this.#take(row)
      this.#bar.update(bytesRead, this.#source.bytes, `${this.#sender.rows} rows`)
      if (this.#source.isPipe) await this.#send()
      this.#terminal.check()
    }
    await this.#send()
    await this.#sender.settle()
  }

  async #rows(): Promise<InputRows> {
    const { format, text = false } = this.#options
    const blocks = lineBlocks(this.#source.chunks())
    if ((format ?? (extname(this.#source.name).toLowerCase() === '.csv' ? 'csv' : 'ndjson')) === 'ndjson') return ndjsonRows(blocks)
    const { csvRows } = await import('./csv-rows.js')
    return csvRows(blocks, {
      text,
      onColumns: (names, types, header) => {
        this.#header = header
        this.#terminal.note(`columns: ${names.map((name, index) => `${name} ${types[index] ?? 'text'}`).join(', ')}`)
      }
    })
  }

  /** Not async: a promise for each row would cost more than the row. */
  #take(row: InputRow): Promise<void> | undefined {
    if (row.error !== undefined) return this.#send().then(() => this.#refuse(row, row.error))
    this.#batch.push(row)
    this.#batchCharacters += row.characters
    return this.#batch.length >= this.#options.batch || this.#batchCharacters > BATCH_CHARACTERS ? this.#send() : undefined
  }

  async #send(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchCharacters = 0
    await this.#sender.send(batch)
    this.#terminal.check()
  }

  /** Throws the reason with its line, or, with `--on-error skip`, keeps the row. */
  async #refuse({ line, raw }: InputRow, error: DriftError): Promise<void> {
    const named = new DriftError(error.code.slice(6) as 'LIMIT', `line ${line}: ${error.message}`, { ...error.details, line }, error)
    if (this.#options.onError === 'stop') throw named
    if (++this.#refused <= REFUSALS_SAID) this.#terminal.note(errorText(named))
    if (this.#refused === REFUSALS_SAID + 1) this.#terminal.note('more rows are refused; they are counted, and kept with --rejects')
    if (this.#rejects === undefined) return
    if (this.#refused === 1 && this.#header !== '') await this.#rejects.write(`${this.#header}\n`)
    const text = raw()
    await this.#rejects.write(Buffer.concat([typeof text === 'string' ? Buffer.from(text) : text, LINE_FEED]))
  }

  async #report(): Promise<void> {
    const { rows, last } = this.#sender
    const mode = modeOf({ ...this.#options, mode: undefined }, this.#terminal)
    const more = { rows, ...(this.#refused === 0 ? {} : { refused: this.#refused }) }
    if (this.#refused > 0) this.#terminal.note(`${this.#refused} ${this.#refused === 1 ? 'row was' : 'rows were'} refused`)
    await printCommit(this.#terminal, mode, 'INGEST', last === undefined ? undefined : { ...last, count: rows }, more)
  }
}

function batchRows(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > limits.batchEventsMax) {
    throw new InvalidArgumentError(`It is a whole number from 1 to ${limits.batchEventsMax}.`)
  }
  return count
}
