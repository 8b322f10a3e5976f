// The bridges and ports that we want on a host, and the operations that make it so. What is ours carries a mark in
// external_ids; anything else is left as it is, and a name of ours that somebody else uses is a problem to be shown.
import {
  type InputRow,
  insert,
  mutate,
  type NamedUuid,
  named,
  type Operation,
  type Uuid,
  update,
  whereUuid,
} from 'ovsdb-client'
import type { TunnelType } from '#model/chassis'
import { chassisPort, PATCH_INT, PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { BR_INT, BR_TUN, chassisPatch, isNameOfOurs, MARK, providerPatch, tunnelPatch, tunnelPort } from './names.ts'
import type { Tables, View } from './schema.ts'

/** What a host shall have. */
export interface WantedBridges {
  /** 16 hex digits each. */
  readonly datapathIds: { readonly 'br-int': string; readonly 'br-tun': string }
  /** `datapath_type` of both; '' is the default. */
  readonly datapathType: string
  /** Where the switch finds us, e.g. `tcp:192.0.2.100:6653`. */
  readonly controller: string
  /** The VTEP address; '' for no tunnel port. */
  readonly localIp: string
  readonly tunnelTypes: readonly TunnelType[]
  /** Physical network -> bridge, of the bridges that are there. */
  readonly providers: ReadonlyMap<string, string>
  /** Physical network -> VLANs that may cross its patch; 0 stands for untagged frames. */
  readonly trunks: ReadonlyMap<string, readonly number[]>
  /** Keys of the chassis with which it runs BFD. */
  readonly watched: readonly number[]
  /** Its own key, if it is to be a gateway. */
  readonly ownKey: number | undefined
}

interface WantedPort {
  readonly bridge: string
  readonly name: string
  readonly type: 'patch' | TunnelType
  readonly options: Readonly<Record<string, string>>
  readonly ofport?: number
  readonly trunks?: readonly number[]
  /** BFD settings (ovs-vswitchd.conf.db(5)); none: there shall be no BFD; undefined: not ours to say. */
  readonly bfd?: Readonly<Record<string, string>>
}

/** A chassis is dead after three times 100 ms. */
const BFD = { enable: 'true', min_rx: '100', min_tx: '100' }

// An empty set of trunks lets every VLAN pass, so that no VLAN is written as the reserved one.
const NO_VLAN = [4095]

const wantedPorts = (wanted: WantedBridges): WantedPort[] => {
  const patch = (bridge: string, name: string, peer: string) =>
    ({ bridge, name, type: 'patch', options: { peer } }) as const
  /** The port by which gateways are chosen: alive while the chassis that it stands for is. The own one always is. */
  const stand = (key: number, bfd: Readonly<Record<string, string>>) => {
    const { inner, outer } = chassisPatch(key)
    const ofport = chassisPort(key)
    return [
      { ...patch(BR_INT, inner, outer), ofport, bfd },
      { ...patch(BR_TUN, outer, inner), ofport },
    ]
  }
  return [
    { ...patch(BR_INT, tunnelPatch.inner, tunnelPatch.outer), ofport: PATCH_TUN },
    { ...patch(BR_TUN, tunnelPatch.outer, tunnelPatch.inner), ofport: PATCH_INT },
    ...(wanted.localIp === '' ? [] : wanted.tunnelTypes).map(type => ({
      bridge: BR_TUN,
      name: tunnelPort(type),
      type,
      options: { remote_ip: 'flow', key: 'flow', local_ip: wanted.localIp },
      ofport: TUNNEL_PORTS[type],
    })),
    ...wanted.watched.flatMap(key => stand(key, BFD)),
    ...(wanted.ownKey === undefined ? [] : stand(wanted.ownKey, {})),
    ...[...wanted.providers].flatMap(([physicalNetwork, bridge]) => {
      const { inner, outer } = providerPatch(bridge)
      const vlans = wanted.trunks.get(physicalNetwork) ?? []
      return [
        patch(BR_INT, inner, outer),
        { ...patch(bridge, outer, inner), trunks: vlans.length > 0 ? vlans : NO_VLAN },
      ]
    }),
  ]
}

const isSameSet = <T>(a: readonly T[], b: readonly T[]) =>
  a.length === b.length && b.every(element => a.includes(element))

const isSameMap = (a: ReadonlyMap<string, string>, b: Readonly<Record<string, string>>) =>
  a.size === Object.keys(b).length && Object.entries(b).every(([key, value]) => a.get(key) === value)

/** The mutations that give a map these pairs and leave its others. */
const setPairs = (column: string, held: ReadonlyMap<string, string>, pairs: Readonly<Record<string, string>>) => {
  const changed = Object.entries(pairs).filter(([key, value]) => held.get(key) !== value)
  if (changed.length === 0) return []
  const keys = changed.map(([key]) => key).filter(key => held.has(key))
  return [
    ...(keys.length === 0 ? [] : [[column, 'delete', keys] as const]),
    [column, 'insert', new Map(changed)] as const,
  ]
}

/**
 * The operations that make a host's bridges what is wanted, none when they are; and what stands in the way, in words.
 */
export const repair = (
  view: View,
  wanted: WantedBridges,
): { readonly operations: readonly Operation<Tables>[]; readonly problems: readonly string[] } => {
  const operations: Operation<Tables>[] = []
  const problems: string[] = []
  const root = view.table('Open_vSwitch').values().next().value
  if (root === undefined) return { operations, problems: ['its database has no Open_vSwitch row; run ovs-vsctl init'] }

  const byName = <R extends { readonly name: string }>(rows: Iterable<R>) =>
    new Map(Array.from(rows, row => [row.name, row]))
  const bridges = byName(view.table('Bridge').values())
  const ports = byName(view.table('Port').values())
  const interfaces = byName(view.table('Interface').values())
  const controllers = view.table('Controller')

  type BridgeRow = NonNullable<ReturnType<typeof bridges.get>>
  const controllersOf = (row: BridgeRow) => row.controller.flatMap(uuid => controllers.get(uuid) ?? [])
  for (const row of [bridges.get(BR_INT), bridges.get(BR_TUN)]) {
    if (row === undefined || row.external_ids.has(MARK) || row.controller.length === 0) continue
    const theirs = controllersOf(row).map(controller => controller.target)
    const text = `bridge ${row.name} belongs to another controller (${theirs.join(', ')})`
    problems.push(`${text}; delete it, and it will be made anew`)
  }
  if (problems.length > 0) return { operations, problems }

  let isOutdated = false
  let rows = 0
  const add = (table: keyof Tables, row: InputRow): NamedUuid => {
    const name = `row${++rows}`
    operations.push(insert(table, row, name) as Operation<Tables>)
    return named(name)
  }
  const set = (table: keyof Tables, uuid: Uuid, row: InputRow) => {
    if (Object.keys(row).length > 0) operations.push(update(table, whereUuid(uuid), row) as Operation<Tables>)
  }
  const change = (table: keyof Tables, uuid: Uuid | NamedUuid, mutations: Parameters<typeof mutate>[2]) => {
    if (mutations.length > 0) operations.push(mutate(table, whereUuid(uuid), mutations))
  }

  const addController = () =>
    add('Controller', {
      target: wanted.controller,
      connection_mode: 'out-of-band',
      max_backoff: 1000,
      external_ids: { [MARK]: 'controller' },
    })

  /** Makes or mends one of our bridges, and gives its row. */
  const ourBridge = (name: typeof BR_INT | typeof BR_TUN): Uuid | NamedUuid => {
    const columns = { datapath_type: wanted.datapathType, fail_mode: 'secure', protocols: ['OpenFlow15'] }
    const otherConfig = { 'datapath-id': wanted.datapathIds[name], 'disable-in-band': 'true' }
    const externalIds = { [MARK]: name }
    const row = bridges.get(name)
    if (row === undefined) {
      const local = add('Interface', { name, type: 'internal' })
      const port = add('Port', { name, interfaces: [local] })
      const controller = [addController()]
      const bridge = add('Bridge', {
        ...{ name, ...columns, controller, ports: [port], other_config: otherConfig, external_ids: externalIds },
      })
      change('Open_vSwitch', root._uuid, [['bridges', 'insert', bridge]])
      return bridge
    }
    const [ours, ...spare] = controllersOf(row).filter(controller => controller.external_ids.has(MARK))
    set('Bridge', row._uuid, {
      ...(row.datapath_type === columns.datapath_type ? {} : { datapath_type: columns.datapath_type }),
      ...(row.fail_mode === columns.fail_mode ? {} : { fail_mode: columns.fail_mode }),
      ...(isSameSet(row.protocols, columns.protocols) ? {} : { protocols: columns.protocols }),
    })
    change('Bridge', row._uuid, [
      ...setPairs('other_config', row.other_config, otherConfig),
      ...setPairs('external_ids', row.external_ids, externalIds),
      ...(ours === undefined ? [['controller', 'insert', addController()] as const] : []),
      ...(spare.length > 0 ? [['controller', 'delete', spare.map(({ _uuid }) => _uuid)] as const] : []),
    ])
    if (ours !== undefined) {
      set('Controller', ours._uuid, {
        ...(ours.target === wanted.controller ? {} : { target: wanted.controller }),
        ...(ours.connection_mode === 'out-of-band' ? {} : { connection_mode: 'out-of-band' }),
        ...(ours.max_backoff === 1000 ? {} : { max_backoff: 1000 }),
      })
    }
    return row._uuid
  }

  const addPort = (bridge: Uuid | NamedUuid, { name, type, options, ofport, trunks, bfd }: WantedPort) => {
    const external_ids = { [MARK]: type }
    const card = {
      ...{ name, type, options, external_ids },
      ...(ofport === undefined ? {} : { ofport_request: ofport }),
      ...(bfd === undefined ? {} : { bfd }),
    }
    const interfaces = [add('Interface', card)]
    const port = add('Port', { name, interfaces, external_ids, ...(trunks === undefined ? {} : { trunks }) })
    change('Bridge', bridge, [['ports', 'insert', port]])
  }

  const mendPort = ({ bridge, name, type, options, ofport, trunks, bfd }: WantedPort) => {
    const port = ports.get(name)
    const card = interfaces.get(name)
    const isThere = port !== undefined && bridges.get(bridge)?.ports.includes(port._uuid)
    const isOurs = port?.external_ids.has(MARK) || bridge === BR_INT || bridge === BR_TUN
    if (port === undefined || card === undefined || !isThere || !isOurs) {
      problems.push(`the name ${name} is taken by a port that is not ours; rename or delete it`)
      return
    }
    set('Interface', card._uuid, {
      ...(card.type === type ? {} : { type }),
      ...(ofport === undefined || card.ofport_request === ofport ? {} : { ofport_request: ofport }),
      ...(bfd === undefined || isSameMap(card.bfd, bfd) ? {} : { bfd }),
    })
    const mark = { [MARK]: type }
    change('Interface', card._uuid, [
      ...setPairs('options', card.options, options),
      ...setPairs('external_ids', card.external_ids, mark),
    ])
    set('Port', port._uuid, trunks === undefined || isSameSet(port.trunks, trunks) ? {} : { trunks })
    change('Port', port._uuid, setPairs('external_ids', port.external_ids, mark))
    if (card.error !== undefined) {
      problems.push(`the switch cannot make port ${name} of ${bridge}: ${card.error}`)
      if (type === 'patch') isOutdated = true
    } else if (ofport !== undefined && card.ofport !== undefined && card.ofport !== ofport) {
      problems.push(`port ${name} of ${bridge} has number ${card.ofport} where ${ofport} is needed`)
      isOutdated = true
    }
  }

  const rowsOf = new Map<string, Uuid | NamedUuid | undefined>(
    [BR_INT, BR_TUN].map(name => [name, ourBridge(name as typeof BR_INT)]),
  )
  for (const bridge of wanted.providers.values()) rowsOf.set(bridge, bridges.get(bridge)?._uuid)

  const list = wantedPorts(wanted)
  for (const port of list) {
    const bridge = rowsOf.get(port.bridge)
    if (bridge === undefined) continue
    if (ports.has(port.name) || interfaces.has(port.name)) mendPort(port)
    else addPort(bridge, port)
  }

  const names = new Set(list.map(port => port.name))
  for (const bridge of bridges.values()) {
    const spare = bridge.ports.filter(uuid => {
      const port = view.table('Port').get(uuid)
      return port?.external_ids.has(MARK) && !names.has(port.name)
    })
    if (spare.length > 0) change('Bridge', bridge._uuid, [['ports', 'delete', spare]])
  }
  // The switch looks at some columns (Port.trunks) only when next_cfg says that there is something to do; and a port that
  // was there before ours may hold its number, from which the switch moves it the next time that it looks. What it says of a
  // patch whose peer came back meanwhile may be as old.
  if (operations.length > 0 || isOutdated) change('Open_vSwitch', root._uuid, [['next_cfg', '+=', 1]])
  return { operations, problems }
}

type AnyRow = { readonly [column: string]: unknown }

const isMarked = (row: AnyRow | undefined) => (row?.external_ids as ReadonlyMap<string, string> | undefined)?.has(MARK)

/** What the switch reports of an interface: nothing of ours to keep as it is. */
const REPORTED: ReadonlySet<string> = new Set(['bfd_status', 'link_state'])

/** Whether a changed row may be of those that `repair` looks at: a VM's interface is not, and costs no comparison. */
export const concernsRepair = (table: keyof Tables, before: AnyRow | undefined, after: AnyRow | undefined): boolean => {
  if (table === 'Open_vSwitch' || table === 'Controller') return true
  if (table === 'Bridge') {
    if (before === undefined || after === undefined) return true
    return Object.keys(after).some(column => column !== 'ports' && before[column] !== after[column])
  }
  if (before !== undefined && after !== undefined) {
    if (Object.keys(after).every(column => REPORTED.has(column) || before[column] === after[column])) return false
  }
  return Boolean(isMarked(before) || isMarked(after) || isNameOfOurs(String((after ?? before)?.name)))
}
