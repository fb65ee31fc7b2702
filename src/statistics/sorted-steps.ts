/** Sorting in steps of about a millisecond: pieces by the engine's own sort, then merged two by two. */
const PIECE_VALUES = 1024
const MERGED_PER_STEP = 4096

/** Sorts the list itself; equal values keep their order. Yields between two steps. */
export function* sortedSteps<Item>(items: Item[], compare: (left: Item, right: Item) => number): Generator<void, Item[]> {
  let from = new Array<Item>(items.length)
  for (let begin = 0; begin < items.length; begin += PIECE_VALUES) {
    const piece = items.slice(begin, begin + PIECE_VALUES).sort(compare)
    for (let at = 0; at < piece.length; at++) from[begin + at] = piece[at] as Item
    yield
  }
  let to = items
  for (let width = PIECE_VALUES; width < items.length; width *= 2) {
    for (let begin = 0; begin < items.length; begin += 2 * width) {
      const middle = Math.min(begin + width, items.length)
      const end = Math.min(middle + width, items.length)
      for (let at = begin, left = begin, right = middle; at < end; at++) {
        const isLeft = right === end || (left < middle && compare(from[left] as Item, from[right] as Item) <= 0)
        to[at] = (isLeft ? from[left++] : from[right++]) as Item
        if ((at + 1) % MERGED_PER_STEP === 0) yield
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}
