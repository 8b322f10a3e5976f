// How long changes of security groups take to compile, in a large cloud and in a small one.
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Commit, Transaction } from '#model'
import { cloudOf, oneRule } from '#test/support/crowd'
import { addPort, addRule, aPort, removePort, removeRule, type SecuredCloud, wear } from '#test/support/secured'

const SAMPLES = 200

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN

type Change = (tx: Transaction, i: number) => void

/** Each is done and undone in turn: both are timed. */
const changes: Readonly<Record<string, Change>> = {
  'a member of a remote group comes or goes': (tx, i) =>
    i % 2
      ? removePort(tx, 'far')
      : void addPort(tx, aPort('far', 60_000, 'elsewhere', { securityGroups: ['default'] })),
  'a rule comes or goes': (tx, i) =>
    i % 2 ? removeRule(tx, 'more') : addRule(tx, 'more', 'default', { protocolNumber: 112, remoteGroupId: 'default' }),
  'a port moves to another group': (tx, i) => wear(tx, 'p0', ['default', `own${1 + (i % 2)}`]),
}

/** Milliseconds to compile each of many such changes. */
const times = async ({ store }: SecuredCloud, change: Change): Promise<readonly number[]> => {
  const compiler = new Compiler(pipeline)
  const took: number[] = []
  const apply = (commit: Commit) => {
    const began = performance.now()
    compiler.apply(commit)
    took.push(performance.now() - began)
  }
  const stop = store.follow(apply, { fromStart: true })
  for (let i = 0; i < 2 * SAMPLES; i++) await store.transact({ source: 'bench' }, tx => change(tx, i))
  stop()
  return took.slice(-SAMPLES)
}

/** Prints p50 and p99 of each, and whether that grows with the cloud. */
export const benchCompile = async (): Promise<void> => {
  const made = (networks: number) => cloudOf({ ports: 50 * networks, networks, own: 50 * networks, ownRules: oneRule })
  const small = await made(1)
  const large = await made(20)
  console.log('compiling, 1,000 ports of 1,000 policies on 20 networks:')
  for (const [what, change] of Object.entries(changes)) {
    const [few, many] = [await times(small, change), await times(large, change)]
    const [p50, p99] = [0.5, 0.99].map(q => Math.round(1000 * quantile(many, q)))
    const ratio = quantile(many, 0.5) / quantile(few, 0.5)
    console.log(`  ${what}: p50 ${p50} µs, p99 ${p99} µs; ${ratio.toFixed(2)} times that with 50 ports on one network`)
  }
}
