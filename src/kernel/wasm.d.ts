/** What the kernels use of WebAssembly beside its memories; see `../memory/wasm.d.ts`. */
declare namespace WebAssembly {
  /** Can be sent to another thread. */
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, Memory>>)
    readonly exports: unknown
  }
}
