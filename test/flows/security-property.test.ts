// Random groups, rules, ports and packets, on a real switch with real conntrack: what leaves it, and where, is what a
// plain reading of Neutron's semantics says (security-oracle.ts).
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import {
  type AddressGroup,
  addressGroups,
  type Chassis,
  type Direction,
  type Port,
  ports,
  type SecurityGroupRule,
  securityGroupRules,
  securityGroups,
} from '#model'
import { PATCH_TUN } from '#model/ofports'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import { ACK, type End, echo, frame, other, type Payload, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { aChassis, addGroup, addNetwork, addPort, addRule, aNetwork, aPort, securedCloud } from '#test/support/secured'
import { seeded } from '#test/support/seeded'
import { openUnixctl, type Unixctl } from '#test/tracer/unixctl'
import { allows, type Cloud, type Probe } from './security-oracle.ts'

const WORLDS = Number(process.env.FLOWRIGHT_WORLDS ?? 12)
const PROBES = 80
const PORTS = 8
const VRRP = 112

/** Random choices that follow from a seed. */
const randomOf = (seed: number) => {
  const next = seeded(seed)
  const below = (n: number) => next() % n
  const pick = <T>(of: readonly T[]): T => of[below(of.length)] as T
  const some = <T>(of: readonly T[]): T[] => of.filter(() => below(3) === 0)
  return { below, pick, some }
}
type Random = ReturnType<typeof randomOf>

const SERVICES = [22, 80, 443, 1000, 1023, 8080]
const OUTSIDE = ['10.0.9.1', '10.0.0.200', 'fd00::9:1', 'fd00::200']

/** More often than not without limits, lest nothing is allowed. */
const randomRule = ({ below, pick }: Random, remotes: readonly Partial<SecurityGroupRule>[]) => {
  const ipVersion = pick([4, 6] as const)
  const protocolNumber = pick([null, null, 6, 17, ipVersion === 4 ? 1 : 58, VRRP])
  const min = pick(SERVICES)
  const range =
    protocolNumber === 6 || protocolNumber === 17
      ? pick([{}, { portRangeMin: min, portRangeMax: min }, { portRangeMin: min, portRangeMax: min + below(1000) }])
      : {}
  const echoes = protocolNumber === 1 ? 8 : 128
  const type = pick([{}, { portRangeMin: echoes }, { portRangeMin: echoes, portRangeMax: 0 }, { portRangeMin: 13 }])
  const isIcmp = protocolNumber === 1 || protocolNumber === 58
  const prefixes = ipVersion === 4 ? ['10.0.0.0/24', '10.0.0.3/32', '10.0.0.0/29', '0.0.0.0/0'] : ['fd00::/120', '::/0']
  const prefix = { remoteIpPrefix: pick(prefixes) }
  return {
    direction: pick<Direction>(['egress', 'ingress']),
    ...{ ipVersion, protocolNumber, ...(isIcmp ? type : range), ...pick([{}, {}, {}, {}, prefix, prefix, ...remotes]) },
  }
}

const addressesOf = (key: number, net: number) => [
  { subnetId: `v4-${net}`, ipAddress: `10.0.${net}.${key}` },
  { subnetId: `v6-${net}`, ipAddress: `fd00::${net}:${key}` },
]

/** Two networks, groups of both sorts, ports on one chassis; most in groups, some without port security. */
const populate = async (random: Random, host: Chassis) => {
  const { below, pick, some } = random
  const cloud = securedCloud()
  await cloud.change(tx => {
    for (const net of [0, 1]) addNetwork(tx, aNetwork(`net${net}`, net + 1), [host])
    const lists: Partial<AddressGroup>[] = [
      { addresses: ['10.0.0.2/32', 'fd00::/126'] },
      { addresses: ['10.0.0.0/28'] },
    ]
    for (const [i, list] of lists.entries())
      tx.insert(addressGroups, { id: `list${i}`, projectId: 'p', name: '', addresses: [], ...list })
    const names = ['a', 'b', 'c', 'x', 'y']
    for (const id of names) addGroup(tx, id, { stateful: id < 'x', projectId: pick(['p', 'q']) })
    const remotes = [
      ...names.map(remoteGroupId => ({ remoteGroupId })),
      ...[0, 1].map(i => ({ remoteAddressGroupId: `list${i}` })),
    ]
    for (const id of names)
      for (let i = 0; i < 4 + below(8); i++) addRule(tx, `${id}${i}`, id, randomRule(random, remotes))
    for (let key = 1; key <= PORTS; key++) {
      const net = key % 4 === 0 ? 1 : 0
      const secured = below(8) > 0
      const pairs = key === 3 ? ['10.0.0.16/30'] : key === 5 ? ['10.0.0.40', 'fd00::40'] : []
      const port = aPort(`p${key}`, key, `net${net}`, {
        fixedIps: addressesOf(key, net),
        allowedAddressPairs: secured
          ? pairs.map(ipAddress => ({ ipAddress, macAddress: aPort('', key, '').macAddress }))
          : [],
        portSecurityEnabled: secured,
        securityGroups: secured ? some(below(4) > 0 ? ['a', 'b', 'c'] : ['x', 'y']) : [],
      })
      addPort(tx, port, host)
    }
  })
  const read: Cloud = {
    ports: [...cloud.store.all(ports)],
    groups: [...cloud.store.all(securityGroups)],
    rules: [...cloud.store.all(securityGroupRules)],
    addressGroups: [...cloud.store.all(addressGroups)],
  }
  return { cloud, read }
}

/** One end of a probe: a port, or a host elsewhere on the first network. */
interface Place {
  readonly port: Port | undefined
  readonly end: End
}

const places = (cloud: Cloud, ipVersion: 4 | 6): readonly Place[] => [
  ...cloud.ports.flatMap(port =>
    [...port.fixedIps, ...port.allowedAddressPairs]
      .map(({ ipAddress }) => ipAddress.replace('.16/30', '.17'))
      .filter(ip => ip.includes(':') === (ipVersion === 6))
      .map(ip => ({ port, end: { mac: port.macAddress, ip } })),
  ),
  ...OUTSIDE.filter(ip => ip.includes(':') === (ipVersion === 6)).map((ip, i) => ({
    port: undefined,
    end: { mac: `02:00:00:00:09:0${i}`, ip },
  })),
]

/** A frame as text, without the padding of short ones. */
const unpadded = (bytes: Buffer) => bytes.toString('hex').replace(/(00)+$/, '')

const networkOf = ({ port }: Place) => port?.networkId ?? 'net0'
const vlanOf = (place: Place) => (networkOf(place) === 'net0' ? 2 : 3)

const isStateless = (cloud: Cloud, { port }: Place) =>
  cloud.groups.some(group => port?.securityGroups.includes(group.id) && !group.stateful)

const passes = (cloud: Cloud, place: Place, direction: Direction, probe: Probe) =>
  place.port === undefined || allows(cloud, place.port, direction, probe)

/** A connection that is tried, and what its first packet and the answer look like. */
interface Attempt {
  readonly from: Place
  readonly to: Place
  readonly probe: Probe
  readonly request: Payload
  readonly answer: Payload
}

const randomAttempt = ({ pick }: Random, cloud: Cloud, n: number): Attempt => {
  const ipVersion = pick([4, 6] as const)
  const from = pick(places(cloud, ipVersion))
  const to = pick(
    places(cloud, ipVersion).filter(
      other => networkOf(other) === networkOf(from) && other.port !== from.port && other.end.ip !== from.end.ip,
    ),
  )
  const protocol = pick([6, 6, 17, 17, ipVersion === 4 ? 1 : 58, VRRP])
  const second = pick([...SERVICES, 81, 1500])
  const client = 20_000 + n
  const echoes = ipVersion === 4 ? ([8, 0] as const) : ([128, 129] as const)
  const [request, answer] =
    protocol === 6
      ? [tcp(client, second, SYN), tcp(second, client, SYN | ACK, 7, 2)]
      : protocol === 17
        ? [udp(client, second), udp(second, client)]
        : protocol === VRRP
          ? [other(VRRP, Buffer.from([n >> 8, n, 1, 1])), other(VRRP, Buffer.from([n >> 8, n, 2, 2]))]
          : [echo(echoes[0], client), echo(echoes[1], client)]
  const isIcmp = protocol === 1 || protocol === 58
  const probe = { ipVersion, from: from.end.ip, to: to.end.ip, protocol, first: isIcmp ? echoes[0] : client }
  return { from, to, request, answer, probe: { ...probe, second: isIcmp ? 0 : second } }
}

const reversed = ({ probe, to, from, answer }: Attempt): Probe => {
  const isIcmp = probe.protocol === 1 || probe.protocol === 58
  const ends = { ...probe, from: to.end.ip, to: from.end.ip }
  return isIcmp
    ? { ...ends, first: answer.bytes(to.end, from.end)[0] ?? 0 }
    : { ...ends, first: probe.second, second: probe.first }
}

describeOvs('security groups against a plain oracle', () => {
  let host: DummyChassis | undefined
  let control: Unixctl | undefined
  afterAll(async () => {
    control?.close()
    await host?.stop()
  })

  const captureAt = (dummy: DummyChassis, port: number) => `${dummy.ovs.dir}/tx-${port}.pcap`
  const ofports = [PATCH_TUN, ...Array.from({ length: PORTS }, (_, i) => 101 + i)]

  /** Frames that left since the last reading, by port, without VLAN tag. */
  const leaving = (dummy: DummyChassis, read: Map<number, number>) => {
    const left = new Map<string, number[]>()
    for (const port of ofports) {
      const bytes = readFileSync(captureAt(dummy, port))
      let at = read.get(port) ?? 24
      while (at + 16 <= bytes.length) {
        const length = bytes.readUInt32LE(at + 8)
        const data = bytes.subarray(at + 16, at + 16 + length)
        const isTagged = data.readUInt16BE(12) === 0x8100
        const bare = isTagged ? Buffer.concat([data.subarray(0, 12), data.subarray(16)]) : data
        const key = unpadded(bare)
        left.set(key, [...(left.get(key) ?? []), port])
        at += 16 + length
      }
      read.set(port, at)
    }
    return left
  }

  test(
    `${WORLDS} random clouds, ${PROBES} connections each, and their answers`,
    async () => {
      let delivered = 0
      let denied = 0
      for (let seed = 1; seed <= WORLDS; seed++) {
        const random = randomOf(seed)
        const at = aChassis('host1', 1)
        const { cloud, read } = await populate(random, at)
        await host?.stop()
        const dummy = await startDummyChassis(cloud.compiler, 'host1')
        host = dummy
        control?.close()
        const switchControl = await openUnixctl(`${dummy.ovs.dir}/ovs-vswitchd.ctl`)
        control = switchControl
        await dummy.plug(...ofports.slice(1))
        const captures = ofports.flatMap(port => {
          const options = `options:tx_pcap=${captureAt(dummy, port)}`
          return ['--', 'set', 'interface', `p${port}`, options]
        })
        await dummy.ovs.vsctl(...captures.slice(1))
        await dummy.program()
        const seen = new Map<number, number>()
        const tried = new Set<string>()

        const send = (from: Place, to: Place, payload: Payload) => {
          const bytes = frame(from.end, to.end, payload, from.port ? {} : { vlan: vlanOf(from) })
          return switchControl.call(
            'netdev-dummy/receive',
            `p${from.port ? 100 + from.port.key : PATCH_TUN}`,
            bytes.toString('hex'),
          )
        }
        // a frame for an address that the model does not know floods: what counts is the way out
        const arrived = async (from: Place, to: Place, payload: Payload, isExpected: boolean) => {
          const there = to.port ? 100 + to.port.key : PATCH_TUN
          const key = unpadded(frame(from.end, to.end, payload))
          // the switch forwards after it has answered: one that is expected is waited for
          for (let round = 0; round < (isExpected ? 100 : 2); round++) {
            await switchControl.call('version')
            if (leaving(dummy, seen).get(key)?.includes(there)) return true
          }
          return false
        }

        for (let n = 0; n < PROBES; n++) {
          const attempt = randomAttempt(random, read, n)
          const { from, to, probe, request, answer } = attempt
          const what = `seed ${seed}, ${from.port?.id ?? 'outside'} to ${to.port?.id ?? 'outside'}: ${JSON.stringify(probe)}`
          if (from.port === undefined && to.port === undefined) continue
          // conntrack knows a protocol without ports by its ends alone
          const pair = [from.end.ip, to.end.ip].sort().join(' ')
          if (probe.protocol === VRRP && tried.has(pair)) continue
          if (probe.protocol === VRRP) tried.add(pair)
          await send(from, to, request)
          const isAllowed = passes(read, from, 'egress', probe) && passes(read, to, 'ingress', probe)
          expect(await arrived(from, to, request, isAllowed), what).toBe(isAllowed)

          const back = reversed(attempt)
          const isReply = (place: Place) => isAllowed && !isStateless(read, place)
          const mayAnswer = isReply(to) || passes(read, to, 'egress', back)
          const mayHear = isReply(from) || passes(read, from, 'ingress', back)
          // conntrack takes no connection that begins in the middle
          const isOdd = !isAllowed && [6, 1, 58].includes(probe.protocol)
          await send(to, from, answer)
          const isAnswered = mayAnswer && mayHear
          const gotBack = await arrived(to, from, answer, isAnswered)
          if (!isOdd) expect(gotBack, `the answer; ${what}`).toBe(isAnswered)
          else if (!isAnswered) expect(gotBack, `no answer; ${what}`).toBe(false)
          if (isAllowed) delivered++
          else denied++
        }
      }
      console.log(`${delivered} connections delivered and ${denied} denied, as the oracle says`)
      expect(delivered).toBeGreaterThan(WORLDS * 5)
      expect(denied).toBeGreaterThan(WORLDS * 5)
    },
    WORLDS * 20_000,
  )
})
