import { type ManifestSegment } from '../format/manifest.js'
import { type Io } from '../io/io.js'
import { loadSegment } from '../segment/load-segments.js'

/** Segments of one table as they are on disk, and the ordinals of the events in them behind the first `skip`. It can be sent to a thread. */
export type SegmentPart = {
  readonly directory: string
  /** Side by side; the first begins at `origin`. */
  readonly segments: readonly ManifestSegment[]
  readonly origin: number
  /** Nothing of the table was taken before. */
  readonly isFirst: boolean
  /** Events of these segments that were taken before. */
  readonly skip: number
  readonly ordinals: Uint32Array
}

/** Whole frames, verified; valid until the next are asked for. */
export type Frames = { readonly source: Uint8Array; readonly from: number; readonly to: number; readonly place: number }

/** @throws DriftError CORRUPT with file and offset. */
export function* framesOfPart(io: Io, tableId: number, { directory, segments, origin }: SegmentPart): Generator<Frames, void> {
  let segmentOrigin = origin
  for (const segment of segments) {
    let found: Frames[] = []
    const loading = loadSegment(io, directory, tableId, segment, segmentOrigin, (source, from, to, place) => {
      found.push({ source, from, to, place })
    })
    for (;;) {
      const step = loading.next()
      yield* found
      found = []
      if (step.done === true) break
    }
    segmentOrigin += segment.bytes
  }
}
