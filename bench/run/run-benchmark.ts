import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { PeerKind } from '../drivers/peer.js'
import { suiteNamed } from '../suites/suites.js'
import { measuredMachine } from './machine.js'
import { RESULTS_VERSION, type PeerInfo, type Results, type Row } from './results.js'
import { runSuite } from './run-suite.js'
import type { TimingBudget } from './timing.js'

export type BenchmarkOptions = {
  readonly suites: readonly string[]
  readonly kinds: readonly PeerKind[]
  readonly tries: number
  readonly budget: TimingBudget
  readonly quick: boolean
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

/** Runs the suites one after the other in a temporary folder (BENCH_DIRECTORY: on another disk), which is gone afterwards. */
export async function runBenchmark({ suites, kinds, quick, say, ...options }: BenchmarkOptions): Promise<Results> {
  const began = performance.now()
  const at = new Date().toISOString()
  const directory = mkdtempSync(`${process.env['BENCH_DIRECTORY'] ?? tmpdir()}/driftdb-bench-`)
  try {
    const peers = await Promise.all(kinds.map(peerInfo))
    for (const { title, missing } of peers) if (missing !== undefined) say(`${title} is skipped: ${missing}`)
    const there = kinds.filter((kind) => kind.missing() === undefined)
    const machine = measuredMachine(directory)
    const rows: Row[] = []
    const described: Results['suites'][number][] = []
    for (const name of suites) {
      const suite = suiteNamed(name)
      const { expected, rows: found } = await runSuite(suite, there, { directory, say, ...options })
      rows.push(...found)
      described.push({ name, title: suite.title, versions: expected.versionCount, visible: expected.visibleCount })
    }
    return {
      version: RESULTS_VERSION,
      at,
      commit: commitOf(),
      quick,
      seconds: (performance.now() - began) / 1000,
      machine,
      machineAfter: measuredMachine(directory),
      peers,
      suites: described,
      rows
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function peerInfo(kind: PeerKind): Promise<PeerInfo> {
  const missing = kind.missing()
  const { name, title } = kind
  return missing === undefined ? { name, title, setup: await kind.setup() } : { name, title, setup: '', missing }
}

/** Of the code that runs, `+` if files differ from it; `unknown` outside of a checkout. */
function commitOf(): string {
  const cwd = fileURLToPath(new URL('../../../', import.meta.url))
  const git = (...args: string[]) => spawnSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const { status, stdout } = git('rev-parse', '--short', 'HEAD')
  if (status !== 0) return 'unknown'
  return `${stdout.trim()}${git('status', '--porcelain').stdout.trim() === '' ? '' : '+'}`
}
