// Random firewall groups, policies and rules, and packets through them and back, on two real switches with real conntrack: what
// arrives is what a plain reading of FWaaS says (firewall-oracle.ts), also of connections that were there when rules changed.
import { afterAll, expect, test } from 'vitest'
import {
  type FirewallAction,
  type FirewallRule,
  firewallGroups,
  firewallPolicies,
  firewallRules,
  placesFor,
  type Transaction,
} from '#model'
import {
  addFirewallGroup,
  addFirewallPolicy,
  aFirewallRule,
  changeGroup,
  changePolicy,
  changeRule,
} from '#test/support/firewalled'
import { ACK, echo, frame, type Payload, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { seeded } from '#test/support/seeded'
import { type Firewalls, lets, type Opening } from './firewall-oracle.ts'
import { type GuardedWorld, startGuardedWorld, VMS, type Vm } from './firewall-world.ts'

const ROUNDS = Number(process.env.FLOWRIGHT_WORLDS ?? 12)
const OPENINGS = 14
const SERVICES = [22, 80, 443, 1000, 1023, 8080]
const POLICIES = ['p1', 'p2', 'p3']
const INTERFACES = ['r-net1', 'r-net2', 'r-net3']

const randomOf = (seed: number) => {
  const next = seeded(seed)
  const below = (n: number) => next() % n
  return { below, pick: <T>(of: readonly T[]): T => of[below(of.length)] as T }
}
type Random = ReturnType<typeof randomOf>

const randomRule = ({ below, pick }: Random): Partial<FirewallRule> => {
  const ipVersion = pick([4, 6] as const)
  const protocolNumber = pick([null, 6, 6, 17, ipVersion === 4 ? 1 : 58])
  const first = pick(SERVICES)
  const some = { first, last: first + pick([0, 0, below(900)]) }
  const prefixes = ipVersion === 4 ? ['10.1.0.0/24', '10.2.0.12', '10.0.0.0/14'] : ['fd01::/64', 'fd02::d', 'fd00::/8']
  return {
    ...{ ipVersion, protocolNumber, action: pick<FirewallAction>(['allow', 'allow', 'allow', 'deny', 'reject']) },
    enabled: below(8) > 0,
    sourceIp: pick([null, null, null, ...prefixes]),
    destinationIp: pick([null, null, null, ...prefixes]),
    destinationPorts: (protocolNumber === 6 || protocolNumber === 17) && below(2) > 0 ? some : null,
    sourcePorts: protocolNumber === 17 && below(4) === 0 ? { first: 20_000, last: 20_000 + below(30) } : null,
  }
}

/** Other rules in all policies, other ports in groups. */
const shuffle = (tx: Transaction, random: Random, round: number) => {
  const { below, pick } = random
  for (const policy of POLICIES) {
    const old = tx.get(firewallPolicies, policy)!.rules
    const names = Array.from({ length: 2 + below(6) }, (_, i) => `${policy}-${round}-${i}`)
    for (const name of names) tx.insert(firewallRules, aFirewallRule(name, randomRule(random)))
    for (const ipVersion of [4, 6] as const) {
      if (below(3) === 0) continue
      const name = `${policy}-${round}-any${ipVersion}`
      tx.insert(firewallRules, aFirewallRule(name, { ipVersion }))
      names.push(name)
    }
    changePolicy(tx, policy, { rules: names, places: placesFor(names) })
    for (const name of old) tx.remove(firewallRules, name)
  }
  for (const group of [...tx.all(firewallGroups)]) tx.replace(firewallGroups, { ...group, ports: [] })
  const free = [...INTERFACES, ...Object.keys(VMS)].filter(() => below(2) > 0)
  for (const id of ['g1', 'g2', 'g3'])
    changeGroup(tx, id, {
      ports: id === 'g3' ? free : free.splice(0, below(3)),
      ingressPolicyId: pick([...POLICIES, ...POLICIES, null]),
      egressPolicyId: pick([...POLICIES, ...POLICIES, null]),
      adminStateUp: below(12) > 0,
    })
}

/** Something of a policy is other than before: its order, a rule, one rule less. */
const edit = (tx: Transaction, { below, pick }: Random) => {
  const policy = tx.get(firewallPolicies, pick(POLICIES))!
  const { rules } = policy
  const rule = pick(rules)
  if (rule === undefined) return
  const how = below(4)
  if (how === 0) changePolicy(tx, policy.id, { rules: rules.toReversed() })
  else if (how === 1) changePolicy(tx, policy.id, { rules: rules.filter(one => one !== rule) })
  else if (how === 2) changeRule(tx, rule, { action: pick<FirewallAction>(['allow', 'deny', 'reject']) })
  else changeRule(tx, rule, { enabled: !tx.get(firewallRules, rule)!.enabled })
}

interface Attempt {
  readonly from: Vm
  readonly to: Vm
  readonly opening: Opening
  readonly request: Payload
  readonly answer: Payload
  /** What follows both, in either direction. */
  readonly more: readonly [Payload, Payload]
}

const randomAttempt = ({ pick }: Random, world: GuardedWorld, n: number): Attempt => {
  const ipVersion = pick([4, 6] as const)
  const names = Object.keys(VMS) as Vm[]
  const from = pick(names)
  const to = pick(names.filter(name => name !== from))
  const protocol = pick([6, 6, 17, ipVersion === 4 ? 1 : 58])
  const [source, destination] = [20_000 + n, pick([...SERVICES, 81, 1500])]
  const [ask, reply] = ipVersion === 4 ? ([8, 0] as const) : ([128, 129] as const)
  const payloads =
    protocol === 6
      ? {
          ...{ request: tcp(source, destination, SYN), answer: tcp(destination, source, SYN | ACK, 7, 2) },
          more: [tcp(source, destination, ACK, 2, 8), tcp(destination, source, ACK, 8, 2)] as const,
        }
      : protocol === 17
        ? {
            ...{ request: udp(source, destination), answer: udp(destination, source) },
            more: [udp(source, destination), udp(destination, source)] as const,
          }
        : {
            ...{ request: echo(ask, source), answer: echo(reply, source) },
            more: [echo(ask, source), echo(reply, source)] as const,
          }
  const opening = {
    ...{ ipVersion, from: world.end(from, ipVersion).ip, to: world.end(to, ipVersion).ip, protocol },
    ...{ source, destination },
  }
  return { from, to, opening, ...payloads }
}

describeOvs('firewalls against a plain oracle', () => {
  let world: GuardedWorld | undefined
  afterAll(() => world?.stop())

  test(
    `${ROUNDS} random firewalls, ${OPENINGS} connections each, their answers, and what comes of them when rules change`,
    async () => {
      const on = await startGuardedWorld(tx => {
        for (const id of POLICIES) addFirewallPolicy(tx, id)
        for (const id of ['g1', 'g2', 'g3']) addFirewallGroup(tx, id, [])
      })
      world = on
      const read = (): Firewalls => ({
        groups: [...on.cloud.store.all(firewallGroups)],
        policies: [...on.cloud.store.all(firewallPolicies)],
        rules: [...on.cloud.store.all(firewallRules)],
      })
      const send = async (from: Vm, to: Vm, family: 4 | 6, payload: Payload) => {
        const bytes = frame(on.end(from, family), on.end(to, family), payload)
        const isRouted = VMS[from].net !== VMS[to].net
        return (await (isRouted ? on.routed(from, bytes) : on.sent(from, bytes))).includes(to)
      }
      const mayOpen = ({ from, to, opening }: Attempt) => {
        const now = read()
        const [out, into] = [`r-net${VMS[from].net}`, `r-net${VMS[to].net}`]
        const routed = out === into || (lets(now, out, 'egress', opening) && lets(now, into, 'ingress', opening))
        return lets(now, from, 'egress', opening) && routed && lets(now, to, 'ingress', opening)
      }
      const counts = { passed: 0, denied: 0, cut: 0 }
      for (let round = 1; round <= ROUNDS; round++) {
        const random = randomOf(round)
        for (const host of Object.values(on.hosts)) await host.ovs.appctl('dpctl/flush-conntrack')
        await on.change(tx => shuffle(tx, random, round))
        expect(on.cloud.compiler.conflicts).toEqual([])
        const open: Attempt[] = []
        for (let n = 0; n < OPENINGS; n++) {
          const attempt = randomAttempt(random, on, n)
          const { from, to, opening, request, answer } = attempt
          const what = `round ${round}, ${from} to ${to}: ${JSON.stringify(opening)}`
          const expected = mayOpen(attempt)
          expect(await send(from, to, opening.ipVersion, request), what).toBe(expected)
          if (expected) {
            expect(await send(to, from, opening.ipVersion, answer), `the answer; ${what}`).toBe(true)
            open.push(attempt)
            counts.passed++
          } else {
            counts.denied++
            // what looks like an answer, and answers nothing
            if (opening.protocol !== 17)
              expect(await send(to, from, opening.ipVersion, answer), `no answer; ${what}`).toBe(false)
          }
        }
        await on.change(tx => edit(tx, random))
        for (const attempt of open) {
          const { from, to, opening, more } = attempt
          const what = `round ${round}, after a change, ${from} to ${to}: ${JSON.stringify(opening)}`
          const expected = mayOpen(attempt)
          if (!expected) counts.cut++
          expect(await send(from, to, opening.ipVersion, more[0]), what).toBe(expected)
          expect(await send(to, from, opening.ipVersion, more[1]), `back; ${what}`).toBe(expected)
        }
      }
      console.log(
        `${counts.passed} connections passed, ${counts.denied} did not, ${counts.cut} were cut, as the oracle says`,
      )
      expect(counts.passed).toBeGreaterThan(ROUNDS)
      expect(counts.denied).toBeGreaterThan(ROUNDS)
    },
    ROUNDS * 30_000,
  )
})
