import { skipValue } from './skip-value.js'

/**
 * A text that is the same for two documents exactly if they have the same fields in the same order: the encoded names, a character a
 * byte. `document` is a msgpack map.
 */
export function shapeKey(document: Uint8Array): string {
  const head = document[0] ?? 0
  let count = head & 0x0f
  let at = 1
  if (head === 0xde || head === 0xdf) {
    const bytes = head === 0xde ? 2 : 4
    count = 0
    for (; at <= bytes; at++) count = count * 256 + (document[at] ?? 0)
  }
  const buffer = Buffer.from(document.buffer, document.byteOffset, document.length)
  let key = ''
  for (let field = 0; field < count; field++) {
    const end = skipValue(document, at)
    key += buffer.latin1Slice(at, end)
    at = skipValue(document, end)
  }
  return key
}
