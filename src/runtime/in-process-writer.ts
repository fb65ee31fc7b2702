import type { Io } from '../io/io.js'
import type { LogMemory } from '../memory/log-memory.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { CheckpointResult, TableColumns, TableFiles } from '../writer/checkpoint.js'
import { Writer, type MaintenanceRequest, type WriterConfig } from '../writer/writer.js'
import { turn } from './turn.js'
import type { WriterLink } from './writer-link.js'

/** The writer actor in the caller's own thread: for `:memory:`, and for tests that drive it over simulated files. */
export class InProcessWriter implements WriterLink {
  readonly #writer: Writer
  #pumping = false

  constructor(io: Io, memory: LogMemory, config: WriterConfig) {
    this.#writer = new Writer(io, memory, config)
  }

  poke(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => void this.#pump())
  }

  async writeSchema(directory: string, schemaYaml: string): Promise<void> {
    this.#writer.writeSchema(directory, schemaYaml)
  }

  async addTable(files: TableFiles, schemaYaml: string): Promise<void> {
    this.#writer.addTable(files, schemaYaml)
  }

  async checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<CheckpointResult> {
    const result = this.#writer.checkpoint(upTo, columns)
    this.poke()
    return result
  }

  async maintain(request: MaintenanceRequest): Promise<readonly SegmentSummary[]> {
    const result = this.#writer.maintain(request)
    this.poke()
    return result
  }

  async close(): Promise<void> {
    this.#writer.close()
  }

  async fault() {
    return this.#writer.fault
  }

  hold(): void {}
  release(): void {}
  onLost(): void {}

  async #pump(): Promise<void> {
    for (;;) {
      const outcome = this.#writer.step()
      if (outcome === 'idle') break
      if (outcome === 'waiting') await this.#writer.waiting
      else await turn()
    }
    this.#pumping = false
  }
}
