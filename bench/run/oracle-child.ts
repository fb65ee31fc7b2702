/** The process of the oracle: `node oracle-child.js SUITE EXPECTED` folds the workload and writes the questions and their right answers. */
import { writeFileSync } from 'node:fs'
import { answerDigest, canonicalAnswer } from '../questions/answer.js'
import { rightAnswer } from '../questions/oracle.js'
import { suiteNamed } from '../suites/suites.js'
import { foldedHistory } from '../workloads/versions.js'
import type { Expected } from './trial.js'

const [, , name = '', path = ''] = process.argv
const suite = suiteNamed(name)
const history = foldedHistory(suite.workload)
const probes = suite.probes(history)
const answers = probes.map(({ name: probe, questions }): [string, string] => [
  probe,
  answerDigest(questions.map((question) => canonicalAnswer(question, rightAnswer(history, question))))
])
const versions = [...history.tables.values()].flatMap(({ keys }) => [...keys.values()].flat())
const versionCount = versions.length
const visibleCount = versions.filter(({ to }) => to === Infinity).length
const { commitCount, eventCount } = history
const expected: Expected = { probes, answers: Object.fromEntries(answers), commitCount, eventCount, versionCount, visibleCount }
writeFileSync(path, JSON.stringify(expected))
