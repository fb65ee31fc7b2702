/** Damage that no checksum finds: files of a closed database are written anew, with sums that agree. */
import { crc32 } from '../../src/codec/checksum.js'
import { FILE_HEADER_BYTES, FORMAT_VERSION } from '../../src/format/file-header.js'
import { frameBytes, frameHeadBytes, readFrame, sealFrame, writeFrameHead } from '../../src/format/frame.js'
import { decodeManifest, encodeManifest, type Manifest } from '../../src/format/manifest.js'
import { readWhole } from '../../src/io/io.js'
import { MemoryBytes, type MemoryIo } from '../../src/io/memory-io.js'

export function bytesOf(io: MemoryIo, path: string): Uint8Array {
  return io.files.get(path)?.view ?? new Uint8Array(0)
}

export function replace(io: MemoryIo, path: string, bytes: Uint8Array): void {
  const file = new MemoryBytes()
  file.write(bytes, 0)
  io.files.set(path, file)
}

export function manifestOf(io: MemoryIo, folder: string): Manifest {
  const path = `${folder}/meta.json`
  const manifest = decodeManifest(readWhole(io, path), path, FORMAT_VERSION)
  if (manifest === undefined) throw new Error(`${path} is damaged`)
  return manifest
}

/** Replaces the frames of a table's only segment and makes its manifest agree: damage that no checksum finds. */
export function forge(io: MemoryIo, folder: string, change: (frames: Uint8Array[]) => Uint8Array[]): void {
  const path = `${folder}/segments/00000001.seg`
  const bytes = bytesOf(io, path).slice()
  const frames: Uint8Array[] = []
  for (let at = FILE_HEADER_BYTES; at < bytes.length; at += frameBytes(bytes, at)) frames.push(bytes.slice(at, at + frameBytes(bytes, at)))
  const changed = Buffer.concat(change(frames))
  replace(io, path, Buffer.concat([bytes.subarray(0, FILE_HEADER_BYTES), changed]))
  const manifest = manifestOf(io, folder)
  const segments = manifest.segments.map((segment) => ({ ...segment, bytes: changed.length, crc: crc32(changed) }))
  replace(io, `${folder}/meta.json`, encodeManifest({ ...manifest, segments }))
}

export function withTime(frame: Uint8Array, time: number): Uint8Array {
  const { seq, event, more, payload } = readFrame(frame, 0)
  return frameOf(seq, time, event | (more ? 0x80 : 0), payload)
}

export function withPayload(frame: Uint8Array, event: number, payload: Uint8Array): Uint8Array {
  const { seq, time, more } = readFrame(frame, 0)
  return frameOf(seq, time, event | (more ? 0x80 : 0), payload)
}

function frameOf(seq: number, time: number, type: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeadBytes(seq) + payload.length)
  frame.set(payload, writeFrameHead(frame, 0, seq, time, type, payload.length))
  sealFrame(frame, 0)
  return frame
}
