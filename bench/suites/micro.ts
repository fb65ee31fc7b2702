import type { Suite } from './suite.js'

/** The steps of a write and a read one by one, on one thread, in memory: what the larger times are made of. */
export const microSuite: Suite = {
  name: 'micro',
  title: 'Steps of a write and a read, DriftDB alone',
  workload: { name: 'micro', title: 'no data', tables: [], commits: () => [] },
  measures: [
    { name: 'encode', title: 'encode a document of 8 fields' },
    { name: 'decode', title: 'decode it' },
    { name: 'frame', title: 'frame it: head, bytes, crc' },
    { name: 'crc', title: 'crc32 of 4 KiB' },
    { name: 'probe', title: 'key index: find one of 100,000 keys' },
    { name: 'visible', title: 'the version at a seq, 10 versions a key' },
    { name: 'parse', title: 'parse a SELECT with WHERE and GROUP BY' },
    { name: 'plan', title: 'plan it' }
  ],
  probes: () => [],
  made: 'micro',
  patches: false,
  compacted: false
}
