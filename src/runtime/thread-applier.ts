import type { ManifestPages } from '../format/manifest.js'
import type { CompactionStep, DirectoryAnswer, IndexStep, OpenRowsAnswer } from '../apply/applier.js'
import type { IndexAnswer } from '../apply/applied-index.js'
import type { SegmentPart } from '../apply/segment-part.js'
import type { ErrorData } from '../base/errors.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import type { ApplyConfig, ApplyLink } from './apply-link.js'
import type { ApplyControl } from './apply-loop.js'
import { closed, HeldThread } from './held-thread.js'

/** The apply actor in a thread of its own. It comes up with the first commit or question: who only reads by key never has one. */
export class ThreadApplier implements ApplyLink {
  readonly #config: ApplyConfig
  #thread: HeldThread<ApplyControl> | undefined
  #isClosed = false
  #onLost: (reason: ErrorData) => void = () => {}

  constructor(config: ApplyConfig) {
    this.#config = config
  }

  stir(): void {
    if (this.#thread === undefined && !this.#isClosed) this.#started()
    else this.#config.apply.stirApply()
  }

  async untilApplied(seq: number): Promise<void> {
    if (this.#config.apply.appliedSeq >= seq) return
    await this.#started().wait(() => this.#config.apply.untilApplied(seq))
  }

  async directory(tableId: number): Promise<DirectoryAnswer> {
    return this.#started().ask((control) => control.directory(tableId))
  }

  async openRows(tableId: number): Promise<OpenRowsAnswer | undefined> {
    return this.#started().ask((control) => control.openRows(tableId))
  }

  async restore(tableId: number, info: ManifestPages, events: number): Promise<void> {
    await this.#started().ask((control) => control.restore(tableId, info, events))
  }

  async snapshot(tableId: number): Promise<PageSnapshotInfo | undefined> {
    return this.#started().ask((control) => control.snapshot(tableId))
  }

  async load(tableId: number, part: SegmentPart): Promise<void> {
    await this.#started().ask((control) => control.load(tableId, part))
  }

  async attend(tableId: number): Promise<void> {
    await this.#started().ask((control) => control.attend(tableId))
  }

  async goLive(tableId: number): Promise<boolean> {
    return this.#started().ask((control) => control.goLive(tableId))
  }

  async compact(tableId: number): Promise<CompactionStep> {
    return this.#started().ask((control) => control.compact(tableId))
  }

  async releaseReplaced(tableId: number, version: number): Promise<void> {
    await this.#started().ask((control) => control.releaseReplaced(tableId, version))
  }

  async forget(tableId: number): Promise<void> {
    await this.#started().ask((control) => control.forget(tableId))
  }

  async index(tableId: number, indexId: number, step: IndexStep): Promise<IndexAnswer> {
    return this.#started().ask((control) => control.index(tableId, indexId, step))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const thread = this.#thread
    if (thread === undefined) return
    // A thread that is lost has nothing to clean up: the next opening does.
    await thread.ask((control) => control.close()).catch(() => {})
    await thread.end()
  }

  onLost(listener: (reason: ErrorData) => void): void {
    this.#onLost = listener
  }

  #started(): HeldThread<ApplyControl> {
    if (this.#thread !== undefined) return this.#thread
    if (this.#isClosed) throw closed()
    const entry = new URL('../../workers/apply.js', import.meta.url)
    const thread = new HeldThread<ApplyControl>(
      entry,
      'driftdb-apply',
      'the apply thread ended; tables are read without their pages',
      (lost) => this.#onLost(lost.toData())
    )
    this.#thread = thread
    const { memory, apply, arena, pageTable, ...config } = this.#config
    const start = { ...config, memory: memory.handle, apply: apply.handle, arena: arena.handle, pageTable: pageTable.handle }
    thread.ask((control) => control.start(start)).catch(() => thread.giveUp())
    return thread
  }
}
