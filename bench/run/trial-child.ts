/** The process of one try: `node trial-child.js SPEC RESULT`, two JSON files. What goes wrong ends it with an error. */
import { readFileSync, writeFileSync } from 'node:fs'
import { answerDigest, canonicalAnswer } from '../questions/answer.js'
import { NotExpressible, type Probe } from '../questions/question.js'
import { peerKind } from '../drivers/kinds.js'
import type { Peer } from '../drivers/peer.js'
import { CALLERS } from '../suites/suite.js'
import { suiteNamed } from '../suites/suites.js'
import { order } from '../workloads/order.js'
import { bytesOnDisk, processUsage, type Usage } from './process-usage.js'
import { quantile } from './statistics.js'
import { timeCalls, type TimingBudget } from './timing.js'
import type { Expected, Measure, TrialResult, TrialSpec } from './trial.js'

const PATCHES = 100

const [, , specPath = '', resultPath = ''] = process.argv
const spec = JSON.parse(readFileSync(specPath, 'utf8')) as TrialSpec
const expected = JSON.parse(readFileSync(spec.expected, 'utf8')) as Expected
const suite = suiteNamed(spec.suite)
const kind = peerKind(spec.peer)
const emptyBytesPath = `${spec.directory}/empty-bytes`
const measures: Measure[] = []
const answers: { [probe: string]: string } = {}
const notExpressible: { [probe: string]: string } = {}
const measure = (probe: string, value: number, unit: Measure['unit']) => void measures.push({ probe, value, unit })
const callers = spec.stage === 'commits' ? Math.max(...CALLERS) : 1
const openPeer = async (): Promise<Peer> => kind.open({ directory: spec.directory, tables: suite.workload.tables, callers })

switch (spec.stage) {
  case 'ingest':
    await ingest()
    break
  case 'load':
    await load()
    break
  case 'upkeep':
    await upkeep()
    break
  case 'compact':
    await compact()
    break
  case 'read':
    await read()
    break
  case 'patch':
    await patch()
    break
  case 'commits':
    await commits()
    break
  case 'micro':
    throw new Error('the micro level has a process of its own')
}
const result: TrialResult = { measures, answers, notExpressible }
writeFileSync(resultPath, JSON.stringify(result))
// Some drivers leave handles behind.
process.exit(0)

async function ingest(): Promise<void> {
  const peer = await openPeer()
  await create(peer)
  const before = processUsage(peer.servers)
  const began = performance.now()
  await peer.ingest(suite.workload.commits())
  const ms = performance.now() - began
  const after = processUsage(peer.servers)
  measure('ingest', (expected.eventCount / ms) * 1000, '/s')
  resources('ingest', before, after)
  await peer.close()
  measure('ingest-bytes', bytesAVersion(), 'bytes')
}

async function load(): Promise<void> {
  const peer = await openPeer()
  await create(peer)
  const began = performance.now()
  await peer.load(suite.workload)
  measure('load', (expected.eventCount / (performance.now() - began)) * 1000, '/s')
  await peer.close()
}

async function upkeep(): Promise<void> {
  const peer = await openPeer()
  const began = performance.now()
  await peer.upkeep(suite.workload.tables)
  measure('upkeep', (performance.now() - began) / 1000, 's')
  await peer.close()
  measure('bytes', bytesAVersion(), 'bytes')
}

async function compact(): Promise<void> {
  const peer = await openPeer()
  if (peer.compact === undefined) throw new Error(`${kind.title} has no COMPACT`)
  const began = performance.now()
  await peer.compact()
  measure('upkeep', (performance.now() - began) / 1000, 's')
  await peer.close()
  measure('bytes', bytesAVersion(), 'bytes')
  await snapshot()
}

/** After COMPACT alone was measured: what opens more quickly takes some more room. */
async function snapshot(): Promise<void> {
  const peer = await openPeer()
  await peer.snapshot?.()
  await peer.close()
  measure('snapshot-bytes', bytesAVersion(), 'bytes')
}

/** What a database takes without a row (servers take 40 to 110 MiB) is not the price of its versions. */
async function create(peer: Peer): Promise<void> {
  await peer.create(suite.workload.tables)
  writeFileSync(emptyBytesPath, String(bytesOnDisk(spec.directory)))
}

function bytesAVersion(): number {
  const empty = Number(readFileSync(emptyBytesPath, 'utf8'))
  return (bytesOnDisk(spec.directory) - empty) / expected.versionCount
}

async function read(): Promise<void> {
  const opening = performance.now()
  const peer = await openPeer()
  const first = expected.probes[0]
  if (first !== undefined) await ask(peer, { ...first, questions: first.questions.slice(0, 1) })
  measure('open', (performance.now() - opening) * 1000, 'us')
  measure('settle', (((await peer.settle?.()) ?? performance.now()) - opening) * 1000, 'us')
  measure('open-memory', process.memoryUsage.rss() / 2 ** 20, 'MiB')
  for (const probe of expected.probes) {
    if (probe.peers?.includes(kind.name) ?? true) await ask(peer, probe, patient(spec.budget))
  }
  measure('read-memory', processUsage(peer.servers).peakMemoryMiB, 'MiB')
  await peer.close()
}

function patient({ warmUpMs, measureMs }: TimingBudget): TimingBudget {
  const { warmUp, warmUpMax = warmUp, measure: measuring } = suite.patience ?? { warmUp: 1, measure: 1 }
  return { warmUpMs: warmUpMs * warmUp, warmUpMaxMs: warmUpMs * warmUpMax, measureMs: measureMs * measuring }
}

/** Answers first; what was answered right is timed, with the same questions in the same order. */
async function ask(peer: Peer, probe: Probe, budget?: TimingBudget): Promise<void> {
  const calls: (() => unknown)[] = []
  const texts: string[] = []
  let answeringMs = 0
  let isAsync = false
  try {
    for (const question of probe.questions) {
      const call = peer.prepare(question)
      calls.push(call)
      const asked = performance.now()
      const returned = call()
      isAsync ||= returned instanceof Promise
      const found = await returned
      answeringMs += performance.now() - asked
      texts.push(canonicalAnswer(question, peer.answer(question, found)))
    }
  } catch (error) {
    if (!(error instanceof NotExpressible)) throw new Error(`${kind.title} could not answer ${probe.name}`, { cause: error })
    notExpressible[probe.name] = error.message
    return
  }
  if (budget === undefined) return
  answers[probe.name] = answerDigest(texts)
  if (answers[probe.name] !== expected.answers[probe.name]) return
  const us = (answeringMs * 1000) / calls.length
  measure(probe.name, await timeCalls(calls, budget, { us, isAsync }), 'us')
}

async function patch(): Promise<void> {
  const peer = await openPeer()
  const times: number[] = []
  for (let index = 0; index < PATCHES; index++) {
    const began = performance.now()
    await peer.patch('orders', order(index).id, { status: 'patched', amount_cents: index })
    times.push((performance.now() - began) * 1000)
  }
  measure('patch', quantile(times.slice(PATCHES / 10), 0.5), 'us')
  await peer.close()
}

async function commits(): Promise<void> {
  const peer = await openPeer()
  await peer.create(suite.workload.tables)
  let next = 0
  const turn = async (count: number, ms: number): Promise<{ readonly rate: number; readonly p50: number; readonly p99: number }> => {
    const times: number[] = []
    const began = performance.now()
    const work = async (caller: number): Promise<void> => {
      while (performance.now() - began < ms) {
        const from = performance.now()
        await peer.insert('orders', order(next++), caller)
        times.push((performance.now() - from) * 1000)
      }
    }
    await Promise.all(Array.from({ length: count }, (_, caller) => work(caller)))
    const rate = (times.length / (performance.now() - began)) * 1000
    return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  }
  const { warmUpMs, measureMs } = patient(spec.budget)
  for (const count of CALLERS) {
    await turn(count, warmUpMs)
    const { rate, p50, p99 } = await turn(count, measureMs)
    measure(`commits-${count}`, rate, '/s')
    measure(`commits-${count}-p50`, p50, 'us')
    measure(`commits-${count}-p99`, p99, 'us')
  }
  const questions = [{ kind: 'sum' as const, table: 'orders', column: 'priority' }]
  const probe: Probe = { name: 'commits-count', title: '', questions }
  const found = await countOf(peer, probe)
  if (found !== next) throw new Error(`${kind.title} has ${found} of ${next} rows that it acknowledged`)
  await peer.close()
}

async function countOf(peer: Peer, { questions: [question] }: Probe): Promise<number> {
  if (question === undefined) throw new Error('no question')
  const answer = peer.answer(question, await peer.prepare(question)())
  return Number((answer as { readonly count: unknown }).count)
}

function resources(stage: string, before: Usage, after: Usage): void {
  measure(`${stage}-cpu`, ((after.cpuSeconds - before.cpuSeconds) * 1e6) / expected.eventCount, 'us')
  measure(`${stage}-memory`, after.peakMemoryMiB, 'MiB')
}
