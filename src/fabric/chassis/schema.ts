// The part of the Open_vSwitch database that we read and write; ovs-vswitchd.conf.db(5) says what it means.
import { boolean, map, optional, type Replica, type Selection, set, smallInteger, string, uuid } from 'ovsdb-client'

const pairs = map(string, string)

/** Tables and columns. Statistics are left out, and the status that changes all the time: they cost a message each. */
export const tables = {
  Open_vSwitch: {
    bridges: set(uuid),
    external_ids: pairs,
    ovs_version: optional(string),
    datapath_types: set(string),
    other_config: pairs,
  },
  Bridge: {
    name: string,
    ports: set(uuid),
    controller: set(uuid),
    datapath_type: string,
    datapath_id: optional(string),
    fail_mode: optional(string),
    protocols: set(string),
    other_config: pairs,
    external_ids: pairs,
  },
  Port: {
    name: string,
    interfaces: set(uuid),
    trunks: set(smallInteger),
    tag: optional(smallInteger),
    vlan_mode: optional(string),
    external_ids: pairs,
  },
  Interface: {
    name: string,
    type: string,
    options: pairs,
    ofport: optional(smallInteger),
    ofport_request: optional(smallInteger),
    error: optional(string),
    link_state: optional(string),
    bfd: pairs,
    bfd_status: pairs,
    external_ids: pairs,
  },
  Controller: {
    target: string,
    is_connected: boolean,
    connection_mode: optional(string),
    max_backoff: optional(smallInteger),
    external_ids: pairs,
  },
} as const

/** The tables, as a type. */
export type Tables = typeof tables

/** What is followed of them. */
export const selection = {
  Open_vSwitch: '*',
  Bridge: '*',
  Port: '*',
  Interface: '*',
  Controller: '*',
} as const satisfies Selection<Tables>

/** A live copy of them. */
export type View = Pick<Replica<Tables, typeof selection>, 'table'>
