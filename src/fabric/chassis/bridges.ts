// The operations that make a host's bridges and ports what we want. What is ours carries a mark in external_ids; anything
// else is left as it is, and a name of ours that somebody else uses is a problem to be shown.
import type { Operation, Uuid } from 'ovsdb-client'
import { Edits, isSameMap, isSameSet, type RowId, setPairs } from './edits.ts'
import { BR_INT, BR_TUN, isNameOfOurs, MARK } from './names.ts'
import type { Tables, View } from './schema.ts'
import { type WantedBridges, type WantedPort, wantedPorts } from './wanted-ports.ts'

type Row<T extends keyof Tables> = ReturnType<typeof rowsOf<T>>[number]

const rowsOf = <T extends keyof Tables>(view: View, table: T) => [...view.table(table).values()]

const byName = <R extends { readonly name: string }>(rows: Iterable<R>): ReadonlyMap<string, R> =>
  new Map(Array.from(rows, row => [row.name, row]))

/** What a repair looks at, and what it comes to. */
interface Repair {
  readonly wanted: WantedBridges
  readonly view: View
  readonly bridges: ReadonlyMap<string, Row<'Bridge'>>
  readonly ports: ReadonlyMap<string, Row<'Port'>>
  readonly interfaces: ReadonlyMap<string, Row<'Interface'>>
  readonly edits: Edits
  readonly problems: string[]
  /** What the switch says of a port may be old. */
  isOutdated: boolean
}

const controllersOf = ({ view }: Repair, bridge: Row<'Bridge'>) =>
  bridge.controller.flatMap(uuid => view.table('Controller').get(uuid) ?? [])

/** A bridge with a name of ours that another controller has is left alone. */
const findTaken = (repair: Repair): void => {
  for (const row of [repair.bridges.get(BR_INT), repair.bridges.get(BR_TUN)]) {
    if (row === undefined || row.external_ids.has(MARK) || row.controller.length === 0) continue
    const theirs = controllersOf(repair, row).map(controller => controller.target)
    const text = `bridge ${row.name} belongs to another controller (${theirs.join(', ')})`
    repair.problems.push(`${text}; delete it, and it will be made anew`)
  }
}

const addController = ({ edits, wanted }: Repair) =>
  edits.add('Controller', {
    target: wanted.controller,
    connection_mode: 'out-of-band',
    max_backoff: 1000,
    external_ids: { [MARK]: 'controller' },
  })

/** Makes or mends one of our bridges, and gives its row. */
const ourBridge = (repair: Repair, root: Uuid, name: typeof BR_INT | typeof BR_TUN): RowId => {
  const { wanted, edits } = repair
  const columns = { datapath_type: wanted.datapathType, fail_mode: 'secure', protocols: ['OpenFlow15'] }
  const otherConfig = { 'datapath-id': wanted.datapathIds[name], 'disable-in-band': 'true' }
  const externalIds = { [MARK]: name }
  const row = repair.bridges.get(name)
  if (row === undefined) {
    const local = edits.add('Interface', { name, type: 'internal' })
    const port = edits.add('Port', { name, interfaces: [local] })
    const controller = [addController(repair)]
    const bridge = edits.add('Bridge', {
      ...{ name, ...columns, controller, ports: [port], other_config: otherConfig, external_ids: externalIds },
    })
    edits.change('Open_vSwitch', root, [['bridges', 'insert', bridge]])
    return bridge
  }
  const [ours, ...spare] = controllersOf(repair, row).filter(controller => controller.external_ids.has(MARK))
  edits.set('Bridge', row._uuid, {
    ...(row.datapath_type === columns.datapath_type ? {} : { datapath_type: columns.datapath_type }),
    ...(row.fail_mode === columns.fail_mode ? {} : { fail_mode: columns.fail_mode }),
    ...(isSameSet(row.protocols, columns.protocols) ? {} : { protocols: columns.protocols }),
  })
  edits.change('Bridge', row._uuid, [
    ...setPairs('other_config', row.other_config, otherConfig),
    ...setPairs('external_ids', row.external_ids, externalIds),
    ...(ours === undefined ? [['controller', 'insert', addController(repair)] as const] : []),
    ...(spare.length > 0 ? [['controller', 'delete', spare.map(({ _uuid }) => _uuid)] as const] : []),
  ])
  if (ours !== undefined) {
    edits.set('Controller', ours._uuid, {
      ...(ours.target === wanted.controller ? {} : { target: wanted.controller }),
      ...(ours.connection_mode === 'out-of-band' ? {} : { connection_mode: 'out-of-band' }),
      ...(ours.max_backoff === 1000 ? {} : { max_backoff: 1000 }),
    })
  }
  return row._uuid
}

const addPort = ({ edits }: Repair, bridge: RowId, port: WantedPort): void => {
  const { name, type, options, ofport, trunks, bfd } = port
  const external_ids = { [MARK]: type }
  const card = {
    ...{ name, type, options, external_ids },
    ...(ofport === undefined ? {} : { ofport_request: ofport }),
    ...(bfd === undefined ? {} : { bfd }),
  }
  const interfaces = [edits.add('Interface', card)]
  const row = edits.add('Port', { name, interfaces, external_ids, ...(trunks === undefined ? {} : { trunks }) })
  edits.change('Bridge', bridge, [['ports', 'insert', row]])
}

const mendPort = (repair: Repair, { bridge, name, type, options, ofport, trunks, bfd }: WantedPort): void => {
  const { edits, problems } = repair
  const port = repair.ports.get(name)
  const card = repair.interfaces.get(name)
  const isThere = port !== undefined && repair.bridges.get(bridge)?.ports.includes(port._uuid)
  const isOurs = port?.external_ids.has(MARK) || bridge === BR_INT || bridge === BR_TUN
  if (port === undefined || card === undefined || !isThere || !isOurs) {
    problems.push(`the name ${name} is taken by a port that is not ours; rename or delete it`)
    return
  }
  edits.set('Interface', card._uuid, {
    ...(card.type === type ? {} : { type }),
    ...(ofport === undefined || card.ofport_request === ofport ? {} : { ofport_request: ofport }),
    ...(bfd === undefined || isSameMap(card.bfd, bfd) ? {} : { bfd }),
  })
  const mark = { [MARK]: type }
  edits.change('Interface', card._uuid, [
    ...setPairs('options', card.options, options),
    ...setPairs('external_ids', card.external_ids, mark),
  ])
  edits.set('Port', port._uuid, trunks === undefined || isSameSet(port.trunks, trunks) ? {} : { trunks })
  edits.change('Port', port._uuid, setPairs('external_ids', port.external_ids, mark))
  if (card.error !== undefined) {
    problems.push(`the switch cannot make port ${name} of ${bridge}: ${card.error}`)
    if (type === 'patch') repair.isOutdated = true
  } else if (ofport !== undefined && card.ofport !== undefined && card.ofport !== ofport) {
    problems.push(`port ${name} of ${bridge} has number ${card.ofport} where ${ofport} is needed`)
    repair.isOutdated = true
  }
}

/** Takes away ports that carry our mark and are wanted no more. */
const dropSpare = ({ view, bridges, edits }: Repair, wanted: readonly WantedPort[]): void => {
  const names = new Set(wanted.map(port => port.name))
  for (const bridge of bridges.values()) {
    const spare = bridge.ports.filter(uuid => {
      const port = view.table('Port').get(uuid)
      return port?.external_ids.has(MARK) && !names.has(port.name)
    })
    if (spare.length > 0) edits.change('Bridge', bridge._uuid, [['ports', 'delete', spare]])
  }
}

/** Which of our bridges the switch has not made, and which it has made without their reaching us. */
export const idleBridges = (view: View): { readonly unmade: readonly string[]; readonly astray: readonly string[] } => {
  const ours = rowsOf(view, 'Bridge').filter(row => row.external_ids.has(MARK))
  const isAstray = (row: Row<'Bridge'>) =>
    row.controller.some(uuid => {
      const controller = view.table('Controller').get(uuid)
      return controller?.external_ids.has(MARK) && !controller.is_connected
    })
  const names = (rows: readonly Row<'Bridge'>[]) => rows.map(row => row.name).sort()
  return {
    unmade: names(ours.filter(row => row.datapath_id === undefined)),
    astray: names(ours.filter(row => row.datapath_id !== undefined && isAstray(row))),
  }
}

/**
 * The operations that make a host's bridges what is wanted, none when they are; and what stands in the way, in words.
 */
export const repair = (
  view: View,
  wanted: WantedBridges,
): { readonly operations: readonly Operation<Tables>[]; readonly problems: readonly string[] } => {
  const [root] = rowsOf(view, 'Open_vSwitch')
  if (root === undefined)
    return { operations: [], problems: ['its database has no Open_vSwitch row; run ovs-vsctl init'] }
  const repair: Repair = {
    wanted,
    view,
    bridges: byName(rowsOf(view, 'Bridge')),
    ports: byName(rowsOf(view, 'Port')),
    interfaces: byName(rowsOf(view, 'Interface')),
    edits: new Edits(),
    problems: [],
    isOutdated: false,
  }
  const { bridges, ports, interfaces, edits, problems } = repair
  const { operations } = edits
  findTaken(repair)
  if (problems.length > 0) return { operations, problems }

  const held = new Map<string, RowId | undefined>()
  for (const name of [BR_INT, BR_TUN] as const) held.set(name, ourBridge(repair, root._uuid, name))
  for (const name of wanted.providers.values()) held.set(name, bridges.get(name)?._uuid)
  const list = wantedPorts(wanted)
  for (const port of list) {
    const bridge = held.get(port.bridge)
    if (bridge === undefined) continue
    if (ports.has(port.name) || interfaces.has(port.name)) mendPort(repair, port)
    else addPort(repair, bridge, port)
  }
  dropSpare(repair, list)
  // The switch looks at some columns (Port.trunks) only when next_cfg says that there is something to do; and a port that
  // was there before ours may hold its number, from which the switch moves it the next time that it looks. What it says of a
  // patch whose peer came back meanwhile may be as old.
  if (operations.length > 0 || repair.isOutdated) edits.change('Open_vSwitch', root._uuid, [['next_cfg', '+=', 1]])
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
