import type { KeyIndex } from '../index/key-index.js'
import type { VersionStore } from '../mvcc/version-store.js'

/** Of each version behind the first `before`: its key, and the next version of it. */
export class RowsBehind {
  readonly before: number
  readonly count: number
  readonly #ordinals: Uint32Array
  readonly #next: Uint32Array

  constructor(keys: KeyIndex, versions: VersionStore, before: number) {
    this.before = before
    this.count = versions.count - before
    this.#ordinals = new Uint32Array(this.count)
    this.#next = new Uint32Array(this.count)
    for (let ordinal = 0; ordinal < keys.count; ordinal++) {
      let next = 0
      for (let version = versions.latestOf(ordinal); version > before; version = versions.previousOf(version)) {
        this.#ordinals[version - before - 1] = ordinal
        this.#next[version - before - 1] = next
        next = version
      }
    }
  }

  ordinalOf(version: number): number {
    return this.#ordinals[version - this.before - 1] ?? 0
  }

  /** 0: it is the newest. */
  nextOf(version: number): number {
    return this.#next[version - this.before - 1] ?? 0
  }
}
