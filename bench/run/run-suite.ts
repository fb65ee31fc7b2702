/** All tries of a suite, one process each, the peers in turn within each try so that a noisy minute meets all of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { PeerKind } from '../drivers/peer.js'
import type { Suite, SuiteMeasure } from '../suites/suite.js'
import type { Cell, Row } from './results.js'
import type { TimingBudget } from './timing.js'
import type { Expected, Measure, Stage, TrialResult, TrialSpec, Unit } from './trial.js'

export type RunOptions = {
  /** A folder of its own; emptied at the end. */
  readonly directory: string
  readonly tries: number
  readonly budget: TimingBudget
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

export type SuiteResult = { readonly expected: Expected; readonly rows: readonly Row[] }

/** What is known of a peer: its results by stage, or why it is out. */
export type Progress = { readonly kind: PeerKind; readonly results: TrialResult[]; failure?: string }

/** A child that does nothing for so long is stopped: a trial has an end. */
const TRIAL_SECONDS_MAX = 600

export async function runSuite(suite: Suite, kinds: readonly PeerKind[], options: RunOptions): Promise<SuiteResult> {
  const { directory, tries, say } = options
  const expectedPath = `${directory}/expected.json`
  await node(options, './oracle-child.js', suite.name, expectedPath)
  const expected = JSON.parse(readFileSync(expectedPath, 'utf8')) as Expected
  const all = kinds.filter((kind) => takesPart(suite, kind)).map((kind): Progress => ({ kind, results: [] }))
  const stages = async (stage: Stage, count: number, chosen: readonly Progress[]): Promise<void> => {
    for (let attempt = 1; attempt <= count; attempt++) {
      for (const one of chosen) {
        if (one.failure !== undefined) continue
        const began = performance.now()
        await trial(suite, one, stage, expectedPath, options)
        say(`${suite.name} · ${one.kind.title} · ${stage}${count > 1 ? ` ${attempt}/${count}` : ''} · ${seconds(began)}`)
      }
    }
  }
  const compacted = all.filter(({ kind }) => kind.name === 'driftdb-compacted')
  const others = all.filter((one) => !compacted.includes(one))
  if (suite.made === 'by each try') await stages('commits', tries, all)
  else if (suite.made === 'micro') await stages('micro', tries, all)
  else {
    await (suite.made === 'ingest' ? stages('ingest', tries, others) : stages('load', 1, others))
    // What is compacted is a copy of what DriftDB has loaded, where it did.
    const loaded = others.find(({ kind, failure }) => kind.name === 'driftdb' && failure === undefined)
    if (loaded === undefined) await stages('load', 1, compacted)
    else for (const { kind } of compacted) cpSync(databaseOf(directory, loaded.kind), databaseOf(directory, kind), { recursive: true })
    await stages('upkeep', 1, others)
    await stages('compact', 1, compacted)
    await stages('read', tries, all)
    if (suite.patches) await stages('patch', tries, all)
  }
  for (const { kind } of all) rmSync(databaseOf(directory, kind), { recursive: true, force: true })
  return { expected, rows: rowsOf(suite, expected, all) }
}

function takesPart({ made, compacted, peers }: Suite, { name }: PeerKind): boolean {
  if (name === 'driftdb') return true
  return name === 'driftdb-compacted' ? compacted : made !== 'micro' && (peers?.includes(name) ?? true)
}

function databaseOf(directory: string, { name }: PeerKind): string {
  return `${directory}/${name}`
}

async function trial(suite: Suite, progress: Progress, stage: Stage, expected: string, options: RunOptions): Promise<void> {
  const database = databaseOf(options.directory, progress.kind)
  if (stage === 'ingest' || stage === 'load' || stage === 'commits') rmSync(database, { recursive: true, force: true })
  mkdirSync(database, { recursive: true })
  const specPath = `${options.directory}/trial.json`
  const resultPath = `${options.directory}/result.json`
  rmSync(resultPath, { force: true })
  const spec: TrialSpec = { peer: progress.kind.name, suite: suite.name, stage, directory: database, expected, budget: options.budget }
  writeFileSync(specPath, JSON.stringify(spec))
  try {
    await node(options, stage === 'micro' ? './micro-child.js' : './trial-child.js', specPath, resultPath)
    progress.results.push(JSON.parse(readFileSync(resultPath, 'utf8')) as TrialResult)
  } catch (error) {
    if (options.signal.aborted) throw error
    progress.failure = `${stage}: ${error instanceof Error ? error.message : String(error)}`
    options.say(`${suite.name} · ${progress.kind.title} · ${progress.failure}`)
  }
}

/** A fresh process; its error text is the error's message. */
async function node({ signal }: RunOptions, program: string, ...parameters: string[]): Promise<void> {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=16384', path, ...parameters], {
    stdio: ['ignore', 'inherit', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
    timeout: TRIAL_SECONDS_MAX * 1000
  })
  let text = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (piece: string) => {
    text = (text + piece).slice(-4000)
  })
  const [code, end] = (await once(child, 'close')) as [number | null, string | null]
  if (code !== 0) throw new Error(`the process ended with ${code ?? end}\n${text.trim()}`)
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

/** The table of a suite. A wrong answer leaves no number, whatever the other tries found. */
export function rowsOf(suite: Suite, expected: Expected, all: readonly Progress[]): readonly Row[] {
  const titles: readonly SuiteMeasure[] = [...suite.measures, ...expected.probes]
  const asked = new Set(expected.probes.map(({ name }) => name))
  const found = new Set(all.flatMap(({ results }) => results.flatMap(({ measures }) => measures.map(({ probe }) => probe))))
  return titles.flatMap(({ name: probe, title, comparable = true }): readonly Row[] => {
    if (!found.has(probe) && !asked.has(probe)) return []
    const checked = asked.has(probe)
    const cells = all.flatMap((progress): [string, Cell][] => {
      const cell = cellOf(progress, probe, checked ? expected.answers[probe] : undefined)
      return cell === undefined ? [] : [[progress.kind.name, cell]]
    })
    const unit = unitOf(all, probe)
    return [
      {
        suite: suite.name,
        probe,
        title,
        unit,
        better: unit === '/s' ? 'higher' : 'lower',
        comparable,
        checked,
        cells: Object.fromEntries(cells)
      }
    ]
  })
}

function cellOf({ results, failure }: Progress, probe: string, expected: string | undefined): Cell | undefined {
  for (const { answers, notExpressible } of results) {
    const why = notExpressible[probe]
    if (why !== undefined) return { kind: 'not expressible', why }
    const answer = answers[probe]
    if (expected !== undefined && answer !== undefined && answer !== expected) return { kind: 'wrong answer', expected, found: answer }
  }
  if (failure !== undefined) return { kind: 'failed', why: failure }
  const values = measuresOf(results, probe).map(({ value }) => value)
  if (values.length === 0) return undefined
  return { kind: 'found', values }
}

function measuresOf(results: readonly TrialResult[], name: string): readonly Measure[] {
  return results.flatMap(({ measures }) => measures.filter(({ probe }) => probe === name))
}

function unitOf(all: readonly Progress[], probe: string): Unit {
  return all.map(({ results }) => measuresOf(results, probe)[0]?.unit).find((unit) => unit !== undefined) ?? 'us'
}
