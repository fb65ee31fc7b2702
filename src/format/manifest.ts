import { crc32 } from '../codec/checksum.js'
import { DriftError } from '../base/errors.js'
import type { ValueClass } from '../codec/document-shape.js'

/**
 * `meta.json`, a table's manifest: which files are live and how far they count. Replaced atomically; a lost or damaged one is rebuilt
 * from the files. `crc32` covers the JSON text of everything else.
 */
export type Manifest = {
  readonly formatVersion: number
  readonly tableId: number
  /** 32 hex digits, the same in every file of the database. */
  readonly databaseId: string
  /** Seeds every key hash of the database. */
  readonly hashSeed: number
  /** Unix ms at which the database was made. */
  readonly created: number
  /** Every event of this table up to here is in its segments. */
  readonly checkpointSeq: number
  /** In order; the last one may be active. Bytes count frames only, without header and footer. */
  readonly segments: readonly ManifestSegment[]
  /** The columns of its events up to there; absent: found by reading the segments. Not checked by {@link decodeManifest}. */
  readonly columns?: StoredColumns
  /** A chain from the first event on, each going on where the one before it ends; left out where there is none. */
  readonly snapshots?: readonly ManifestSnapshot[]
  /** The snapshot of its version pages; left out where there is none. */
  readonly pages?: ManifestPages
}

/** In order of first appearance. */
export type StoredColumns = {
  readonly listed: readonly StoredColumn[]
  /** The first seq at which a field was beyond the limit of names. */
  readonly unlistedSince?: number
}

/** `seen`: for each class of values that was seen under this name, the first seq at which it was. */
export type StoredColumn = { readonly name: string; readonly seen: { readonly [valueClass in ValueClass]?: number } }

export type ManifestSegment = {
  readonly file: string
  /** Of a file that others were merged into: that of the last of them. */
  readonly number: number
  readonly bytes: number
  /** crc32 of those bytes. */
  readonly crc: number
  readonly sealed: boolean
}

export type ManifestSnapshot = {
  readonly file: string
  /** It has the events behind `after` up to `seq`. */
  readonly after: number
  readonly seq: number
  readonly events: number
  /** Bytes of the frames of all events up to `seq`: what stands in the segments from this place on is not in it. */
  readonly place: number
}

/** Numbers of page files: `snapshots/00000007.pages` is 7. */
export type ManifestPages = {
  /** The one that says where all pages are. */
  readonly file: number
  /** Every event up to here is in the pages, and none behind it. */
  readonly seq: number
  /** All files that it names, its own the last. */
  readonly files: readonly number[]
}

/** Names of the files that a snapshot of pages needs. */
export function pageFilesOf(pages: ManifestPages | undefined): string[] {
  return (pages?.files ?? []).map((number) => numberedFile(number, 'pages'))
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const sum = crc32(Buffer.from(JSON.stringify(manifest)))
  return Buffer.from(`${JSON.stringify({ ...manifest, crc32: sum }, null, 2)}\n`)
}

/** Undefined if the bytes are not an undamaged manifest. Throws UNSUPPORTED_VERSION for one of a later format. */
export function decodeManifest(bytes: Uint8Array, file: string, formatVersion: number): Manifest | undefined {
  let found: unknown
  try {
    found = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null || !('crc32' in found)) return undefined
  const { crc32: sum, ...manifest } = found
  if (crc32(Buffer.from(JSON.stringify(manifest))) !== sum) return undefined
  const { formatVersion: version } = manifest as Manifest
  if (version !== formatVersion) {
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has format version ${version}; this release reads ${formatVersion}`, {
      file,
      found: version,
      expected: formatVersion
    })
  }
  return manifest as Manifest
}

/** `00000001.seg`, `00000100.snap`, or `00000007.pages`. */
export function numberedFile(number: number, extension: 'seg' | 'snap' | 'pages'): string {
  return `${String(number).padStart(8, '0')}.${extension}`
}

/** `00000001-00000004.seg`: the segments 1 to 4 in one file, their blocks compressed. */
export function mergedFile(first: number, last: number): string {
  return `${String(first).padStart(8, '0')}-${numberedFile(last, 'seg')}`
}

/** The numbers of the segments that a file holds, told by its name; undefined if it is no segment. */
export function segmentRange(file: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(?:(\d{8,})-)?(\d{8,})\.seg$/.exec(file)
  if (match === null) return undefined
  const last = Number(match[2])
  return { first: match[1] === undefined ? last : Number(match[1]), last }
}
