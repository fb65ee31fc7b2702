/** A table of pages and its naive twin as sources of queries: with pages, of both kinds of kernels, and without. */
import { isDeepStrictEqual } from 'node:util'
import { decodeKey, encodeKey, type Key } from '../../src/codec/key-codec.js'
import { type Document } from '../../src/codec/value.js'
import { equals, TRUE } from '../../src/codec/value-equality.js'
import { realIo } from '../../src/io/real-io.js'
import { javascriptKernels } from '../../src/kernel/javascript-kernels.js'
import { compileKernels, wasmKernels } from '../../src/kernel/wasm-kernels.js'
import { Arena } from '../../src/memory/arena.js'
import { parse } from '../../src/parser/parse.js'
import { type Select } from '../../src/parser/ast.js'
import { objectsOf } from '../../src/executor/result-rows.js'
import { runSelect } from '../../src/executor/run-select.js'
import { QueryMemory } from '../../src/executor/query-memory.js'
import { type Change, type KeyRange, type QuerySource, type Version } from '../../src/relation/query-source.js'
import { type KernelsOf, ScanMemory } from '../../src/scan/scan-memory.js'
import { DirectoryPages, type PagesAtSeq, ScanTable } from '../../src/scan/scan-table.js'
import { type TablePagesOptions } from '../../src/page/table-pages.js'
import { ModelTable } from '../page/_model.js'

const module = compileKernels(realIo)
export const kinds: readonly (readonly [name: string, kernelsOf: KernelsOf])[] = [
  ['wasm', (memory) => wasmKernels(module, memory)],
  ['javascript', (_, views) => javascriptKernels(views)]
]

/** Its pages lie in a few memories. */
export const arenaOf = () => Arena.create({ bytes: 96 * 1024 * 1024, slotBytes: 512 * 1024, memoryBytesMax: 32 * 1024 * 1024 })

export class ScannedTable {
  readonly model: ModelTable
  readonly scans: readonly ScanTable[]
  /** How often rows were read from elsewhere although there were pages. */
  rowScans = 0
  /** What is visible at a seq that has events behind it stays so. */
  readonly #visible = new Map<number, ReturnType<ModelTable['visibleAt']>>()

  constructor(options: Partial<TablePagesOptions> = {}) {
    const arena = arenaOf()
    const memories = kinds.map(([, kernelsOf]) => new ScanMemory(arena, kernelsOf))
    this.model = new ModelTable({ arena, ...options })
    this.scans = memories.map(
      (memory) => new ScanTable({ arena, keys: this.model.pages.keys, memory, readPlace: (place) => this.model.read(place) })
    )
  }

  pagesAt(kind: number, S: number): PagesAtSeq {
    return new DirectoryPages(this.scans[kind] as ScanTable, this.model.pages.directory, S)
  }

  /** Without `kind` there are no pages. */
  sourceAt(S: number, kind?: number): QuerySource {
    const visible = () => {
      if (kind !== undefined) this.rowScans++
      return this.#visibleAt(S)
    }
    const source: QuerySource = {
      seq: S,
      primaryKey: () => 'id',
      columns: () => [],
      count: () => visible().length,
      get: (_, key) => visible().find(({ key: bytes }) => Buffer.compare(bytes, bytesOf(key)) === 0)?.document,
      lastSeqOf: () => 0,
      now: 0,
      find: (point) => ({ seq: point.kind === 'seq' ? Math.min(point.seq, S) : S, notice: undefined }),
      at: (seq) => this.sourceAt(seq, kind),
      commitEnd: (seq) => ({ seq, time: seq }),
      versions: (_, range, window) => {
        if (kind !== undefined) this.rowScans++
        return this.#versions(S, range, window)
      },
      changes: (_, range, from, to) => {
        if (kind !== undefined) this.rowScans++
        return this.#changes(range, from, to)
      },
      *scan(_, range) {
        for (const { document } of within(visible(), range)) yield document
      },
      *jsonLines() {},
      // As the documents have them: of canonical bytes 2^60 comes back as a number, whatever it was.
      *keys(_, range) {
        for (const { document } of within(visible(), range)) yield document['id'] as Key
      }
    }
    return kind === undefined ? source : { ...source, pages: () => this.pagesAt(kind, S) }
  }

  #visibleAt(S: number): ReturnType<ModelTable['visibleAt']> {
    if (S > this.model.seq) return this.model.visibleAt(S)
    const known = this.#visible.get(S) ?? this.model.visibleAt(S)
    this.#visible.set(S, known)
    return known
  }

  /** All versions that are asked for, as they are known at S. A commit is one event. */
  #versions(S: number, range: KeyRange, { after, through }: { readonly after: number; readonly through: number }): Version[] {
    const rows = this.model.rows.toSorted((one, other) => Buffer.compare(one.key, other.key))
    return within(rows, range).flatMap(({ versions }) =>
      versions.flatMap(({ begin, end, document }): Version[] => {
        const endSeq = end <= S ? end : Infinity
        if (begin > S || begin > through || endSeq <= after) return []
        const to = endSeq === Infinity ? undefined : { seq: endSeq, time: endSeq }
        const from = { seq: begin, time: begin }
        return [{ event: 'INSERT', seq: begin, endSeq, document: { ...document }, from, to, metadata: null }]
      })
    )
  }

  /** A fold of all versions. */
  #changes(range: KeyRange, from: number, to: number): Change[] {
    const { rows } = this.model
    const later = Math.max(from, to)
    const found = rows.flatMap(({ key, versions }) => {
      const [before, after] = [from, to].map((S) => versions.find(({ begin, end }) => begin <= S && end > S)?.document)
      if (isDeepStrictEqual(before, after)) return []
      if (before !== undefined && after !== undefined && equals(before, after) === TRUE) return []
      const seq = Math.max(...versions.flatMap(({ begin, end }) => [begin, end]).filter((at) => at <= later))
      return [{ key, change: { key: decodeKey(key), before, after, seq }, document: after ?? before ?? {} }]
    })
    found.sort((one, other) => Buffer.compare(one.key, other.key))
    return within(found, range).map(({ change }) => change)
  }
}

function within<Row extends { readonly key: Uint8Array }>(rows: readonly Row[], { gt, gte, lt, lte, reverse }: KeyRange): Row[] {
  const found = rows.filter(
    ({ key }) =>
      (gt === undefined || Buffer.compare(key, bytesOf(gt)) > 0) &&
      (gte === undefined || Buffer.compare(key, bytesOf(gte)) >= 0) &&
      (lt === undefined || Buffer.compare(key, bytesOf(lt)) < 0) &&
      (lte === undefined || Buffer.compare(key, bytesOf(lte)) <= 0)
  )
  return reverse === true ? found.toReversed() : found
}

export function bytesOf(key: Key): Uint8Array {
  const scratch = new Uint8Array(1100)
  return scratch.slice(0, encodeKey(key, scratch))
}

/** What was parsed is kept: the same text is asked at many points, with pages and without. */
const statements = new Map<string, Select>()

function statementOf(text: string): Select {
  const known = statements.get(text) ?? (parse(text, 'drift')[0] as Select)
  statements.set(text, known)
  return known
}

/** Rows of a SELECT, or the error's code. */
export function answerOf(text: string, parameters: readonly unknown[], source: QuerySource): readonly Document[] | string {
  try {
    const run = runSelect(statementOf(text), source, parameters, new QueryMemory(1e9))
    return [...run.batches].flatMap((batch) => objectsOf(batch, run))
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}
