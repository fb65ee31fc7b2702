import { DriftError } from '../base/errors.js'
import type { IntegerMode } from './integers.js'
import { Query } from './query.js'
import type { RunningStatement } from './running-statement.js'

/** Text with its parameters: what `db.sql` makes of a template, and may be put into another one. */
export class SqlFragment {
  /** @internal One more text than there are values. */
  constructor(
    readonly texts: readonly string[],
    readonly values: readonly unknown[]
  ) {}
}

/** A query made of a template. In another template it is its text, with its values. */
export class TaggedQuery<Row> extends Query<Row> {
  readonly fragment: SqlFragment

  /** @internal */
  constructor(made: SqlFragment, start: () => RunningStatement | Promise<RunningStatement>, integers: IntegerMode) {
    super(start, integers)
    this.fragment = made
  }
}

/** A name in backquotes, whatever characters it has. @throws DriftError INVALID_ARGUMENT for what is no name. */
export function identifier(name: string): SqlFragment {
  if (typeof name !== 'string' || name === '') throw new DriftError('INVALID_ARGUMENT', 'a name is a text with at least one character', {})
  return new SqlFragment([`\`${name.replaceAll('`', '``')}\``], [])
}

/** The template as one fragment: fragments inside become text with their own values, everything else a value. */
export function fragment(strings: readonly string[], values: readonly unknown[]): SqlFragment {
  const texts = [strings[0] ?? '']
  const all: unknown[] = []
  const append = (text: string) => {
    texts[texts.length - 1] += text
  }
  for (const [index, given] of values.entries()) {
    const value = given instanceof TaggedQuery ? given.fragment : given
    if (value instanceof SqlFragment) {
      append(value.texts[0] ?? '')
      for (const [inner, innerValue] of value.values.entries()) {
        all.push(innerValue)
        texts.push(value.texts[inner + 1] ?? '')
      }
    } else {
      all.push(value)
      texts.push('')
    }
    append(strings[index + 1] ?? '')
  }
  return new SqlFragment(texts, all)
}

/** `$1 … $n` between the texts: a value never becomes text. */
export function statementText({ texts }: SqlFragment): string {
  return texts.map((text, index) => (index === 0 ? text : `$${index}${text}`)).join('')
}
