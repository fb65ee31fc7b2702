/**
 * Random commits over several tables, and feeds that begin anywhere, filtered or not, fast, slow or asleep, while checkpoints, compaction,
 * snapshots and openings come between: each feed must be what the list of the commits says, whole and in order, without a gap or a double.
 */
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { DriftError, type BatchOperation, type ChangesOptions, type CommitChanges, type Database, type Document } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Dice, ManualClock, openSimulated, type Opened } from '../coordinator/_database.js'

const FULL = process.env['FULL'] === '1'
const SEEDS = FULL ? 200 : 20
const STEPS = 150
const TABLES = ['a', 'b', 'c']
const KEYS = [1, 2, 'x', 'y', true, 2.5] as const
type Key = (typeof KEYS)[number]
/** Far more than anything takes: a feed that is not there by then never comes. */
const TURNS_MAX = 20_000

/** The truth: every commit, and what the rows are. */
class Oracle {
  readonly commits: CommitChanges[] = []
  readonly #rows = new Map<string, Document>()

  row(table: string, key: Key): Document | undefined {
    return this.#rows.get(`${table} ${typeof key} ${String(key)}`)
  }

  /** The operation as an event without its seq; the row is changed. */
  apply(operation: BatchOperation, seq: number): CommitChanges['events'][number] {
    const event = this.#event(operation, seq)
    const name = `${event.table} ${typeof event.key} ${String(event.key)}`
    if (event.document === null) this.#rows.delete(name)
    else this.#rows.set(name, event.document)
    return event
  }

  #event(operation: BatchOperation, seq: number): CommitChanges['events'][number] {
    if ('insert' in operation || 'upsert' in operation) {
      const table = 'insert' in operation ? operation.insert : operation.upsert
      const document = operation.document as Document
      return { seq, table, key: document['id'] as Key, event: 'INSERT', payload: document, document }
    }
    if ('patch' in operation) {
      const set = operation.set as Document
      const document = { ...this.row(operation.patch, operation.key as Key), ...set }
      return { seq, table: operation.patch, key: operation.key, event: 'PATCH', payload: set, document }
    }
    return { seq, table: operation.softDelete, key: operation.key, event: 'SOFT_DELETE', payload: null, document: null }
  }

  expected({ from, to, tables, key }: Required<Pick<Feed, 'from' | 'to'>> & Pick<ChangesOptions, 'tables' | 'key'>): CommitChanges[] {
    return this.commits
      .filter(({ seq }) => seq >= from && seq <= to)
      .map((commit) => ({
        ...commit,
        events: commit.events.filter((event) => (tables?.includes(event.table) ?? true) && (key === undefined || event.key === key))
      }))
      .filter(({ events }) => events.length > 0)
  }
}

/** A reader, which begins again behind what it has when the database was closed under it. */
class Feed {
  readonly from: number
  readonly to: number
  readonly options: ChangesOptions
  readonly name: string
  readonly found: CommitChanges[] = []
  isDone = false
  error: unknown
  readonly #isSlow: boolean
  #credit = 0
  #feed: ReturnType<Database['changes']> | undefined
  #go = (): void => {}

  constructor(from: number, to: number, options: ChangesOptions, isSlow: boolean) {
    this.from = from
    this.to = to
    this.options = options
    this.#isSlow = isSlow
    this.name = `${isSlow ? 'slow' : 'fast'} from ${from} to ${to} ${JSON.stringify(options)}`
  }

  start(db: Database): void {
    if (this.isDone) return
    const last = this.found.at(-1)?.seq
    const { from = 'start' } = this.options
    this.#feed = db.changes({
      ...this.options,
      from: last === undefined ? (this.#feed === undefined ? from : this.from) : last + 1,
      ...(this.to === Number.POSITIVE_INFINITY ? {} : { to: this.to })
    })
    this.#go()
    void this.#read(this.#feed)
  }

  async #read(feed: AsyncIterable<CommitChanges>): Promise<void> {
    try {
      for await (const commit of feed) {
        this.found.push(commit)
        while (this.#isSlow && this.#credit === 0 && this.#feed === feed) await new Promise<void>((resolve) => (this.#go = resolve))
        // Begun again meanwhile: who waited here must not take the place of who waits there.
        if (this.#feed !== feed) return
        this.#credit--
      }
      this.isDone = true
    } catch (thrown) {
      if (!(thrown instanceof DriftError && thrown.code === 'DRIFT_CLOSED')) {
        this.error = thrown
        this.isDone = true
      }
    }
  }

  read(commits: number): void {
    this.#credit = Math.max(0, this.#credit) + commits
    this.#go()
  }

  async end(): Promise<void> {
    await this.#feed?.return()
  }
}

class Run {
  readonly oracle = new Oracle()
  readonly feeds: Feed[] = []
  readonly #io = new MemoryIo()
  readonly #clock = new ManualClock()
  readonly #dice: Dice
  #opened: Opened
  #nextSeq = 1
  #writing: Promise<unknown>[] = []
  #made: string[] = []

  private constructor(dice: Dice, opened: Opened) {
    this.#dice = dice
    this.#opened = opened
  }

  static async begin(seed: number): Promise<Run> {
    const run = new Run(new Dice(seed), await openSimulated(new MemoryIo()))
    await run.#opened.db.close()
    run.#opened = await run.#open()
    return run
  }

  #open(readOnly = false): Promise<Opened> {
    return openSimulated(this.#io, { clock: this.#clock, compactAtBytes: 2000, readOnly })
  }

  get db(): Database {
    return this.#opened.db
  }

  async step(): Promise<void> {
    const dice = this.#dice
    const choice = dice.below(100)
    this.#clock.wall += dice.below(3)
    if (this.#made.length === 0 || (this.#made.length < TABLES.length && choice < 3)) await this.#make()
    else if (choice < 60) await this.#commit()
    else if (choice < 72) this.#start()
    else if (choice < 88) for (const feed of this.feeds) feed.read(dice.below(3))
    else if (choice < 92) await this.#opened.coordinator.checkpoint()
    else if (choice < 94) await this.db.compact(dice.chance(0.5) ? dice.of(this.#made) : undefined)
    else if (choice < 96) await this.db.snapshot()
    else if (choice < 98) await this.#reopen()
    else for (let turns = dice.below(5); turns >= 0; turns--) await turn()
  }

  async #make(): Promise<void> {
    const table = TABLES[this.#made.length] ?? ''
    const seq = this.#nextSeq++
    const event = { seq, table, key: null, event: 'SCHEMA', payload: { table, primaryKey: 'id', indexes: [] }, document: null } as const
    this.oracle.commits.push({ seq, firstSeq: seq, time: this.#clock.wall, metadata: null, events: [event] })
    await this.db.createTable(table, { primaryKey: 'id' })
    this.#made.push(table)
  }

  async #commit(): Promise<void> {
    const dice = this.#dice
    const firstSeq = this.#nextSeq
    const operations: BatchOperation[] = []
    const events: CommitChanges['events'][number][] = []
    for (let count = dice.chance(0.05) ? 600 : 1 + dice.below(4); count > 0; count--) {
      const operation = this.#operation()
      operations.push(operation)
      events.push(this.oracle.apply(operation, this.#nextSeq++))
    }
    const metadata = dice.chance(0.5) ? { n: firstSeq, who: dice.of(['ann', 'ben', null]) } : null
    this.oracle.commits.push({ seq: this.#nextSeq - 1, firstSeq, time: this.#clock.wall, metadata, events })
    this.#writing.push(this.db.batch(operations, { metadata }))
    if (dice.chance(0.4)) await this.#written()
  }

  async #written(): Promise<void> {
    await Promise.all(this.#writing)
    this.#writing = []
  }

  #operation(): BatchOperation {
    const dice = this.#dice
    const table = dice.of(this.#made)
    const key = dice.of(KEYS)
    const document = { id: key, n: dice.below(100), text: 'x'.repeat(dice.below(40)) }
    if (this.oracle.row(table, key) === undefined) return { insert: table, document }
    if (dice.chance(0.2)) return { softDelete: table, key }
    return dice.chance(0.6) ? { patch: table, key, set: { [dice.of(['n', 'm'])]: dice.below(100) } } : { upsert: table, document }
  }

  #start(): void {
    const dice = this.#dice
    const { lastSeq } = this.db
    const from = dice.of(['start', 'now', dice.below(lastSeq + 2)] as const)
    const first = from === 'start' ? 0 : from === 'now' ? lastSeq + 1 : from
    const follow = dice.chance(0.6)
    const to = dice.chance(0.3) ? dice.below(lastSeq + 100) : Number.POSITIVE_INFINITY
    const options = {
      from,
      follow,
      ...(dice.chance(0.3) ? { tables: this.#made.filter(() => dice.chance(0.6)) } : {}),
      ...(dice.chance(0.2) ? { key: dice.of(KEYS) } : {})
    }
    // What does not follow ends with what is visible now, also when it begins again later.
    const feed = new Feed(first, follow ? to : Math.min(to, lastSeq), options, dice.chance(0.5))
    this.feeds.push(feed)
    feed.start(this.db)
  }

  async #reopen(): Promise<void> {
    await this.#written()
    await this.db.close()
    this.#opened = await this.#open()
    for (const feed of this.feeds) feed.start(this.db)
  }

  /** What is wrong with one of the feeds. */
  async end(): Promise<string | undefined> {
    await this.#written()
    const expected = new Map(this.feeds.map((feed) => [feed, this.oracle.expected({ ...feed.options, from: feed.from, to: feed.to })]))
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      for (const feed of this.feeds) feed.read(1000)
      if (this.feeds.every((feed) => feed.isDone || (feed.options.follow && feed.found.length >= (expected.get(feed)?.length ?? 0)))) break
      await turn()
    }
    // One turn more: what comes twice would come now.
    await turn()
    for (const feed of this.feeds) await feed.end()
    for (const feed of this.feeds) {
      if (feed.error !== undefined) return `${feed.name}: ${feed.error instanceof Error ? feed.error.stack : 'no error'}`
      const wanted = JSON.stringify(expected.get(feed))
      const found = JSON.stringify(feed.found)
      if (found !== wanted) return `${feed.name}:\n${found}\ninstead of\n${wanted}`
    }
    await this.db.close()
    const { db } = await this.#open(true)
    const whole: CommitChanges[] = []
    for await (const commit of db.changes()) whole.push(commit)
    await db.close()
    return JSON.stringify(whole) === JSON.stringify(this.oracle.commits) ? undefined : 'read-only it is another list'
  }
}

test('SEQ-8, ATM-4: whatever comes between, each feed is the list of the commits: from its seq, once, in order, whole', async (t) => {
  t.timeout(60 * 60_000)
  let feeds = 0
  let given = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await Run.begin(seed)
    for (let step = 0; step < STEPS; step++) await run.step()
    const wrong = await run.end()
    if (wrong !== undefined) t.fail(`seed ${seed}: ${wrong.slice(0, 4000)}`)
    feeds += run.feeds.length
    for (const { found } of run.feeds) given += found.length
  }
  t.true(feeds > SEEDS * 5 && given > feeds, `${feeds} feeds gave ${given} commits`)
  t.log(`${feeds} feeds gave ${given} commits`)
})
