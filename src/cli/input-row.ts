/** A row of an input file: what it says, or why it says nothing that can be stored. */
import type { DriftError } from '../base/errors.js'
import type { Document } from '../index.js'

export type InputRow = {
  /** Of its first line, from 1. */
  readonly line: number
  /** About its size in the file. */
  readonly characters: number
  /** As it stands in the file, without the line feed; made when it is asked for. */
  readonly raw: () => string | Uint8Array
} & ({ readonly document: Document; readonly error?: undefined } | { readonly document?: undefined; readonly error: DriftError })

/** Rows in pieces of about a mebibyte of input, and how much of the input is read. */
export type InputRows = AsyncGenerator<{ readonly rows: readonly InputRow[]; readonly bytesRead: number }, void>
