/**
 * `make demo`: real data into a new database, the present and the past of it, a kill -9 in mid-ingest, and how fast each step was.
 * Everything it prints is measured while it runs.
 */
import { spawn } from 'node:child_process'
import { rmSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SingleBar } from 'cli-progress'
import { open, type Database } from 'driftdb'
import { gitHistory } from './git-history.js'
import { ingest, makeTables } from './ingest.js'
import { webHistory, type Release } from './web-history.js'

type Feature = { readonly id: string; readonly [browser: string]: string | null }

const FEATURE = 'css.properties.grid'
const DAYS = ['2012-12-01', '2017-03-10', '2021-01-01']
const directory = fileURLToPath(new URL('../../../.demo', import.meta.url))

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function title(text: string): void {
  say(`\n${text}\n${'─'.repeat(text.length)}`)
}

/** Milliseconds since the last call, and what that makes a second. */
function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const ms = now - last
    last = now
    return ms
  }
}

function rate(count: number, ms: number): string {
  return `${Math.round((count / ms) * 1000).toLocaleString('en-US')} events/s`
}

/** Median of `count` calls, in microseconds; a call is measured in runs of 1,000 because the timer is coarse. */
function microseconds(call: (index: number) => void): number {
  const runs = Array.from({ length: 15 }, (_, run) => {
    const lap = stopwatch()
    for (let index = 0; index < 1000; index++) call(run * 1000 + index)
    return lap()
  }).sort((a, b) => a - b)
  // 1,000 calls in so many ms are so many us each.
  return runs[7] ?? 0
}

function progressBar(total: number): SingleBar {
  const bar = new SingleBar({
    format: '  {bar} {percentage}% · {value}/{total} releases · to {date}',
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 1000,
    stream: process.stdout
  })
  bar.start(total, 0, { date: '' })
  return bar
}

async function main(): Promise<void> {
  const started = performance.now()
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const lap = stopwatch()
  const before = Date.now()
  const releases = webHistory(before)
  say('DriftDB demo: 30 years of the web, as events')
  say(
    `  data: @mdn/browser-compat-data (CC0), ${releases.length.toLocaleString('en-US')} browser releases, read in ${Math.round(lap())} ms`
  )
  await using db = await open(`${directory}/web`)
  const events = await ingestAll(db, releases)
  const keys = await sampleKeys(db)
  present(db, keys)
  past(db, keys)
  history(db)
  await reopen(db, events)
  await crash(before)
  title('7. The history of a git repository')
  await gitHistory(directory, say)
  say(`\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s. The database is in .demo/web; look around:`)
  say(
    `  node dist/bundle/front/driftdb.js sql -d .demo/web -e "SELECT id, chrome, firefox, safari FROM features WHERE chrome = '57' LIMIT 5"`
  )
  say(`  node dist/bundle/front/driftdb.js drift -d .demo/web --table features --key ${FEATURE}`)
}

async function ingestAll(db: Database, releases: readonly Release[]): Promise<number> {
  title('1. Ingest: each release is one durable commit, dated with its release')
  const lap = stopwatch()
  await makeTables(db, releases[0]?.time ?? 0)
  const bar = progressBar(releases.length)
  const events = await ingest(db, releases, 0, (release) => {
    bar.increment(1, { date: new Date(release.time).toISOString().slice(0, 10) })
  })
  bar.stop()
  const ms = lap()
  say(
    `  ${events.toLocaleString('en-US')} events in ${releases.length.toLocaleString('en-US')} commits, each synced to the disk: ${(ms / 1000).toFixed(2)} s, ${rate(events, ms)}`
  )
  return events
}

function present(db: Database, keys: readonly string[]): void {
  title('2. The present')
  const features = db.table<Feature>('features')
  say(`  ${features.count().toLocaleString('en-US')} features; ${FEATURE}: ${supportOf(features.get(FEATURE))}`)
  say(`  get by key: ${microseconds((index) => features.get(keys[index % keys.length] ?? '')).toFixed(2)} µs (median)`)
}

function past(db: Database, keys: readonly string[]): void {
  title('3. The past')
  for (const day of DAYS) {
    const lap = stopwatch()
    using view = db.asOf(`${day}T00:00:00Z`)
    const features = view.table<Feature>('features')
    const count = features.count()
    const ms = lap()
    say(
      `  AS OF '${day}' (seq ${view.seq.toLocaleString('en-US')}): ${count.toLocaleString('en-US')} features, counted in ${ms.toFixed(1)} ms`
    )
    say(`    ${FEATURE}: ${supportOf(features.get(FEATURE))}`)
    say(`    get by key: ${microseconds((index) => features.get(keys[index % keys.length] ?? '')).toFixed(2)} µs (median)`)
  }
}

function history(db: Database): void {
  title(`4. The history of one row: ${FEATURE}`)
  const features = db.table<Feature>('features')
  const lap = stopwatch()
  const entries = [...features.history(FEATURE)].map(({ seq, time, event, payload }) => ({ seq, time, event, payload }))
  const ms = lap()
  for (const { seq, time, event, payload } of entries.slice(0, 6)) {
    say(`  ${new Date(time).toISOString().slice(0, 10)}  seq ${String(seq).padStart(6)}  ${event.padEnd(6)} ${JSON.stringify(payload)}`)
  }
  say(`  ${entries.length} events in ${(ms * 1000).toFixed(0)} µs`)
}

async function reopen(db: Database, events: number): Promise<void> {
  title('5. Close, and open again')
  const before = db.lastSeq
  const lap = stopwatch()
  await db.close()
  const closed = lap()
  await using again = await open(`${directory}/web`)
  const opened = lap()
  if (again.lastSeq !== before) throw new Error(`lost events: ${before} before, ${again.lastSeq} after`)
  say(`  closed in ${closed.toFixed(0)} ms; ${events.toLocaleString('en-US')} events opened and verified in ${opened.toFixed(0)} ms`)
}

async function crash(before: number): Promise<void> {
  title('6. kill -9 in mid-ingest')
  const path = `${directory}/killed`
  const child = spawn(process.execPath, [fileURLToPath(new URL('./crash-child.js', import.meta.url)), path, String(before)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const killAfter = 400 + Math.floor(Math.random() * 400)
  const acknowledged: { id: string; seq: number; count: number }[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    // A line that the kill cut was not acknowledged to anyone.
    if (line.endsWith('}')) acknowledged.push(JSON.parse(line) as (typeof acknowledged)[number])
    if (acknowledged.length === killAfter) child.kill('SIGKILL')
  }
  const events = acknowledged.reduce((sum, { count }) => sum + count, 0)
  say(`  the writer was killed after ${acknowledged.length} acknowledged commits (${events.toLocaleString('en-US')} events)`)
  const lap = stopwatch()
  await using db = await open(path)
  const ms = lap()
  const { recovery } = db.stats()
  const releases = db.table('releases')
  const missing = acknowledged.filter(({ id, seq }) => releases.entry(id)?.seq === undefined || seq > db.lastSeq)
  if (missing.length > 0) throw new Error(`${missing.length} acknowledged commits are missing, first ${missing[0]?.id}`)
  say(
    `  opened in ${ms.toFixed(0)} ms: ${recovery.eventsFromWal.toLocaleString('en-US')} events replayed from the log, ${recovery.tornBytes} torn bytes cut`
  )
  say(`  every acknowledged commit is there; the database goes to seq ${db.lastSeq.toLocaleString('en-US')}`)
  const rest = webHistory(before)
  const from = releases.count()
  const finished = await ingest(db, rest, from, () => {})
  say(`  and the ingest went on where it stopped: ${finished.toLocaleString('en-US')} more events, ${rate(finished, lap())}`)
}

/** Keys of 1,000 features that were there early. */
async function sampleKeys(db: Database): Promise<string[]> {
  using view = db.asOf('2010-01-01')
  const keys: string[] = []
  for await (const key of view.table<Feature>('features').keys({ limit: 1000 })) keys.push(String(key))
  return keys
}

function supportOf(feature: Feature | undefined): string {
  if (feature === undefined) return 'not known yet'
  const names = ['chrome', 'edge', 'firefox', 'safari', 'opera']
  const known = names.filter((name) => feature[name] !== undefined && feature[name] !== null).map((name) => `${name} ${feature[name]}`)
  return known.length === 0 ? `in ${Object.keys(feature).length - 1} other browsers` : known.join(', ')
}

await main()
