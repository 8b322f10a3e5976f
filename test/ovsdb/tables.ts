/** Parts of Open vSwitch's schema as the tests declare them, and a client that ends with its test. */
import {
  type Client,
  type ConnectOptions,
  connect,
  type Database,
  insert,
  map,
  mutate,
  named,
  optional,
  set,
  smallInteger,
  string,
  uuid,
} from 'ovsdb-client'
import { onTestFinished } from 'vitest'

export const vswitch = {
  Open_vSwitch: { bridges: set(uuid), external_ids: map(string, string), next_cfg: smallInteger },
  Bridge: { name: string, ports: set(uuid), external_ids: map(string, string), datapath_id: optional(string) },
  Port: { name: string, interfaces: set(uuid), tag: optional(smallInteger), trunks: set(smallInteger) },
  Interface: {
    name: string,
    type: string,
    ofport: optional(smallInteger),
    external_ids: map(string, string),
    options: map(string, string),
  },
}

/** An Open_vSwitch database. */
export type Vswitch = Database<typeof vswitch>

/** A client that is closed when the test is over. Its back-off is short. */
export function open(remotes: string | string[], options: Partial<ConnectOptions> = {}): Client {
  const client = connect({ remotes, backoff: { min: 20, max: 100 }, ...options })
  onTestFinished(() => client.close())
  return client
}

/** Opens the database of `client`. */
export const openVswitch = (client: Client): Promise<Vswitch> => client.database('Open_vSwitch', { tables: vswitch })

/** The root row, which a new database lacks. */
export const root = insert('Open_vSwitch', {})

/** The operations that add a bridge with its local port. */
export const addBridge = (name: string) =>
  [
    insert('Interface', { name, type: 'internal', external_ids: { 'iface-id': name } }, 'i'),
    insert('Port', { name, interfaces: named('i') }, 'p'),
    insert('Bridge', { name, ports: named('p'), external_ids: { owner: 'test' } }, 'b'),
    mutate('Open_vSwitch', [], [['bridges', 'insert', named('b')]]),
  ] as const

/** The names of the rows of a table. */
export const names = (rows: ReadonlyMap<unknown, { readonly name: string }>): string[] =>
  [...rows.values()].map(row => row.name).sort()
