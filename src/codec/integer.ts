/** A bigint within ±(2^53-1) is a number: so is every integer of a document and of a result. */
export function settled(value: bigint): number | bigint {
  return value >= -MAX_SAFE && value <= MAX_SAFE ? Number(value) : value
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
