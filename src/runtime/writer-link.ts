import type { ErrorData } from '../base/errors.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { CheckpointResult, TableColumns, TableFiles } from '../writer/checkpoint.js'
import type { MaintenanceRequest } from '../writer/writer.js'

/** The coordinator's way to its writer, wherever that runs. Control only: commits go through the shared log. */
export type WriterLink = {
  /** Something was published in the log. */
  poke(): void
  addTable(files: TableFiles, schemaYaml: string): Promise<void>
  /** Writes `schema.yaml` of a table anew. */
  writeSchema(directory: string, schemaYaml: string): Promise<void>
  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<CheckpointResult>
  /** Seals, installs or removes files between checkpoints; the table's segments after it. */
  maintain(request: MaintenanceRequest): Promise<readonly SegmentSummary[]>
  /** After it the writer is gone, whether it could close cleanly or not. */
  close(): Promise<void>
  /** Why it is poisoned, if it is. */
  fault(): Promise<ErrorData | undefined>
  /** While held, the writer keeps the process alive: a promise waits for it. */
  hold(): void
  release(): void
  /** Called once if the writer ends unasked. */
  onLost(listener: (reason: ErrorData) => void): void
}

/** Errors lose their code when they cross threads: every reply is one of these. */
export type Reply<Value> = { readonly value: Value } | { readonly error: ErrorData }
