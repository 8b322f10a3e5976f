// OpenFlow 1.5's report on the controllers of a switch. Open vSwitch 3.1 does not speak it.

import type { Codec } from '../wire/index.ts'
import { list, pad, u8, u16, u32 } from '../wire/index.ts'
import { decodeText, encodeText } from '../wire/text.ts'
import { roles } from './channel.ts'
import { length16, oneOf, properties, property, record, sized } from './shape.ts'

const text: Codec<string> = {
  size: 0,
  read: r => decodeText(r.rest()),
  write: (w, value) => w.bytes(encodeText(value)),
}

/** A controller's status (OpenFlow 1.5.1, 7.3.5.18). */
export const controllerStatus = sized(
  0,
  record({
    _length: length16,
    shortId: u16,
    role: oneOf(u32, roles),
    reason: oneOf(u8, {
      request: 0,
      channel_status: 1,
      role: 2,
      controller_added: 3,
      controller_removed: 4,
      short_id: 5,
      experimenter: 6,
    }),
    channelStatus: oneOf(u8, { up: 0, down: 1 }),
    _pad: pad(6),
    properties: properties({ uri: property(0, record({ uri: text })) }),
  }),
)

/** OFPMP_CONTROLLER_STATUS, reply. */
export const controllerStatusReply = record({ entries: list(controllerStatus) })
