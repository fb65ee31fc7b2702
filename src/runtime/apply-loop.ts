import type { ManifestPages } from '../format/manifest.js'
import { Applier, type CompactionStep, type DirectoryAnswer, type IndexStep, type OpenRowsAnswer } from '../apply/applier.js'
import type { IndexAnswer } from '../apply/applied-index.js'
import type { SegmentPart } from '../apply/segment-part.js'
import { DriftError } from '../base/errors.js'
import type { Io } from '../io/io.js'
import { ApplyMemory, type ApplyMemoryHandle } from '../memory/apply-memory.js'
import { Arena, type ArenaHandle } from '../memory/arena.js'
import { LogMemory, type LogMemoryHandle } from '../memory/log-memory.js'
import { PageTable, type PageTableHandle } from '../memory/page-table.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import type { ApplyConfig } from './apply-link.js'
import { turn } from './turn.js'
import type { Reply } from './writer-link.js'

/** An {@link ApplyConfig} that can be sent. */
export type ApplyStart = Omit<ApplyConfig, 'memory' | 'apply' | 'arena' | 'pageTable'> & {
  readonly memory: LogMemoryHandle
  readonly apply: ApplyMemoryHandle
  readonly arena: ArenaHandle
  readonly pageTable: PageTableHandle
}

/** What the apply thread answers over comlink. */
export type ApplyControl = {
  start(start: ApplyStart): Promise<Reply<void>>
  directory(tableId: number): Promise<Reply<DirectoryAnswer>>
  openRows(tableId: number): Promise<Reply<OpenRowsAnswer | undefined>>
  restore(tableId: number, info: ManifestPages, events: number): Promise<Reply<void>>
  snapshot(tableId: number): Promise<Reply<PageSnapshotInfo | undefined>>
  load(tableId: number, part: SegmentPart): Promise<Reply<void>>
  attend(tableId: number): Promise<Reply<void>>
  goLive(tableId: number): Promise<Reply<boolean>>
  compact(tableId: number): Promise<Reply<CompactionStep>>
  releaseReplaced(tableId: number, version: number): Promise<Reply<void>>
  forget(tableId: number): Promise<Reply<void>>
  index(tableId: number, indexId: number, step: IndexStep): Promise<Reply<IndexAnswer>>
  close(): Promise<Reply<void>>
}

/** While commits come it looks by itself this often, so that none of them pays for waking it: what a query finds missing is little. */
const DOZE_MS = 10
/** After so long without work it tidies up, and sleeps until it is woken. */
const DOZES = 50

/** The life of the apply thread: steps while the log has something, sleep while it has nothing, messages in between. */
export class ApplyLoop implements ApplyControl {
  readonly #io: Io
  #apply: ApplyMemory | undefined
  #applier: Applier | undefined

  constructor(io: Io) {
    this.#io = io
  }

  start({ memory, apply, arena, pageTable, ...config }: ApplyStart): Promise<Reply<void>> {
    return answer(() => {
      this.#apply = ApplyMemory.attach(apply)
      this.#applier = new Applier({
        io: this.#io,
        memory: LogMemory.attach(memory),
        apply: this.#apply,
        arena: Arena.attach(arena),
        pageTable: PageTable.attach(pageTable),
        ...config
      })
      void this.#run(this.#applier, this.#apply)
    })
  }

  directory(tableId: number): Promise<Reply<DirectoryAnswer>> {
    return answer(() => this.#started().directory(tableId))
  }

  openRows(tableId: number): Promise<Reply<OpenRowsAnswer | undefined>> {
    return answer(() => this.#started().openRows(tableId))
  }

  restore(tableId: number, info: ManifestPages, events: number): Promise<Reply<void>> {
    return answer(() => this.#started().restore(tableId, info, events))
  }

  snapshot(tableId: number): Promise<Reply<PageSnapshotInfo | undefined>> {
    return answer(() => finished(this.#started().snapshot(tableId)))
  }

  load(tableId: number, part: SegmentPart): Promise<Reply<void>> {
    return answer(() => finished(this.#started().load(tableId, part)))
  }

  attend(tableId: number): Promise<Reply<void>> {
    return answer(() => this.#started().attend(tableId))
  }

  goLive(tableId: number): Promise<Reply<boolean>> {
    return answer(() => finished(this.#started().goLive(tableId)))
  }

  compact(tableId: number): Promise<Reply<CompactionStep>> {
    return answer(() => finished(this.#started().compact(tableId)))
  }

  releaseReplaced(tableId: number, version: number): Promise<Reply<void>> {
    return answer(() => this.#started().releaseReplaced(tableId, version))
  }

  forget(tableId: number): Promise<Reply<void>> {
    return answer(() => this.#started().forget(tableId))
  }

  index(tableId: number, indexId: number, step: IndexStep): Promise<Reply<IndexAnswer>> {
    return answer(() => finished(this.#started().index(tableId, indexId, step)))
  }

  close(): Promise<Reply<void>> {
    return answer(() => this.#started().close())
  }

  #started(): Applier {
    if (this.#applier === undefined) throw new DriftError('INVARIANT', 'the apply thread was not started')
    return this.#applier
  }

  async #run(applier: Applier, apply: ApplyMemory): Promise<never> {
    let dozes = 0
    for (;;) {
      const seen = apply.signal()
      if (applier.step()) {
        dozes = 0
        await turn()
      } else if (dozes === DOZES) {
        dozes++
        const rest = applier.rest()
        while (rest.next().done !== true && !applier.step()) await turn()
        rest.return()
      } else {
        await apply.sleep(seen, dozes < DOZES ? DOZE_MS : undefined)
        dozes++
      }
    }
  }
}

/** The steps of a long piece of work, with the event loop between them: the log is followed meanwhile. */
async function finished<Value>(steps: Generator<void, Value>): Promise<Value> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await turn()
  }
}

async function answer<Value>(work: () => Value | Promise<Value>): Promise<Reply<Awaited<Value>>> {
  try {
    return { value: await work() }
  } catch (error) {
    return { error: DriftError.from(error, 'apply').toData() }
  }
}
