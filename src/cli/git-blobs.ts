/**
 * Sizes and texts of blobs, from two git processes that live as long as the import: `cat-file --batch-check` says how large a blob is
 * before `cat-file --batch` is asked for it, so that a huge one is never loaded. Texts of late are kept, up to a bound: what is moved,
 * copied or taken back is not read again.
 */
import { isUtf8 } from 'node:buffer'
import { DriftError } from '../base/errors.js'
import { ByteReader } from './byte-reader.js'
import type { GitChild, GitRepository } from './git-process.js'

const LINE_FEED = 0x0a
/** Characters of texts that are kept. */
const KEPT_CHARACTERS = 8 * 1024 * 1024
/** Only texts up to here are kept, so that many are. */
const KEPT_TEXT_CHARACTERS = 256 * 1024

export class GitBlobs implements AsyncDisposable {
  readonly #sizes: CatFile
  readonly #contents: CatFile
  /** Least recently used first. */
  readonly #kept = new Map<string, string | null>()
  #keptCharacters = 0

  constructor(repository: GitRepository) {
    this.#sizes = new CatFile(repository.start(['cat-file', '--batch-check']))
    this.#contents = new CatFile(repository.start(['cat-file', '--batch']))
  }

  /** Bytes of each blob. Throws INVALID_ARGUMENT for one that the repository does not have. */
  async sizes(hashes: ReadonlySet<string>): Promise<Map<string, number>> {
    const sizes = new Map<string, number>()
    this.#sizes.ask(hashes)
    for (const hash of hashes) sizes.set(hash, await this.#sizes.head(hash))
    return sizes
  }

  /** Text of each blob; null where it is not UTF-8. The blobs are all in memory at once: the caller bounds their sizes. */
  async texts(hashes: ReadonlySet<string>): Promise<Map<string, string | null>> {
    const texts = new Map<string, string | null>()
    const wanted = new Set<string>()
    for (const hash of hashes) {
      const kept = this.#kept.get(hash)
      if (kept === undefined) wanted.add(hash)
      else texts.set(hash, this.#keep(hash, kept))
    }
    this.#contents.ask(wanted)
    for (const hash of wanted) {
      const bytes = await this.#contents.content(await this.#contents.head(hash))
      texts.set(hash, this.#keep(hash, isUtf8(bytes) ? bytes.toString('utf8') : null))
    }
    return texts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sizes.child[Symbol.asyncDispose]()
    await this.#contents.child[Symbol.asyncDispose]()
  }

  #keep(hash: string, text: string | null): string | null {
    const characters = text?.length ?? 0
    if (characters > KEPT_TEXT_CHARACTERS) return text
    if (this.#kept.delete(hash)) this.#keptCharacters -= characters + hash.length
    this.#kept.set(hash, text)
    this.#keptCharacters += characters + hash.length
    for (const [oldest, old] of this.#kept) {
      if (this.#keptCharacters <= KEPT_CHARACTERS) break
      this.#kept.delete(oldest)
      this.#keptCharacters -= (old?.length ?? 0) + oldest.length
    }
    return text
  }
}

/** One `git cat-file --batch…`: it answers in the order in which it is asked. */
class CatFile {
  readonly child: GitChild
  readonly #reader: ByteReader

  constructor(child: GitChild) {
    this.child = child
    this.#reader = new ByteReader(child.output())
  }

  ask(hashes: ReadonlySet<string>): void {
    if (hashes.size > 0) this.child.write(`${[...hashes].join('\n')}\n`)
  }

  /** `<hash> blob <bytes>`, or `<hash> missing`. */
  async head(hash: string): Promise<number> {
    const line = await this.#reader.until(LINE_FEED)
    if (line === undefined) throw await this.child.failure()
    const [, type, bytes] = line.toString('latin1').split(' ')
    if (type === 'blob') return Number(bytes)
    const found = line.toString('utf8')
    throw new DriftError('INVALID_ARGUMENT', `the repository does not have the blob ${hash}: git says ${JSON.stringify(found)}`, { hash })
  }

  async content(bytes: number): Promise<Buffer> {
    const content = await this.#reader.take(bytes)
    const end = await this.#reader.take(1)
    if (content === undefined || end === undefined) throw await this.child.failure()
    return content
  }
}
