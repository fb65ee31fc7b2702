/** What a document can hold, and a document itself. Plain JavaScript values: nothing here has a class of ours. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Date | readonly Value[] | { readonly [field: string]: Value }

/** The user's value of one row: a plain object. */
export type Document = { readonly [field: string]: Value }
