import { DriftError } from '../base/errors.js'
import { type PageView } from './page-view.js'

/**
 * A sealed page that need not be in memory: its number in the database's page table (`memory/page-table.ts`), which says to every thread
 * where it is now. One object stands for a page in one directory, so that it is told by identity.
 */
export type PageHandle = { readonly number: number; readonly rows: number }

/** What stands for a sealed page in the directory of a table. */
export type SealedPage = PageView | PageHandle

/** Who has the sealed pages of a table, and gives up their memory when it is short (the apply thread). */
export type SealedPages = {
  /** Takes over a page that was just sealed. From here on it may be gone from memory at any time. */
  readonly add: (view: PageView) => PageHandle
  /** The table's pages are given up, and no reader is inside. */
  readonly release: (handle: PageHandle) => void
}

/** How a reader gets hold of a page: of one at a time, so that few slots of memory serve many readers. */
export type PagePins = {
  /**
   * The page in memory, which stays there until {@link unpin}; read from its file if need be.
   * @throws DriftError OVERLOADED where everything in page memory is pinned; CORRUPT, IO where it cannot be read.
   */
  readonly pin: (handle: PageHandle) => PageView
  readonly unpin: (view: PageView) => void
}

export function isHandle(page: SealedPage): page is PageHandle {
  return !('arena' in page)
}

/** For tables whose pages all stay in memory. */
export const NO_PINS: PagePins = {
  pin: ({ number }) => {
    throw new DriftError('INVARIANT', `MEM-7: page ${number} may be gone, and nobody said how to bring it back`, { law: 'MEM-7' })
  },
  unpin: () => {}
}
