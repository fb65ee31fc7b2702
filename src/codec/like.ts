/**
 * LIKE and ILIKE: `%` any characters, `_` one; the escape character takes the next one as it is. Without a regular expression, whose time
 * can explode on patterns such as `%a%a%a%`: each part between two `%` is looked for once, from left to right.
 */
import { DriftError } from '../base/errors.js'

export type LikeMatcher = (text: string) => boolean

/** Characters of a part; null is any one. */
type Part = readonly (string | null)[]

/** @throws DriftError INVALID_ARGUMENT for a pattern that ends in its escape character. */
export function likeMatcher(pattern: string, escape: string, ignoreCase: boolean): LikeMatcher {
  const parts = partsOf(ignoreCase ? pattern.toLowerCase() : pattern, ignoreCase ? escape.toLowerCase() : escape)
  const [first] = parts
  if (first === undefined) return (text) => text === ''
  const plain =
    parts.length <= 2 && parts.every((part) => part.every((character) => character !== null)) ? parts.map((part) => part.join('')) : []
  if (!ignoreCase && plain.length === 1) return (text) => text === plain[0]
  if (!ignoreCase && plain.length === 2 && plain[1] === '') return (text) => text.startsWith(plain[0] ?? '')
  return (text) => matches(parts, Array.from(ignoreCase ? text.toLowerCase() : text))
}

/**
 * What every text begins with that matches: the characters before the first `%` or `_`, or before half a surrogate pair, which the other half
 * may stand behind.
 * @throws DriftError INVALID_ARGUMENT as {@link likeMatcher}.
 */
export function likePrefix(pattern: string, escape: string): string {
  const [first = []] = partsOf(pattern, escape)
  const end = first.findIndex((character) => character === null || !character.isWellFormed())
  return (end < 0 ? first : first.slice(0, end)).join('')
}

function partsOf(pattern: string, escape: string): readonly Part[] {
  const parts: (string | null)[][] = [[]]
  const characters = Array.from(pattern)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const part = parts.at(-1) ?? []
    if (escape !== '' && character === escape) {
      const next = characters[++at]
      if (next === undefined) throw new DriftError('INVALID_ARGUMENT', 'a LIKE pattern must not end in its escape character', { pattern })
      part.push(next)
    } else if (character === '%') parts.push([])
    else part.push(character === '_' ? null : character)
  }
  return parts
}

function matches(parts: readonly Part[], text: readonly string[]): boolean {
  const first = parts[0] ?? []
  const last = parts.at(-1) ?? []
  if (parts.length === 1) return text.length === first.length && standsAt(first, text, 0)
  if (text.length < first.length + last.length || !standsAt(first, text, 0) || !standsAt(last, text, text.length - last.length))
    return false
  let at = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    while (at + part.length <= end && !standsAt(part, text, at)) at++
    if (at + part.length > end) return false
    at += part.length
  }
  return true
}

function standsAt(part: Part, text: readonly string[], at: number): boolean {
  for (let index = 0; index < part.length; index++) {
    const character = part[index]
    if (character !== null && character !== text[at + index]) return false
  }
  return true
}
