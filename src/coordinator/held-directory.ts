import { type PageDirectory } from '../page/page-directory.js'
import { type SealedPage } from '../page/page-handle.js'
import { type DirectoryReaders } from './directory-readers.js'

/**
 * The directory by which single rows of the past are found, maybe an old one: it counts as read as long as it is held, so no page that it
 * names goes back.
 */
export class HeldDirectory {
  #held: { readonly directory: PageDirectory<SealedPage>; readonly leave: () => void } | undefined

  get directory(): PageDirectory<SealedPage> | undefined {
    return this.#held?.directory
  }

  /** In the place of the one before. */
  hold(directory: PageDirectory<SealedPage>, readers: DirectoryReaders): void {
    this.letGo()
    this.#held = { directory, leave: readers.enter(directory.version) }
  }

  letGo(): void {
    this.#held?.leave()
    this.#held = undefined
  }
}
