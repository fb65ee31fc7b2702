import { DriftError } from '../base/errors.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { pause } from '../runtime/turn.js'
import type { Transaction } from './transaction.js'
import type { BeginOptions } from './transaction-options.js'

export type TransactionOptions = BeginOptions & {
  /** How often it is run again after a conflict; 5 unless given, 0: never. */
  readonly retries?: number
  /** Ends it with ABORTED before its commit is numbered. */
  readonly signal?: AbortSignal
}

export type Attempt = {
  /** 1, then one more with each run. */
  readonly attempt: number
}

const RETRIES = 5
/** The first pause is at most so long, each later one at most twice as long as the one before. */
const PAUSE_MS = 2
const PAUSE_MS_MAX = 100

/** Runs the function and commits; after a conflict all of it again, after a pause of a random length. */
export async function runTransaction<Result>(
  coordinator: Coordinator,
  begin: () => Transaction | Promise<Transaction>,
  run: (tx: Transaction, attempt: Attempt) => Result | Promise<Result>,
  { retries = RETRIES, signal }: TransactionOptions
): Promise<Result> {
  if (!Number.isInteger(retries) || retries < 0) {
    throw new DriftError('INVALID_ARGUMENT', `retries is a whole number from 0, not ${String(retries)}`, { found: retries })
  }
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted === true) throw new DriftError('ABORTED', 'the transaction was cancelled', { attempt })
    let tx: Transaction | undefined
    try {
      const begun = begin()
      tx = begun instanceof Promise ? await begun : begun
      const result = await run(tx, { attempt })
      // A function may end it itself.
      if (!tx.isEnded) await tx.commit(signal === undefined ? undefined : { signal })
      return result
    } catch (thrown) {
      if (tx?.isEnded === false) await tx.rollback()
      if (!(thrown instanceof DriftError) || thrown.kind !== 'conflict' || attempt > retries) throw thrown
    }
    await pause(coordinator.random() * Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (attempt - 1)), signal)
  }
}
