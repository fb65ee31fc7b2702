/**
 * The benchmarks. `make bench` installs the peers and runs everything; `npm run bench -- …` runs what is there:
 *
 *   run [--quick | --long] [--suites a,b] [--peers a,b] [--tries N] [--measure-ms N] [--output DIR]   the default
 *   compare BEFORE.json AFTER.json    what got slower or faster, with the noise; ends with 1 if DriftDB got slower
 *   feature NAME …                    one feature beside the disk; EVENTS=1000000 is the size
 *
 * It ends with 1 if an answer was wrong or a trial failed.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { peerKind, peerKinds } from './drivers/kinds.js'
import { charts } from './report/charts.js'
import { compared, comparisonText } from './report/compare.js'
import { markdownReport } from './report/markdown.js'
import { RESULTS_VERSION, type Results } from './run/results.js'
import { runBenchmark } from './run/run-benchmark.js'
import { suiteNamed } from './suites/suites.js'

const FULL = ['micro', 'commits', 'orders-100000', 'scans-100000', 'tax-1', 'tax-10', 'tax-50', 'bih-0', 'bih-10000', 'bih-100000']
/** A million events, ingested five times by each peer, take longer than all the rest; ten million are only there by their name. */
const LONG = ['orders-1000000', 'scans-1000000']
const QUICK = ['micro', 'commits', 'orders-50000', 'scans-100000', 'tax-1', 'tax-10', 'bih-1000']
/** A server takes seconds to begin and to end, in each of a hundred trials. */
const QUICK_PEERS = peerKinds.filter(({ isServer }) => isServer !== true)
/** Processes that a number is the median of. */
const TRIES = '4'
const QUICK_TRIES = '3'
/** How long each question is asked over and over; where only the answers matter, 1 is enough. */
const MEASURE_MS = '50'
const QUICK_MEASURE_MS = '40'
const WARM_UP_MS = 20
const features = [
  'callers',
  'transactions',
  'bulk',
  'indexes',
  'reads',
  'opening',
  'queries',
  'query-threads',
  'command-line',
  'import-git',
  'plans'
]

const [command = 'run', ...rest] = process.argv.slice(2)
try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}

async function main(): Promise<number> {
  if (command === 'compare') return compare(rest)
  if (command === 'feature') return runFeatures(rest)
  return run(command === 'run' ? rest : [command, ...rest])
}

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      suites: { type: 'string' },
      peers: { type: 'string' },
      tries: { type: 'string' },
      'measure-ms': { type: 'string' },
      output: { type: 'string' }
    }
  })
  const quick = values.quick
  const kinds = values.peers === undefined ? (quick ? QUICK_PEERS : peerKinds) : values.peers.split(',').map(peerKind)
  const suites = values.suites?.split(',') ?? (quick ? QUICK : values.long ? [...FULL, ...LONG] : FULL)
  for (const name of suites) suiteNamed(name)
  const tries = wholeNumber('--tries', values.tries ?? (quick ? QUICK_TRIES : TRIES))
  const measureMs = wholeNumber('--measure-ms', values['measure-ms'] ?? (quick ? QUICK_MEASURE_MS : MEASURE_MS))
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('stopped')))
  const results = await runBenchmark({
    suites,
    kinds,
    tries,
    budget: { warmUpMs: Math.min(WARM_UP_MS, measureMs), measureMs },
    quick,
    say: (text) => void process.stderr.write(`${text}\n`),
    signal: stop.signal
  })
  const drawn = await charts(results)
  const report = markdownReport(results, drawn)
  if (values.output !== undefined) {
    const name = `${values.output}/${results.at.replaceAll(':', '-').slice(0, 19)}`
    mkdirSync(name, { recursive: true })
    writeFileSync(`${name}/results.json`, `${JSON.stringify(results, undefined, 1)}\n`)
    writeFileSync(`${name}/report.md`, report)
    for (const { file, svg } of drawn) writeFileSync(`${name}/${file}`, svg)
    process.stderr.write(`written to ${name}\n`)
  }
  process.stdout.write(report)
  const bad = results.rows.flatMap(({ cells }) => Object.values(cells)).filter(({ kind }) => kind === 'wrong answer' || kind === 'failed')
  if (bad.length > 0) process.stderr.write(`${bad.length} answers were wrong or trials failed\n`)
  return bad.length > 0 ? 1 : 0
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${option} must be a number from 1 on, found ${text}`)
  return value
}

function compare([before, after]: readonly string[]): number {
  if (before === undefined || after === undefined) throw new Error('usage: compare BEFORE.json AFTER.json')
  const comparisons = compared(readResults(before), readResults(after))
  process.stdout.write(comparisonText(comparisons))
  return comparisons.some(({ peer, verdict }) => peer.startsWith('DriftDB') && verdict === 'slower') ? 1 : 0
}

function readResults(path: string): Results {
  const results = JSON.parse(readFileSync(path, 'utf8')) as Results
  if (results.version !== RESULTS_VERSION) throw new Error(`${path} holds no results of version ${String(RESULTS_VERSION)}`)
  return results
}

/** Each in a fresh process, so that none warms another. */
function runFeatures(names: readonly string[]): number {
  const unknown = names.filter((name) => !features.includes(name))
  if (unknown.length > 0) throw new Error(`no feature ${unknown.join(', ')}; features are ${features.join(', ')}`)
  let code = 0
  for (const name of names.length === 0 ? features : names) {
    const directory = mkdtempSync(`${process.env['BENCH_DIRECTORY'] ?? tmpdir()}/driftdb-bench-`)
    try {
      const program = fileURLToPath(new URL(`./features/${name}.js`, import.meta.url))
      const { status } = spawnSync(process.execPath, ['--expose-gc', program, directory], { stdio: 'inherit' })
      if (status !== 0) code = 1
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return code
}
