import { pageEventOf } from '../apply/apply-frame.js'
import { DriftError } from '../base/errors.js'
import { type TableDefinition } from '../catalog/catalog.js'
import { type IndexDefinition } from '../catalog/index-definition.js'
import { strayIndexFiles } from '../coordinator/stray-index-files.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import { EVENT_INSERT, EVENT_PATCH, frameBytes } from '../format/frame.js'
import { type Manifest } from '../format/manifest.js'
import { IndexCheck } from '../index/check-index.js'
import { ClosedNodes } from '../index/closed-nodes.js'
import { IndexFiles } from '../index/index-files.js'
import { IndexKeys } from '../index/index-keys.js'
import { KeyIndex } from '../index/key-index.js'
import { goneTo, NODE_BYTES, type NodeMemory } from '../index/node-memory.js'
import { restoreTableIndex } from '../index/restore-table-index.js'
import { type IndexEvent } from '../index/table-index.js'
import { type Io } from '../io/io.js'
import { Arena } from '../memory/arena.js'
import { loadSegments } from '../segment/load-segments.js'
import { type Findings } from './findings.js'

/** Address space, of which only what is read becomes memory. */
const BYTES_MAX = 8 * 1024 ** 3
const BYTES_MIN = 16 * 1024 ** 2
/** An index is held against the rows at so many points of its history, the last one among them. */
const POINTS = 8

/** What is known of a table whose segments were found whole. */
export type IndexedTable = {
  readonly definition: TableDefinition
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly manifest: Manifest
}

/**
 * Checks the files of a table's indexes: every checksum, the nodes by themselves, and that what is visible at some points of the past is
 * what the events up to there make. Writes nothing. Yields the bytes that it went through; returns how many indexes have files.
 */
export function* checkIndexes(io: Io, table: IndexedTable, findings: Findings): Generator<number, number> {
  const { definition, directory, databaseId, manifest } = table
  for (const path of strayIndexFiles(io, directory, databaseId, definition)) {
    findings.note(path, 0, 'no index has this file; the next opening for writing removes it')
  }
  const checked: CheckedIndex[] = []
  let count = 0
  for (const index of definition.indexes) {
    const files = new IndexFiles({ databaseId, tableId: definition.id, table: definition.name, directory, definition: index })
    if (io.kind(files.index) !== 'file') continue
    count++
    const found = yield* restored(io, files, index, table, findings)
    if (found !== undefined) checked.push(found)
  }
  if (checked.length === 0) return count
  const keys = new KeyIndex(manifest.hashSeed)
  yield* loadSegments(io, `${directory}/segments`, manifest, (source, from, to, place) => {
    for (let at = from; at < to; at += frameBytes(source, at)) {
      const event = pageEventOf(source, at, 0, place + at - from, 'with key')
      let ordinal = keys.find(event.key, event.keyBytes)
      if (ordinal < 0) ordinal = keys.add(event.key, event.keyBytes)
      for (const index of checked) index.take({ ...event, ordinal }, findings)
    }
  })
  for (const index of checked) index.end(findings)
  return count
}

function* restored(
  io: Io,
  files: IndexFiles,
  definition: IndexDefinition,
  { manifest }: IndexedTable,
  findings: Findings
): Generator<number, CheckedIndex | undefined> {
  const path = files.index
  try {
    const bytes = sizeOf(io, path)
    const arena = Arena.create({ bytes: Math.min(BYTES_MAX, BYTES_MIN + 2 * bytes) })
    const steps = restoreTableIndex(io, arena, files, definition.columns, {})
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) yield 64 * NODE_BYTES
    yield bytes
    const { index, seq, events } = step.value
    if (seq > manifest.checkpointSeq) {
      findings.problem(path, 16, `it goes up to event ${seq}, the segments up to ${manifest.checkpointSeq} (IDX-5)`)
      return undefined
    }
    const check = new IndexCheck(index.memory, new ClosedNodes(io, files))
    if (hasNodeFaults(index.memory, check, files, findings)) return undefined
    return new CheckedIndex(path, definition, check, { seq, events })
  } catch (error) {
    // It was dropped, or made anew, by a live writer.
    if (io.kind(path) === 'file') findings.thrown(error, path)
    return undefined
  }
}

function sizeOf(io: Io, path: string): number {
  const file = io.openRead(path)
  try {
    return file.size()
  } finally {
    file.close()
  }
}

function hasNodeFaults(memory: NodeMemory, check: IndexCheck, { index, nodes }: IndexFiles, findings: Findings): boolean {
  let isFound = false
  let open = 0
  for (let id = 0; id < memory.nodeCount; id++) {
    const place = memory.placeOf(id)
    const number = place < 0 ? goneTo(place) : open++
    const fault = check.nodeFault(id)
    if (fault === undefined) continue
    isFound = true
    findings.problem(place < 0 ? nodes : index, FILE_HEADER_BYTES + number * NODE_BYTES, `node ${id}: ${fault} (IDX-1)`)
  }
  return isFound
}

/** An index beside the fold of its table's events: the key that each row would have in it. */
class CheckedIndex {
  readonly #path: string
  readonly #keys: IndexKeys
  readonly #check: IndexCheck
  readonly #progress: { readonly seq: number; readonly events: number }
  readonly #rows = new Map<number, Uint8Array>()
  #events = 0
  #nextPoint = 1
  #hasFault = false

  constructor(path: string, { columns }: IndexDefinition, check: IndexCheck, progress: { readonly seq: number; readonly events: number }) {
    this.#path = path
    this.#keys = new IndexKeys(columns)
    this.#check = check
    this.#progress = progress
  }

  take(event: IndexEvent, findings: Findings): void {
    const { events, seq } = this.#progress
    if (this.#events >= events) return
    this.#fold(event)
    if (++this.#events < (events * this.#nextPoint) / POINTS || this.#hasFault) return
    this.#nextPoint++
    let fault = this.#events === events && event.seq !== seq ? `event ${events} has seq ${event.seq}, not ${seq} (IDX-5)` : undefined
    fault ??= this.#faultAt(event.seq)
    if (fault === undefined) return
    this.#hasFault = true
    findings.problem(this.#path, 0, fault)
  }

  /** Behind the last event. */
  end(findings: Findings): void {
    const { events } = this.#progress
    if (this.#events < events) findings.problem(this.#path, 24, `it has ${events} events, the segments have ${this.#events} (IDX-5)`)
  }

  #fold({ event, ordinal, key, keyBytes, source, from }: IndexEvent): void {
    const keys = this.#keys
    const before = this.#rows.get(ordinal)
    if (event === EVENT_INSERT) {
      keys.look(source, from)
      this.#rows.set(ordinal, keys.bytes.slice(0, keys.ofDocument(key, keyBytes)))
    } else if (event === EVENT_PATCH && before !== undefined) {
      if (keys.look(source, from)) this.#rows.set(ordinal, keys.bytes.slice(0, keys.ofPatch(before, 0, before.length)))
    } else this.#rows.delete(ordinal)
  }

  #faultAt(S: number): string | undefined {
    let found = 0
    let last: Uint8Array | undefined
    try {
      for (const { key, value } of this.#check.entriesAt(S)) {
        const expected = this.#rows.get(value)
        if (expected === undefined || Buffer.compare(expected, key) !== 0) {
          return `at seq ${S} row ${value} has another entry than its events say (IDX-1)`
        }
        if (last !== undefined && Buffer.compare(last, key) >= 0) return `at seq ${S} the entry of row ${value} is out of order (IDX-3)`
        last = expected
        found++
      }
    } catch (error) {
      return DriftError.from(error, this.#path).message
    }
    return found === this.#rows.size ? undefined : `at seq ${S} there are ${found} entries of ${this.#rows.size} rows (IDX-1)`
  }
}
