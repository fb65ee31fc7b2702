/** What an acknowledged write has behind it: `full` its sync, `os` its write, `none` its number. */
export type Durability = 'full' | 'os' | 'none'
