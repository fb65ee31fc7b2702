import { frameBytes, frameSeq, readFrame, type Frame } from '../format/frame.js'
import { readRecordHeader, recordFramesOffset } from '../format/wal-record.js'
import type { WalImage } from '../wal/read-wal.js'

/** An event and where it was read; valid until the next one. */
export type HeldEvent = { readonly frame: Frame; readonly file: string; readonly offset: number }

/** The events of a WAL that is sound, table by table, each table's in their order. */
export class WalEvents {
  readonly #images: readonly WalImage[]
  /** Of each table three numbers a run: which image, where its frames begin, and end. */
  readonly #runs = new Map<number, number[]>()

  constructor(images: readonly WalImage[]) {
    this.#images = images
    for (const [image, { bytes, records }] of images.entries()) {
      for (const offset of records) {
        let at = recordFramesOffset(bytes, offset)
        for (const run of readRecordHeader(bytes, offset).runs) {
          const runs = this.#runs.get(run.tableId)
          if (runs === undefined) this.#runs.set(run.tableId, [image, at, at + run.bytes])
          else runs.push(image, at, at + run.bytes)
          at += run.bytes
        }
      }
    }
  }

  get tableIds(): Iterable<number> {
    return this.#runs.keys()
  }

  /** Of the frames of a table, those included that its segments have too. */
  bytesOf(tableId: number): number {
    const runs = this.#runs.get(tableId) ?? []
    let bytes = 0
    for (let run = 0; run < runs.length; run += 3) bytes += (runs[run + 2] ?? 0) - (runs[run + 1] ?? 0)
    return bytes
  }

  /** A table's events behind `seq`: without a manifest its segments may end in the middle of a batch. */
  *of(tableId: number, seq: number): Generator<HeldEvent, void> {
    const runs = this.#runs.get(tableId) ?? []
    for (let run = 0; run < runs.length; run += 3) {
      const image = this.#images[runs[run] ?? 0]
      if (image === undefined) return
      const end = runs[run + 2] ?? 0
      for (let at = runs[run + 1] ?? 0; at < end; at += frameBytes(image.bytes, at)) {
        if (frameSeq(image.bytes, at) > seq) yield { frame: readFrame(image.bytes, at), file: image.path, offset: at }
      }
    }
  }
}
