import type { Document, Value } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import { EVENT_NAMES } from '../format/frame.js'
import { equals, TRUE } from '../codec/value-equality.js'
import type { Change, CommitEnd, KeyRange, QuerySource, Version } from '../relation/query-source.js'
import { keyRange } from './view.js'

/** Keys without result between two chances to look up. */
const KEYS_PER_STEP = 1024

/**
 * The past of a table's rows, from their version chains: what {@link QuerySource} has as `versions` and `changes`, at seq `at`. A key
 * costs the versions that it has had since the begin of what is asked for; nothing is kept but the versions of one key.
 */
export function versionsAt(coordinator: Coordinator, at: number): Pick<QuerySource, 'versions' | 'changes' | 'commitEnd'> {
  let commitEnds: CommitEnds | undefined
  return {
    commitEnd: (seq) => (commitEnds ??= new CommitEnds(coordinator)).of(seq),
    *versions(table, range, { after, through }) {
      const state = coordinator.table(table)
      const { versions } = state
      const commits = new CommitEnds(coordinator)
      // Newest first: a version, then where it ends.
      const found: number[] = []
      for (const ordinal of steps(state, range)) {
        if (ordinal === undefined) {
          yield undefined
          continue
        }
        let end = Number.POSITIVE_INFINITY
        for (let version = versions.versionAt(ordinal, at); version !== 0 && end > after; version = versions.previousOf(version)) {
          const begin = versions.seqOf(version)
          if (begin <= through && versions.isLive(version)) found.push(version, end)
          end = begin
        }
        while (found.length > 0) {
          const endSeq = found.pop() ?? 0
          yield new StoredVersion(state, commits, found.pop() ?? 0, endSeq)
        }
      }
    },
    *changes(table, range, from, to) {
      const state = coordinator.table(table)
      for (const ordinal of steps(state, range)) yield ordinal === undefined ? undefined : changeOf(state, ordinal, from, to)
    }
  }
}

/** The ordinals of a range; undefined now and then. */
function* steps(state: TableState, range: KeyRange): Generator<number | undefined, void> {
  let left = KEYS_PER_STEP
  for (const ordinal of state.ordinals(keyRange(range))) {
    yield ordinal
    if (--left > 0) continue
    left = KEYS_PER_STEP
    yield undefined
  }
}

function changeOf(state: TableState, ordinal: number, from: number, to: number): Change | undefined {
  const { versions, frames } = state
  const [early, late] = from <= to ? [from, to] : [to, from]
  const later = versions.versionAt(ordinal, late)
  if (later === 0 || versions.seqOf(later) <= early) return undefined
  const earlier = versions.versionAt(ordinal, early)
  const old = earlier === 0 ? undefined : frames.document(earlier)
  const young = frames.document(later)
  if (old === young || (old !== undefined && young !== undefined && equals(old, young) === TRUE)) return undefined
  const seq = versions.seqOf(later)
  const key = state.key(ordinal)
  return from <= to ? { key, before: old, after: young, seq } : { key, before: young, after: old, seq }
}

class StoredVersion implements Version {
  readonly #state: TableState
  readonly #commits: CommitEnds
  readonly #version: number
  readonly seq: number
  readonly endSeq: number

  constructor(state: TableState, commits: CommitEnds, version: number, endSeq: number) {
    this.#state = state
    this.#commits = commits
    this.#version = version
    this.seq = state.versions.seqOf(version)
    this.endSeq = endSeq
  }

  get event(): 'INSERT' | 'PATCH' {
    return EVENT_NAMES[this.#state.versions.eventOf(this.#version)] as 'INSERT' | 'PATCH'
  }

  get document(): Document {
    return this.#state.frames.document(this.#version) as Document
  }

  get from(): CommitEnd {
    return this.#commits.of(this.seq)
  }

  get to(): CommitEnd | undefined {
    return this.endSeq === Number.POSITIVE_INFINITY ? undefined : this.#commits.of(this.endSeq)
  }

  get metadata(): Value {
    return this.#commits.metadataOf(this.seq)
  }
}

/** Which commit an event belongs to; the two asked for last are kept: rows come in runs of one commit. */
class CommitEnds {
  readonly #coordinator: Coordinator
  #last: ReturnType<Coordinator['commitOf']> | undefined
  #before: ReturnType<Coordinator['commitOf']> | undefined

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
  }

  of(seq: number): CommitEnd {
    const { seq: end, time } = this.#commit(seq)
    return { seq: end, time }
  }

  metadataOf(seq: number): Value {
    return this.#coordinator.commitOf(seq).metadata
  }

  #commit(seq: number): ReturnType<Coordinator['commitOf']> {
    for (const known of [this.#last, this.#before]) {
      if (known !== undefined && known.firstSeq <= seq && seq <= known.seq) return known
    }
    this.#before = this.#last
    this.#last = this.#coordinator.commitOf(seq)
    return this.#last
  }
}
