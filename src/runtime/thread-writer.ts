import type { Remote } from 'comlink'
import type { ErrorData } from '../base/errors.js'
import type { LogMemory } from '../memory/log-memory.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { CheckpointResult, TableColumns, TableFiles } from '../writer/checkpoint.js'
import type { MaintenanceRequest, WriterConfig } from '../writer/writer.js'
import { HeldThread } from './held-thread.js'
import type { WriterControl } from './writer-loop.js'
import type { Reply, WriterLink } from './writer-link.js'

/** The writer actor in a thread of its own. */
export class ThreadWriter implements WriterLink {
  readonly #memory: LogMemory
  readonly #thread: HeldThread<WriterControl>
  #onLost: (reason: ErrorData) => void = () => {}

  /** The thread begins to come up at once; it has nothing to do until {@link start}. */
  constructor(memory: LogMemory) {
    this.#memory = memory
    const entry = new URL('../../workers/writer.js', import.meta.url)
    this.#thread = new HeldThread(entry, 'driftdb-writer', 'the writer thread ended; open the database again', (lost) => {
      memory.poison()
      this.#onLost(lost.toData())
    })
  }

  /** Resolves when the writer's WAL file is there. */
  async start(config: WriterConfig): Promise<void> {
    await this.#ask((control) => control.start(this.#memory.handle, config))
  }

  /** Ends a thread that is not to be started, or could not be. */
  async abandon(): Promise<void> {
    await this.#thread.end()
  }

  poke(): void {}

  async writeSchema(directory: string, schemaYaml: string): Promise<void> {
    await this.#ask((control) => control.writeSchema(directory, schemaYaml))
  }

  async addTable(files: TableFiles, schemaYaml: string): Promise<void> {
    await this.#ask((control) => control.addTable(files, schemaYaml))
  }

  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<CheckpointResult> {
    return this.#ask((control) => control.checkpoint(upTo, columns))
  }

  maintain(request: MaintenanceRequest): Promise<readonly SegmentSummary[]> {
    return this.#ask((control) => control.maintain(request))
  }

  async close(): Promise<void> {
    try {
      await this.#ask((control) => control.close())
    } finally {
      await this.#thread.end()
    }
  }

  async fault(): Promise<ErrorData | undefined> {
    return this.#thread.lost === undefined ? this.#ask((control) => control.fault()) : this.#thread.lost.toData()
  }

  hold(): void {
    this.#thread.hold()
  }

  release(): void {
    this.#thread.release()
  }

  onLost(listener: (reason: ErrorData) => void): void {
    this.#onLost = listener
  }

  /** Posts a request, then tells the writer in shared memory that one is on its way. */
  #ask<Value>(request: (control: Remote<WriterControl>) => Promise<Reply<Value>>): Promise<Value> {
    return this.#thread.ask(request, () => this.#memory.askWriter())
  }
}
