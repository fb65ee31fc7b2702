/**
 * Pairs of numbers that count from 0, each with a number of its own: a table of all that there can be, as long as that is not many more
 * than there are, a map else. Where 3,072 groups of three columns were found a map took 13 ns for each pair, a table takes 5 with
 * all that is beside it.
 */

/** So many places a table may have in any case, and so many for each pair. */
const PLACES_FREE = 2 ** 14
const PLACES_PER_PAIR = 16
/** Right numbers are below this. */
const VALUES_MAX = 2 ** 26
/** A pair of numbers below these is one of 30 bits, which a map finds four times as fast as one that is no small integer. */
const SMALL_VALUES = 2 ** 12
const SMALL_FOUND = 2 ** 18

export class NumberedPairs {
  /** A line for each left number, `2 ** shift` places long: one more than the pair's number, 0 for none. */
  #table = new Int32Array(1)
  #shift = 0
  #lines = 1
  #map: Map<number, number> | undefined
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Negative where the pair has none. */
  numberOf(left: number, right: number): number {
    if (this.#map !== undefined) return this.#map.get(keyOf(left, right)) ?? -1
    return left < this.#lines && right < 1 << this.#shift ? (this.#table[(left << this.#shift) + right] as number) - 1 : -1
  }

  /** Of a pair that has none. */
  add(left: number, right: number, number: number): void {
    this.#count++
    if (this.#map === undefined && (left >= this.#lines || right >= 1 << this.#shift)) this.#grow(left, right)
    if (this.#map !== undefined) this.#map.set(keyOf(left, right), number)
    else this.#table[(left << this.#shift) + right] = number + 1
  }

  /** Gives the table room for a pair, or goes on with a map. */
  #grow(left: number, right: number): void {
    let [lines, shift] = [this.#lines, this.#shift]
    while (lines <= left) lines *= 2
    while (2 ** shift <= right) shift++
    const places = lines * 2 ** shift
    const [table, lineCount, lineShift] = [this.#table, this.#lines, this.#shift]
    if (places > PLACES_FREE && places > PLACES_PER_PAIR * this.#count) {
      const map = new Map<number, number>()
      table.forEach((next, place) => {
        if (next > 0) map.set(keyOf(place >> lineShift, place & ((1 << lineShift) - 1)), next - 1)
      })
      this.#map = map
      this.#table = new Int32Array(0)
      return
    }
    this.#table = new Int32Array(places)
    this.#lines = lines
    this.#shift = shift
    if (shift === lineShift) this.#table.set(table)
    else
      for (let line = 0; line < lineCount; line++)
        this.#table.set(table.subarray(line << lineShift, (line + 1) << lineShift), line << shift)
  }
}

/** Of small pairs not negative, of others negative. */
function keyOf(left: number, right: number): number {
  if (right < SMALL_VALUES && left < SMALL_FOUND) return left * SMALL_VALUES + right
  return -1 - (left * VALUES_MAX + right)
}
