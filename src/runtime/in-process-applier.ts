import type { ManifestPages } from '../format/manifest.js'
import { Applier, type CompactionStep, type DirectoryAnswer, type IndexStep, type OpenRowsAnswer } from '../apply/applier.js'
import type { IndexAnswer } from '../apply/applied-index.js'
import type { SegmentPart } from '../apply/segment-part.js'
import type { Io } from '../io/io.js'
import { Arena } from '../memory/arena.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import type { ApplyConfig, ApplyLink } from './apply-link.js'

/** The apply actor in the caller's own thread: for `:memory:`, and for tests over simulated files. It works when it is asked. */
export class InProcessApplier implements ApplyLink {
  readonly #applier: Applier
  #pumping = false

  constructor(io: Io, config: ApplyConfig) {
    // Each reader of page memory has its own way to be helped when that is short: this one can write pages, the caller's cannot.
    this.#applier = new Applier({ io, ...config, arena: Arena.attach(config.arena.handle) })
  }

  stir(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => this.#pump())
  }

  async untilApplied(): Promise<void> {
    while (this.#applier.step());
  }

  async directory(tableId: number): Promise<DirectoryAnswer> {
    return this.#applier.directory(tableId)
  }

  async openRows(tableId: number): Promise<OpenRowsAnswer | undefined> {
    return this.#applier.openRows(tableId)
  }

  async restore(tableId: number, info: ManifestPages, events: number): Promise<void> {
    this.#applier.restore(tableId, info, events)
  }

  async snapshot(tableId: number): Promise<PageSnapshotInfo | undefined> {
    return whole(this.#applier.snapshot(tableId))
  }

  async load(tableId: number, part: SegmentPart): Promise<void> {
    whole(this.#applier.load(tableId, part))
  }

  async attend(tableId: number): Promise<void> {
    this.#applier.attend(tableId)
  }

  async goLive(tableId: number): Promise<boolean> {
    return whole(this.#applier.goLive(tableId))
  }

  async compact(tableId: number): Promise<CompactionStep> {
    return whole(this.#applier.compact(tableId))
  }

  async releaseReplaced(tableId: number, version: number): Promise<void> {
    this.#applier.releaseReplaced(tableId, version)
  }

  async forget(tableId: number): Promise<void> {
    this.#applier.forget(tableId)
  }

  async index(tableId: number, indexId: number, step: IndexStep): Promise<IndexAnswer> {
    return whole(this.#applier.index(tableId, indexId, step))
  }

  async close(): Promise<void> {
    this.#applier.close()
  }

  onLost(): void {}

  #pump(): void {
    if (this.#applier.step()) setImmediate(() => this.#pump())
    else this.#pumping = false
  }
}

function whole<Value>(steps: Generator<void, Value>): Value {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
