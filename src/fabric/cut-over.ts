// Live migration: the first RARP or gratuitous ARP of the guest at its new place makes the pending binding there the
// active one. A one-shot flow of the pipeline sends that packet here.
import { bindings, cutOver } from '#model'
import type { Store } from '#store/store'
import type { PacketInHandler } from './programming/packet-ins.ts'

/** Handles the packet-ins of that flow: the port is found by the chassis and the OpenFlow port it came in by. */
export const cutOverOnAnnouncement =
  (store: Store): PacketInHandler =>
  async ({ chassis, inPort }) => {
    for (const binding of store.by(bindings, 'chassis', chassis)) {
      if (binding.ofport !== inPort || binding.state !== 'pending') continue
      await store.transact({ source: 'fabric', request: chassis }, tx => cutOver(tx, binding.port, chassis))
      return
    }
  }
