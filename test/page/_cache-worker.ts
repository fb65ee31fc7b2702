/** Reads the past of a table in a thread that was given memory, the page table and a directory: what it finds at each seq. */
import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from '../../src/codec/checksum.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { realIo } from '../../src/io/real-io.js'
import { Arena, type ArenaHandle } from '../../src/memory/arena.js'
import { PageTable, type PageTableHandle } from '../../src/memory/page-table.js'
import { attachDirectory, type DirectoryImage, PageHandles, PageViews } from '../../src/page/directory-image.js'
import { KeyTable } from '../../src/page/key-table.js'
import { PageCache } from '../../src/page/page-cache.js'
import { PageFiles } from '../../src/page/page-files.js'
import { PageReader } from './_page-reader.js'

export type CacheWorkerData = {
  readonly arena: ArenaHandle
  readonly pageTable: PageTableHandle
  readonly image: DirectoryImage
  readonly folder: string
  readonly seqs: readonly number[]
}

export type CacheWorkerAnswer = { readonly sums: readonly number[]; readonly loads: number; readonly evictions: number }

/** The documents at S, in key order, as one number. */
export function sumAt(reader: PageReader, S: number): number {
  let sum = 0
  for (const { documents = [] } of reader.scanAt(S, { fields: [], documents: 'keep' })) {
    for (const document of documents) sum = crc32(encodeDocument(document, 'document'), sum)
  }
  return sum
}

if (parentPort !== null) {
  const { arena: handle, pageTable, image, folder, seqs } = workerData as CacheWorkerData
  const arena = Arena.attach(handle)
  const files = new PageFiles(realIo, () => folder)
  const cache = new PageCache(arena, PageTable.attach(pageTable), files, { waitMs: 10_000 })
  const directory = attachDirectory(image, new PageViews(arena), new PageHandles())
  const reader = new PageReader({ arena, keys: KeyTable.attach(arena, image.keys), directory, pins: cache, at: () => undefined })
  const sums = seqs.map((S) => sumAt(reader, S))
  const answer: CacheWorkerAnswer = { sums, ...cache.counters }
  parentPort.postMessage(answer)
}
