/**
 * The process of one try of the micro level: `node micro-child.js SPEC RESULT` times the steps of a write and a read one by one with tinybench,
 * after it has checked what each gives. Microseconds a call, the median.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Bench } from 'tinybench'
import { crc32 } from '../../src/codec/checksum.js'
import { decodeDocument, encodePlainDocument, encodeDocument, DOCUMENT_ROOM_BYTES } from '../../src/codec/document-codec.js'
import { encodeKey } from '../../src/codec/key-codec.js'
import { EVENT_INSERT, EVENT_PATCH, readFrame, sealFrame, writeFrameHead } from '../../src/format/frame.js'
import { KeyIndex } from '../../src/index/key-index.js'
import { VersionStore } from '../../src/mvcc/version-store.js'
import type { Select } from '../../src/parser/ast.js'
import { parse } from '../../src/parser/parse.js'
import { planSelect } from '../../src/planner/plan.js'
import { order } from '../workloads/order.js'
import { randomNumbers } from '../workloads/random.js'
import type { TrialResult, TrialSpec } from './trial.js'

/** Calls in one sample: the timer is too coarse for one of them. */
const QUICK_CALLS = 1000
const SLOW_CALLS = 10
const KEYS = 100_000
const VERSIONS = 10
const CRC_BYTES = 4096
/** Times the budget of a question: a step takes less than a microsecond, and its code is compiled more than once. */
const PATIENCE = 5

const [, , specPath = '', resultPath = ''] = process.argv
const { budget } = JSON.parse(readFileSync(specPath, 'utf8')) as TrialSpec
/** A result must go somewhere, or the compiler leaves the work out. */
let kept: unknown
let turn = 0
const documents = Array.from({ length: 1000 }, (_, index) => order(index))
const random = randomNumbers(31)
const target = new Uint8Array(DOCUMENT_ROOM_BYTES + 64)
const frame = new Uint8Array(DOCUMENT_ROOM_BYTES + 64)
const encoded = documents.map((document) => encodeDocument(document, 'a document').slice())
const index = new KeyIndex(7)
const store = new VersionStore()
const keys = Array.from({ length: KEYS }, (_, number) => keyBytes(order(number).id))
for (const key of keys) index.add(key, key.length)
for (let version = 0; version < VERSIONS; version++) {
  for (let ordinal = 0; ordinal < KEYS; ordinal++) {
    store.append(ordinal, version * KEYS + ordinal + 1, 0, version === 0 ? EVENT_INSERT : EVENT_PATCH, version === 0, 100)
  }
}
const text = 'SELECT region, COUNT(*) AS n, SUM(amount_cents) FROM orders AS OF @seq:1000 WHERE amount_cents > 10 GROUP BY region'
const statement = selectOf(text)
const names = [{ name: 't', table: 't', primaryKey: 'id', isTable: true, hasColumn: () => true }]

const steps: readonly { readonly name: string; readonly calls: number; readonly work: () => unknown }[] = [
  { name: 'encode', calls: QUICK_CALLS, work: () => encodePlainDocument(next(documents), target, 0) },
  { name: 'decode', calls: QUICK_CALLS, work: () => decodeDocument(next(encoded)) },
  { name: 'frame', calls: QUICK_CALLS, work: () => framed(next(encoded)) },
  { name: 'crc', calls: QUICK_CALLS, work: () => crc32(target.subarray(0, CRC_BYTES)) },
  {
    name: 'probe',
    calls: QUICK_CALLS,
    work: () => {
      const key = keys[random(KEYS)] ?? target
      return index.find(key, key.length)
    }
  },
  { name: 'visible', calls: QUICK_CALLS, work: () => store.versionAt(random(KEYS), random(KEYS * VERSIONS)) },
  { name: 'parse', calls: SLOW_CALLS, work: () => parse(text, 'drift') },
  { name: 'plan', calls: SLOW_CALLS, work: () => planSelect(statement, names) }
]
check()
const bench = new Bench({ time: budget.measureMs * PATIENCE, warmupTime: budget.warmUpMs * PATIENCE, throws: true })
for (const { name, calls, work } of steps) {
  bench.add(
    name,
    () => {
      for (let call = 0; call < calls; call++) kept = work()
    },
    { async: false }
  )
}
await bench.run()
const measures = steps.map(({ name, calls }) => {
  const result = bench.getTask(name)?.result
  if (result === undefined || !('latency' in result)) throw new Error(`${name}: ${JSON.stringify(result)}`)
  return { probe: name, value: (result.latency.p50 * 1000) / calls, unit: 'us' as const }
})
if (kept === undefined) throw new Error('nothing was done')
const result: TrialResult = { measures, answers: {}, notExpressible: {} }
writeFileSync(resultPath, JSON.stringify(result))

function next<T>(values: readonly T[]): T {
  turn = (turn + 1) % values.length
  const value = values[turn]
  if (value === undefined) throw new Error('nothing to take')
  return value
}

function keyBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(64)
  return bytes.slice(0, encodeKey(id, bytes))
}

function framed(payload: Uint8Array): number {
  const from = writeFrameHead(frame, 0, 123_456, 1_700_000_000_000, EVENT_INSERT, payload.length)
  frame.set(payload, from)
  sealFrame(frame, 0)
  return from
}

/** What is timed below gives what it must. */
function check(): void {
  const [document] = documents
  const bytes = encodePlainDocument(document, target, 0)
  if (JSON.stringify(decodeDocument(target, 0, bytes)) !== JSON.stringify(document)) throw new Error('a document came back different')
  framed(target.subarray(0, bytes))
  if (readFrame(frame, 0).seq !== 123_456) throw new Error('a frame came back different')
  if (keys.some((key, ordinal) => index.find(key, key.length) !== ordinal)) throw new Error('a key was found wrong')
  const version = store.versionAt(5, 3 * KEYS + 6)
  if (store.seqOf(version) !== 3 * KEYS + 6) throw new Error('a version was found wrong')
  if (planSelect(statement, names).fields.length !== 2) throw new Error('a plan reads other fields')
}

function selectOf(sql: string): Select {
  const [first] = parse(sql, 'drift')
  if (first?.kind !== 'select') throw new Error(`expected a select, found ${first?.kind}`)
  return first
}
