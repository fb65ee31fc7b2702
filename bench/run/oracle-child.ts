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
let versionCount = 0
for (const { keys } of history.tables.values()) for (const versions of keys.values()) versionCount += versions.length
const { commitCount, eventCount } = history
const expected: Expected = { probes, answers: Object.fromEntries(answers), commitCount, eventCount, versionCount }
writeFileSync(path, JSON.stringify(expected))
