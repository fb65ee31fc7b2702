/** A LIKE pattern cut at its first wildcard. */
export type SplitPattern = {
  /** What every text that matches begins with. */
  readonly prefix: string
  /** There is nothing else: it is a test for equality. */
  readonly isWhole: boolean
  /** The pattern behind the prefix, an escaped character as it is. */
  readonly rest: string
}

export function splitPattern(pattern: string, escape: string): SplitPattern {
  let prefix = ''
  const characters = Array.from(pattern)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    if (escape !== '' && character === escape) prefix += characters[++at] ?? ''
    else if (character === '%' || character === '_') return { prefix, isWhole: false, rest: characters.slice(at).join('') }
    else prefix += character
  }
  return { prefix, isWhole: true, rest: '' }
}
