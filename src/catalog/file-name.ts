const FILE_NAME_MAX = 200

/**
 * A name as that of a file or folder: every byte outside `[a-z0-9_-]` percent-encoded, so that names differ on any file system; one that
 * is too long is cut, and has `~id` if an id is given.
 */
export function fileNameOf(name: string, id?: number): string {
  let encoded = ''
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte)
    encoded += /[a-z0-9_-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`
  }
  if (encoded.length <= FILE_NAME_MAX) return encoded
  return id === undefined ? encoded.slice(0, FILE_NAME_MAX) : `${encoded.slice(0, FILE_NAME_MAX)}~${id}`
}
