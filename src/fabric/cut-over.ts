// Live migration: the first RARP or gratuitous ARP of the guest at its new place makes the pending binding there the
// active one. A one-shot flow of the pipeline sends that packet here, with the port's id.
import { cutOver } from '#model'
import type { Store } from '#store/store'
import type { PacketInHandler } from './programming/packet-ins.ts'

/** Handles the packet-ins of that flow, whose userdata is the port's id in 16 bytes. */
export const cutOverOnAnnouncement =
  (store: Store): PacketInHandler =>
  async ({ chassis, userdata }) => {
    const hex = Buffer.from(userdata).toString('hex')
    const port = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    await store.transact({ source: 'fabric', request: chassis }, tx => cutOver(tx, port, chassis))
  }
