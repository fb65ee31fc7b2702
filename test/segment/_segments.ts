/** Segments of one table, made by the appender as the writer makes them. */
import { EVENT_INSERT, frameHeadBytes, sealFrame, writeFrameHead } from '../../src/format/frame.js'
import type { Manifest } from '../../src/format/manifest.js'
import type { MemoryIo } from '../../src/io/memory-io.js'
import type { SegmentSummary } from '../../src/segment/block-builder.js'
import { loadSegments } from '../../src/segment/load-segments.js'
import { SegmentAppender } from '../../src/segment/segment-appender.js'

export const FOLDER = '/data/tables/t/segments'
export const TABLE_ID = 16
const databaseId = new Uint8Array(16).fill(9)

/** A frame of event `seq` with so many bytes of payload. */
export function frameOf(seq: number, payloadBytes = 30): Uint8Array {
  const frame = new Uint8Array(frameHeadBytes(seq) + payloadBytes)
  const at = writeFrameHead(frame, 0, seq, 1000 + seq, EVENT_INSERT, payloadBytes)
  for (let index = at; index < frame.length; index += 101) frame[index] = seq + index
  sealFrame(frame, 0)
  return frame
}

export function appenderOver(io: MemoryIo, segments: readonly SegmentSummary[] = []): SegmentAppender {
  io.makeDirectory(FOLDER)
  return new SegmentAppender(io, FOLDER, databaseId, TABLE_ID, segments)
}

/** Appends the frames and makes them readable; returns the place of each. */
export async function append(appender: SegmentAppender, frames: readonly Uint8Array[], seal: boolean): Promise<number[]> {
  const last = appender.segments.at(-1)
  let place = last === undefined ? 0 : last.origin + last.bytes
  const places: number[] = []
  for (const frame of frames) {
    appender.append(frame, 0, frame.length)
    places.push(place)
    place += frame.length
  }
  appender.flush()
  if (seal) appender.sealIfFull()
  await appender.sync()
  appender.closeSealed()
  return places
}

export function manifestOf(segments: readonly SegmentSummary[], checkpointSeq: number): Manifest {
  return {
    formatVersion: 1,
    tableId: TABLE_ID,
    databaseId: Buffer.from(databaseId).toString('hex'),
    hashSeed: 1,
    created: 0,
    checkpointSeq,
    segments: segments.map(({ file, number, bytes, crc, sealed }) => ({ file, number, bytes, crc, sealed }))
  }
}

export type Loaded = { readonly summaries: SegmentSummary[]; readonly frames: { place: number; bytes: Uint8Array }[] }

/** Everything that loading hands on, frame by frame. */
export function load(io: MemoryIo, manifest: Manifest): Loaded {
  const frames: { place: number; bytes: Uint8Array }[] = []
  const loading = loadSegments(io, FOLDER, manifest, (source, from, to, place) => {
    for (let at = from; at < to;) {
      const bytes = 8 + new DataView(source.buffer, source.byteOffset).getUint32(at, true)
      frames.push({ place: place + at - from, bytes: source.slice(at, at + bytes) })
      at += bytes
    }
  })
  for (;;) {
    const step = loading.next()
    if (step.done === true) return { summaries: step.value, frames }
  }
}
