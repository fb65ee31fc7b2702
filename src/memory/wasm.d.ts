/** With `types: ["node"]` and no DOM library, WebAssembly has no types: the part that we use. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true })
    readonly buffer: SharedArrayBuffer
    grow(pages: number): number
  }
}
