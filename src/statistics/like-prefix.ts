/** What every text that matches a LIKE pattern begins with. */
export type LikePrefix = {
  readonly prefix: string
  /** There is nothing else: it is a test for equality. */
  readonly isWhole: boolean
  /** The pattern behind the prefix, an escaped character as it is. */
  readonly rest: string
}

export function likePrefix(pattern: string, escape: string): LikePrefix {
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
