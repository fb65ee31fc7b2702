/**
 * A path of a git tree as text. Git's paths are bytes: those that are UTF-8 stand as they are. One that is not stands as git quotes it, in
 * double quotes with octal escapes, and so does one that could be taken for such a quoted one: no two paths become the same text.
 */
import { isUtf8 } from 'node:buffer'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const NAMED_ESCAPES = new Map([
  [7, 'a'],
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [11, 'v'],
  [12, 'f'],
  [13, 'r'],
  [QUOTE, '"'],
  [BACKSLASH, '\\']
])

export function gitPath(bytes: Buffer): string {
  return isUtf8(bytes) && !looksQuoted(bytes) ? bytes.toString('utf8') : quoted(bytes)
}

/** Everything that {@link quoted} makes of bytes that are not UTF-8, and of a path that looks like it. */
function looksQuoted(bytes: Buffer): boolean {
  return bytes[0] === QUOTE && bytes.at(-1) === QUOTE && bytes.includes(BACKSLASH)
}

function quoted(bytes: Buffer): string {
  let text = '"'
  for (const byte of bytes) {
    const name = NAMED_ESCAPES.get(byte)
    if (name !== undefined) text += `\\${name}`
    else if (byte < 0x20 || byte >= 0x7f) text += `\\${byte.toString(8).padStart(3, '0')}`
    else text += String.fromCharCode(byte)
  }
  return `${text}"`
}
