/** Cuts a stream of bytes at each NUL: the form in which git prints what may hold any other byte. */

/** The tokens of each piece together; bytes after the last NUL are a token too. */
export async function* nulTokens(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer[], void> {
  // A token that goes on over several pieces.
  let begun: Buffer[] = []
  for await (const piece of pieces) {
    const tokens: Buffer[] = []
    let from = 0
    for (let end = piece.indexOf(0); end >= 0; end = piece.indexOf(0, from)) {
      const rest = piece.subarray(from, end)
      tokens.push(begun.length === 0 ? rest : Buffer.concat([...begun, rest]))
      begun = []
      from = end + 1
    }
    if (from < piece.length) begun.push(piece.subarray(from))
    yield tokens
  }
  if (begun.length > 0) yield [Buffer.concat(begun)]
}
