import type { ManifestPages } from '../format/manifest.js'
import type { ApplierParts, CompactionStep, DirectoryAnswer, IndexStep, OpenRowsAnswer } from '../apply/applier.js'
import type { IndexAnswer } from '../apply/applied-index.js'
import type { SegmentPart } from '../apply/segment-part.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import type { ErrorData } from '../base/errors.js'

/** What the apply actor begins with. */
export type ApplyConfig = Omit<ApplierParts, 'io'>

/** The coordinator's way to its apply actor, wherever that runs. Events go through the shared log; what is said of tables goes here. */
export type ApplyLink = {
  /** Something was published in the log. */
  stir(): void
  /** Resolves when everything up to `seq` is applied. */
  untilApplied(seq: number): Promise<void>
  directory(tableId: number): Promise<DirectoryAnswer>
  /** How the newest rows of a table are read; undefined where it has no pages. */
  openRows(tableId: number): Promise<OpenRowsAnswer | undefined>
  /** Takes the pages of a cold table from its snapshot, which has `events` events. */
  restore(tableId: number, info: ManifestPages, events: number): Promise<void>
  /** Writes a snapshot of a table's pages; undefined where it has none. */
  snapshot(tableId: number): Promise<PageSnapshotInfo | undefined>
  load(tableId: number, part: SegmentPart): Promise<void>
  attend(tableId: number): Promise<void>
  goLive(tableId: number): Promise<boolean>
  /** A part of COMPACT of a table's pages, to be called until it is over. */
  compact(tableId: number): Promise<CompactionStep>
  /** No reader has a directory of the table that is older than `version`: what was replaced since goes back. */
  releaseReplaced(tableId: number, version: number): Promise<void>
  forget(tableId: number): Promise<void>
  /** A step in the life of an index, and where it is then. */
  index(tableId: number, indexId: number, step: IndexStep): Promise<IndexAnswer>
  close(): Promise<void>
  /** Called once if it ends unasked: no table has pages any more. */
  onLost(listener: (reason: ErrorData) => void): void
}
