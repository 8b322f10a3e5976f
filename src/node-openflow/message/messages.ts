// Every kind of message and its forms, in OpenFlow 1.3, 1.4 and 1.5. The type of a message follows from its row.

import type { Codec } from '../wire/index.ts'
import * as bundle from './bundle.ts'
import * as channel from './channel.ts'
import { controllerStatus, controllerStatusReply } from './controller.ts'
import { type ErrorBody, errorBody } from './error.ts'
import { flowMod, nxFlowMod } from './flow-mod.ts'
import { flowRemoved, nxFlowRemoved } from './flow-removed.ts'
import * as flow from './flow-stats.ts'
import * as group from './group.ts'
import * as meter from './meter.ts'
import * as monitor from './monitor.ts'
import * as nicira from './nicira.ts'
import * as packet from './packet.ts'
import * as port from './port.ts'
import * as queue from './queue.ts'
import { expReply, expRequest, type Form, NX, nxt, ONF, ofpt, onft, reply, request } from './rows.ts'
import * as table from './table.ts'
import { ALL, V13, V13_14, V14_15, V15 } from './version.ts'

const { nothing } = channel

/** Kinds to forms. Multipart kinds carry the names of OpenFlow's specification. */
export const messages = {
  hello: [ofpt(0, ALL, channel.hello)],
  error: [ofpt<ErrorBody>(1, ALL, errorBody)],
  echo_request: [ofpt(2, ALL, channel.echo)],
  echo_reply: [ofpt(3, ALL, channel.echo)],
  features_request: [ofpt(5, ALL, nothing)],
  features_reply: [ofpt(6, ALL, channel.features)],
  get_config_request: [ofpt(7, ALL, nothing)],
  get_config_reply: [ofpt(8, ALL, channel.switchConfig)],
  set_config: [ofpt(9, ALL, channel.switchConfig)],
  packet_in: [
    ofpt(10, ALL, packet.packetIn),
    nxt(17, ALL, packet.nxPacketIn, 'nxt'),
    nxt(30, ALL, packet.nxPacketIn2, 'nxt2'),
  ],
  flow_removed: [ofpt(11, ALL, flowRemoved), nxt(14, ALL, nxFlowRemoved, 'nxt')],
  port_status: [ofpt(12, ALL, port.portStatus)],
  packet_out: [ofpt(13, ALL, packet.packetOut)],
  flow_mod: [ofpt(14, ALL, flowMod), nxt(13, ALL, nxFlowMod, 'nxt')],
  group_mod: [ofpt(15, ALL, group.groupMod)],
  port_mod: [ofpt(16, ALL, port.portMod)],
  table_mod: [ofpt(17, ALL, table.tableMod)],
  barrier_request: [ofpt(20, ALL, nothing)],
  barrier_reply: [ofpt(21, ALL, nothing)],
  role_request: [ofpt(24, ALL, channel.roleRequest), nxt(10, ALL, channel.nxRole, 'nxt')],
  role_reply: [ofpt(25, ALL, channel.roleReply), nxt(11, ALL, channel.nxRole, 'nxt')],
  get_async_request: [ofpt(26, ALL, nothing)],
  get_async_reply: [ofpt(27, V13, channel.asyncMasks), ofpt(27, V14_15, channel.asyncConfig)],
  set_async: [
    ofpt(28, V13, channel.asyncMasks),
    ofpt(28, V14_15, channel.asyncConfig),
    nxt(19, ALL, channel.asyncMasks, 'nxt'),
    nxt(27, V13, channel.asyncConfig, 'nxt2'),
  ],
  meter_mod: [ofpt(29, ALL, meter.meterMod)],
  role_status: [onft(1911, V13, channel.roleStatus), ofpt(30, V14_15, channel.roleStatus)],
  table_status: [ofpt(31, V14_15, table.tableStatus)],
  requestforward: [onft(2350, V13, bundle.requestForward), ofpt(32, V14_15, bundle.requestForward)],
  bundle_control: [onft(2300, V13, bundle.bundleControl), ofpt(33, V14_15, bundle.bundleControl)],
  bundle_add_message: [onft(2301, V13, bundle.bundleAdd), ofpt(34, V14_15, bundle.bundleAdd)],
  controller_status: [ofpt(35, V15, controllerStatus)],

  desc_request: [request(0, ALL, nothing)],
  desc_reply: [reply(0, ALL, channel.description)],
  flow_stats_request: [request(1, ALL, flow.flowStatsRequest)],
  flow_stats_reply: [reply(1, ALL, flow.flowStatsReply)],
  aggregate_stats_request: [request(2, ALL, flow.flowStatsRequest)],
  aggregate_stats_reply: [reply(2, ALL, flow.aggregateReply)],
  table_stats_request: [request(3, ALL, nothing)],
  table_stats_reply: [reply(3, ALL, table.tableStatsReply)],
  port_stats_request: [request(4, ALL, port.portRequest)],
  port_stats_reply: [reply(4, ALL, port.portStatsReply)],
  queue_stats_request: [request(5, ALL, queue.queueRequest)],
  queue_stats_reply: [reply(5, ALL, queue.queueStatsReply)],
  group_stats_request: [request(6, ALL, group.groupRequest)],
  group_stats_reply: [reply(6, ALL, group.groupStatsReply)],
  group_desc_request: [request(7, V13_14, nothing), request(7, V15, group.groupRequest)],
  group_desc_reply: [reply(7, ALL, group.groupDescReply)],
  group_features_request: [request(8, ALL, nothing)],
  group_features_reply: [reply(8, ALL, group.groupFeatures)],
  meter_stats_request: [request(9, ALL, meter.meterRequest)],
  meter_stats_reply: [reply(9, ALL, meter.meterStatsReply)],
  meter_config_request: [request(10, ALL, meter.meterRequest)],
  meter_config_reply: [reply(10, ALL, meter.meterConfigReply)],
  meter_features_request: [request(11, ALL, nothing)],
  meter_features_reply: [reply(11, ALL, meter.meterFeatures)],
  table_features_request: [request(12, ALL, table.tableFeaturesBody)],
  table_features_reply: [reply(12, ALL, table.tableFeaturesBody)],
  port_desc_request: [request(13, V13_14, nothing), request(13, V15, port.portRequest)],
  port_desc_reply: [reply(13, ALL, port.portDescReply)],
  table_desc_request: [request(14, V14_15, nothing)],
  table_desc_reply: [reply(14, V14_15, table.tableDescReply)],
  queue_desc_request: [ofpt(22, V13, queue.queueConfigRequest), request(15, V14_15, queue.queueRequest)],
  queue_desc_reply: [ofpt(23, V13, queue.queueConfigReply), reply(15, V14_15, queue.queueDescReply)],
  flow_monitor_request: [
    expRequest(ONF, 1870, V13, monitor.monitorRequest),
    request(16, V14_15, monitor.monitorRequest),
  ],
  flow_monitor_reply: [expReply(ONF, 1870, V13, monitor.monitorReply), reply(16, V14_15, monitor.monitorReply)],
  flow_monitor_cancel: [onft(1870, V13, monitor.monitorCancel)],
  flow_monitor_paused: [onft(1871, V13, nothing)],
  flow_monitor_resumed: [onft(1872, V13, nothing)],
  /** OpenFlow 1.5's OFPMP_FLOW_STATS: counters without instructions. Its OFPMP_FLOW_DESC is `flow_stats` here. */
  flow_counters_request: [request(17, V15, flow.flowStatsRequest)],
  flow_counters_reply: [reply(17, V15, flow.flowCountersReply)],
  controller_status_request: [request(18, V15, nothing)],
  controller_status_reply: [reply(18, V15, controllerStatusReply)],
  bundle_features_request: [request(19, V15, bundle.bundleFeaturesRequest)],
  bundle_features_reply: [reply(19, V15, bundle.bundleFeaturesReply)],

  flow_mod_table_id: [nxt(15, ALL, nicira.flowModTableId)],
  set_packet_in_format: [nxt(16, ALL, nicira.setPacketInFormat)],
  flow_age: [nxt(18, ALL, nothing)],
  set_controller_id: [nxt(20, ALL, nicira.setControllerId)],
  tlv_table_mod: [nxt(24, ALL, nicira.tlvTableMod)],
  tlv_table_request: [nxt(25, ALL, nothing)],
  tlv_table_reply: [nxt(26, ALL, nicira.tlvTableReply)],
  resume: [nxt(28, ALL, packet.nxPacketIn2)],
  ct_flush_zone: [nxt(29, ALL, nicira.ctFlushZone)],
  ct_flush: [nxt(32, ALL, nicira.ctFlush)],
  ipfix_bridge_request: [expRequest(NX, 3, ALL, nothing)],
  ipfix_bridge_reply: [expReply(NX, 3, ALL, nicira.ipfixBridgeReply)],
  ipfix_flow_request: [expRequest(NX, 4, ALL, nothing)],
  ipfix_flow_reply: [expReply(NX, 4, ALL, nicira.ipfixFlowReply)],
} as const satisfies { readonly [kind: string]: readonly Form<unknown>[] }

type Rows = typeof messages
/** The kinds of messages that have rows. */
export type Kind = keyof Rows

type Header<K> = { readonly version: number; readonly xid: number; readonly type: K }
type BodyIn<F> = F extends { readonly body: (...args: never[]) => Codec<infer T> } ? T : never
type MoreOf<F> = F extends { readonly multipart: true } ? { readonly more?: boolean } : unknown
type FormIn<F> = F extends { readonly form: infer N extends string } ? { readonly form: N } : { readonly form?: never }
type Bare<K extends Kind> = Rows[K][number] extends infer F
  ? F extends unknown
    ? Header<K> & BodyIn<F> & MoreOf<F> & FormIn<F>
    : never
  : never

/** OFPT_BUNDLE_ADD_MESSAGE. */
export interface BundleAddMessage extends Header<'bundle_add_message'>, bundle.BundleAdd<Message> {}
/** OFPT_REQUESTFORWARD. */
export interface RequestForwardMessage extends Header<'requestforward'>, bundle.RequestForward<Message> {}

/** A message whose type is not known: kept as it came. */
export interface UnknownMessage extends Header<'unknown'> {
  readonly code: number
  readonly data: Uint8Array
}
/** An experimenter's message that is not known: kept as it came. */
export interface ExperimenterMessage extends Header<'experimenter'> {
  readonly experimenter: number
  readonly expType: number
  readonly data: Uint8Array
}
/** A multipart message whose type is not known. */
export interface UnknownMultipart extends Header<'unknown_multipart_request' | 'unknown_multipart_reply'> {
  readonly more?: boolean
  readonly code: number
  readonly data: Uint8Array
}
/** An experimenter's multipart message that is not known. */
export interface ExperimenterMultipart
  extends Header<'experimenter_multipart_request' | 'experimenter_multipart_reply'> {
  readonly more?: boolean
  readonly experimenter: number
  readonly expType: number
  readonly data: Uint8Array
}

type PlainKind = Exclude<Kind, 'bundle_add_message' | 'requestforward'>

/** Any message, told apart by `type`. */
export type Message =
  | { [K in PlainKind]: Bare<K> }[PlainKind]
  | BundleAddMessage
  | RequestForwardMessage
  | UnknownMessage
  | ExperimenterMessage
  | UnknownMultipart
  | ExperimenterMultipart

/** The names by which messages go. */
export type MessageType = Message['type']

/** The messages of one type. */
export type MessageFor<T extends MessageType> = Extract<Message, { readonly type: T }>

type Draft<M> = M extends unknown
  ? Omit<M, 'version' | 'xid'> & { readonly version?: number; readonly xid?: number }
  : never

/** A message to be sent: a connection fills in its version and an xid. */
export type MessageDraft<T extends MessageType = MessageType> = Draft<MessageFor<T>>
