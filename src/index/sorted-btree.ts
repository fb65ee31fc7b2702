import sorted from 'sorted-btree'

/** The package is CommonJS: under nodenext its class is the default export's `default`. Its one address. */
export const BTree = sorted.default
export type BTree<K, V> = InstanceType<typeof sorted.default<K, V>>
