import * as layout from './page-layout.js'

/** Bytes of a number by the head of its msgpack; 0: no number. */
export const NUMBER_BYTES = Uint8Array.from({ length: 256 }, (_, head) => {
  if (head < 0x80 || head >= 0xe0) return 1
  if (head === 0xca) return 5
  if (head === 0xcb) return 9
  return head >= 0xcc && head <= 0xd3 ? 1 + (1 << (head & 3)) : 0
})

/** The class of column that a value's head asks for. */
export function classOfHead(head: number): number {
  if (NUMBER_BYTES[head] !== 0) return layout.CLASS_NUMBER
  if (head === 0xc2 || head === 0xc3) return layout.CLASS_BOOLEAN
  if ((head >= 0xa0 && head < 0xc0) || (head >= 0xd9 && head <= 0xdb)) return layout.CLASS_TEXT
  return head === 0xd6 || head === 0xd7 || head === 0xc7 ? layout.CLASS_TIME : layout.CLASS_UNTYPED
}
