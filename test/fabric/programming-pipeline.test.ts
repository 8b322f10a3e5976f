import { expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { datapathId } from '#fabric/datapath-id'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { pipeline } from '#flows/pipeline'
import type { SecurityGroupRule } from '#model'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, aRule, aSecurityGroup, commitOf } from '#test/support/model'
import { describeOvs, startOvs, until } from '#test/support/ovs'

/** Stateful and stateless groups with rules of every shape, in both families; who bears them is a port of policy 1 or 2. */
const securityRecords = () => {
  const shapes: Partial<SecurityGroupRule>[] = [
    {},
    { protocolNumber: 6, portRangeMin: 80, portRangeMax: 80 },
    { protocolNumber: 17, portRangeMin: 1000, portRangeMax: 2999 },
    { protocolNumber: 132, portRangeMin: 5000, portRangeMax: 5001 },
    { protocolNumber: 112 },
    { remoteGroupId: 'stateful' },
    { protocolNumber: 6, portRangeMin: 443, portRangeMax: 443, remoteAddressGroupId: 'office' },
  ]
  const families = [
    { ipVersion: 4, icmp: 1, remoteIpPrefix: '192.0.2.0/24' },
    { ipVersion: 6, icmp: 58, remoteIpPrefix: '2001:db8:9::/48' },
  ] as const
  const rules = ['stateful', 'stateless'].flatMap(group =>
    families.flatMap(({ ipVersion, icmp, remoteIpPrefix }) =>
      (['ingress', 'egress'] as const).flatMap(direction =>
        [
          ...shapes,
          { remoteIpPrefix },
          { protocolNumber: icmp, portRangeMin: 8, portRangeMax: 0 },
          { protocolNumber: icmp, portRangeMin: 3 },
        ].map((shape, i) =>
          aRule(`${group} ${ipVersion} ${direction} ${i}`, group, { ipVersion, direction, ...shape }),
        ),
      ),
    ),
  )
  const bit = (remote: string, n: number) => ({ id: `p/${remote}`, projectId: 'p', remote, page: 1, bit: n })
  return {
    securityGroup: [aSecurityGroup('stateful', 1), aSecurityGroup('stateless', 2, { stateful: false })],
    securityGroupRule: rules,
    addressGroup: [
      {
        ...{ id: 'office', projectId: 'p', name: 'office' },
        addresses: [
          '192.0.2.0/24',
          '192.0.2.128/25',
          '198.51.100.7/32',
          '2001:db8::/32',
          '2001:db8:1::/48',
          '0.0.0.0/0',
        ],
      },
    ],
    policy: ['stateful', 'stateless'].map((group, i) => ({
      ...{ id: String(i + 1), key: i + 1, groups: [group], stateful: group === 'stateful' },
    })),
    remoteGroupBit: [bit('stateful', 0), bit('office', 127)],
  }
}

describeOvs('the pipeline on a real switch', () => {
  /** A model in which every table has flows of every shape. */
  const model = () => {
    const types = ['vxlan', 'gre', 'geneve', 'vlan', 'flat'] as const
    const segment = (networkType: (typeof types)[number], i: number) => ({
      networkType,
      ...(networkType === 'vlan' || networkType === 'flat' ? { physicalNetwork: `physnet${i}` } : {}),
      ...(networkType === 'flat' ? {} : { segmentationId: 200 + i }),
    })
    const networks = types.map((type, i) => aNetwork(`n-${type}`, i + 1, { segments: [segment(type, i)] }))
    const hosts = ['host1', 'host2', 'host3'].map((id, i) =>
      aChassis(id, i + 1, {
        tunnelTypes: ['vxlan', 'gre', 'geneve'],
        bridgeMappings: { physnet3: 'br-ex', physnet4: 'br-dc' },
        providerPorts: { physnet3: 50, physnet4: 51 },
        ...(i === 2 ? { tunnelIp: '2001:db8::3', reportedTunnelIp: '2001:db8::3' } : {}),
      }),
    )
    const kinds = [
      {},
      { portSecurityEnabled: false },
      { allowedAddressPairs: [{ ipAddress: '10.9.0.0/24', macAddress: 'fa:16:3e:aa:00:01' }] },
      { adminStateUp: false },
    ]
    const ports = networks.flatMap((network, n) =>
      kinds.map((more, k) => {
        const key = n * 8 + k + 1
        const id = `00000000-0000-4000-8000-${String(key).padStart(12, '0')}`
        const fixedIps = [`10.0.0.${key}`, `2001:db8::${key}`].map(ipAddress => ({ subnetId: 's', ipAddress }))
        const groups = [['stateful'], ['stateless']][n % 3]
        const security = groups ? { policy: (n % 3) + 1, securityGroups: groups } : {}
        return aPort(id, key, network.id, { fixedIps, ...(k === 1 ? {} : security), ...more })
      }),
    )
    const bindings = ports.flatMap((port, i) => [
      aBinding(port, hosts[i % 3]!, 100 + i),
      ...(i % 5 === 0 ? [aBinding(port, hosts[(i + 1) % 3]!, 200 + i, 'pending')] : []),
    ])
    const attachments = networks.flatMap((network, i) => hosts.map(host => anAttachment(network, host, i + 1)))
    const plugged = { network: networks, chassis: hosts, port: ports, binding: bindings, attachment: attachments }
    return commitOf({ ...plugged, ...securityRecords() })
  }

  test('reads back as it was written: a restart of the controller finds nothing to do', async () => {
    const compiler = new Compiler(pipeline)
    compiler.apply(model())
    expect([...compiler.subscriptions('host1')]).toEqual(
      expect.arrayContaining(['policy/1', 'policy/2', 'security_group/stateful', 'remote_group_page/1']),
    )
    expect(compiler.conflicts).toEqual([])
    const complaints: string[] = []
    const start = async (port: number) => {
      const programming = new Programming({
        ...{ compiled: compiler, auditDelay: 0 },
        report: (_chassis, bridge, what) => complaints.push(`${bridge}: ${what}`),
      })
      const chassisWithKey = (key: number) => `host${key}`
      return { programming, server: await listenForSwitches({ address: { port }, programming, chassisWithKey }) }
    }
    const inSync = (programming: Programming) =>
      until('in sync', () =>
        Object.values(programming.status('host1')?.bridges ?? { none: { state: '' } }).every(
          b => b.state === 'in_sync',
        ),
      )
    let { programming, server } = await start(0)
    const { port } = server.address!
    const ovs = await startOvs()
    try {
      for (const bridge of ['br-int', 'br-tun'] as const)
        await ovs.vsctl(
          ...['add-br', bridge, '--', 'set', 'bridge', bridge, 'fail_mode=secure', 'protocols=OpenFlow15'],
          ...[`other-config:datapath-id=${datapathId(1, bridge)}`],
          ...['--', 'set-controller', bridge, `tcp:127.0.0.1:${port}`],
        )
      await inSync(programming)
      expect(complaints).toEqual([])
      expect(await ovs.ofctl('get-frags', 'br-int')).toBe('nx-match')
      expect(programming.quarantined('host1')).toEqual([])
      expect(programming.counters.flowMods).toBeGreaterThan(200)
      for (const bridge of ['br-int', 'br-tun'] as const)
        expect(await programming.diff('host1', bridge)).toEqual({ missing: [], changed: [], strays: [] })

      programming.close()
      await server.close()
      ;({ programming, server } = await start(port))
      await inSync(programming)
      expect(programming.counters).toMatchObject({ bundles: 0, flowMods: 0 })
      expect(programming.drift('host1')).toEqual([])
    } finally {
      programming.close()
      await server.close()
      await ovs.stop()
    }
  })
})
