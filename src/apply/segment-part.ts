import { assertLaw } from '../base/errors.js'
import { frameBytes } from '../format/frame.js'
import { type ManifestSegment } from '../format/manifest.js'
import { type Io } from '../io/io.js'
import { loadSegment } from '../segment/load-segments.js'

/** A segment of a table as it is on disk, and the ordinals of the events in it behind the first `skip`. It can be sent to a thread. */
export type SegmentPart = {
  readonly directory: string
  /** It begins at `origin`. Undefined: there are no events any more. */
  readonly segment: ManifestSegment | undefined
  readonly origin: number
  /** Nothing of the table was taken before. */
  readonly isFirst: boolean
  /** Events of the segment that were taken before. */
  readonly skip: number
  readonly ordinals: Uint32Array
}

/** Events between two chances to look up: about two milliseconds. */
const STEP_EVENTS = 1024

/** Whole frames, verified; valid until the next are asked for. */
type Frames = { readonly source: Uint8Array; readonly from: number; readonly to: number; readonly place: number }

/**
 * Gives each event of a part that was not taken before, in steps, until `take` says false. The file is opened before the first of them.
 * @throws DriftError CORRUPT with file and offset.
 */
export function* takePart(
  io: Io,
  tableId: number,
  part: SegmentPart,
  take: (source: Uint8Array, at: number, ordinal: number, place: number) => boolean
): Generator<void, void> {
  const { skip, ordinals } = part
  let count = 0
  for (const { source, from, to, place } of framesOfPart(io, tableId, part)) {
    for (let at = from; at < to; at += frameBytes(source, at)) {
      if (count >= skip) {
        if (!take(source, at, ordinals[count - skip] as number, place + at - from)) return
        if (count % STEP_EVENTS === 0) yield
      }
      count++
    }
  }
  assertLaw(count - skip === ordinals.length, 'VIS-11', `a part of table ${tableId} has ${count - skip} events, not ${ordinals.length}`)
}

function* framesOfPart(io: Io, tableId: number, { directory, segment, origin }: SegmentPart): Generator<Frames, void> {
  if (segment === undefined) return
  let found: Frames[] = []
  const loading = loadSegment(io, directory, tableId, segment, origin, (source, from, to, place) => {
    found.push({ source, from, to, place })
  })
  for (;;) {
    const step = loading.next()
    yield* found
    found = []
    if (step.done === true) return
  }
}
