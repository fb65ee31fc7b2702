/** The one budget for what is read (`cacheBytes`), by what it is for. The rest is for blocks of segments. */
import { availableParallelism } from 'node:os'

/** For version pages, and indexes. */
export function pageBytesOf(cacheBytes: number): number {
  return Math.floor((cacheBytes * 3) / 4)
}

/** For where versions are. */
export function versionBytesOf(cacheBytes: number): number {
  return Math.floor(cacheBytes / 8)
}

const QUERY_THREADS_PAGE_BYTES = 64 * 1024 * 1024
const QUERY_THREADS_MAX = 15

/** Each thread works with half a MiB of page memory: a small budget is for pages. */
export function queryThreadsOf(asked: number | undefined, pageBytes: number): number {
  if (pageBytes < QUERY_THREADS_PAGE_BYTES) return 0
  return asked ?? Math.max(1, Math.min(QUERY_THREADS_MAX, availableParallelism() - 1))
}
