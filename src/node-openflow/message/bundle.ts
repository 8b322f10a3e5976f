// Bundles, and requests forwarded to other controllers: messages around messages.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { pad, u16, u32, u64 } from '../wire/index.ts'
import { bits, oneOf, optional, type PropertyOf, properties, property, record } from './shape.ts'

/** How a bundle is to be carried out. */
export const bundleFlags = { atomic: 1 << 0, ordered: 1 << 1, time: 1 << 2 } as const

const time = { seconds: u64, nanoseconds: u32, _pad: pad(4) }

const bundleRows = {
  time: property(1, record({ _before: pad(4), ...time })),
}

/** A property of a bundle: when to commit it (OpenFlow 1.5), or an experimenter's. */
export type BundleProperty = PropertyOf<typeof bundleRows>

const none: readonly BundleProperty[] = []
const some = properties(bundleRows)
const bundleProperties = optional<readonly BundleProperty[]>(
  { ...some, read: r => (r.remaining === 0 ? none : some.read(r)) },
  none,
)

/** OFPT_BUNDLE_CONTROL (OpenFlow 1.5.1, 7.3.9.2), in OpenFlow 1.3 as an ONF extension. */
export const bundleControl = record({
  bundleId: u32,
  control: oneOf(u16, {
    open_request: 0,
    open_reply: 1,
    close_request: 2,
    close_reply: 3,
    commit_request: 4,
    commit_reply: 5,
    discard_request: 6,
    discard_reply: 7,
  }),
  flags: bits(u16, bundleFlags),
  properties: bundleProperties,
})

/** What all messages have. */
export interface AnyMessage {
  readonly version: number
  readonly type: string
  readonly xid: number
}

const bundleHead = record({ bundleId: u32, _pad: pad(2), flags: bits(u16, bundleFlags) })

/** OFPT_BUNDLE_ADD_MESSAGE: the message to add, with the same xid as this one, then properties if any. */
export interface BundleAdd<M = AnyMessage> {
  readonly bundleId: number
  readonly flags: readonly (keyof typeof bundleFlags | number)[]
  readonly message: M
  readonly properties?: readonly BundleProperty[]
}

/** The message inside is padded to 8 bytes only if properties follow. */
export function bundleAdd(_v: Version, inner: Codec<AnyMessage>): Codec<BundleAdd> {
  return {
    size: 0,
    read: r => {
      const head = bundleHead.read(r)
      const start = r.at
      const message = inner.read(r)
      if (r.remaining === 0) return { ...head, message }
      r.skip((8 - ((r.at - start) & 7)) & 7)
      return { ...head, message, properties: some.read(r) }
    },
    write: (w, value) => {
      bundleHead.write(w, value)
      const start = w.length
      inner.write(w, value.message)
      if (!value.properties?.length) return
      w.align8(start)
      some.write(w, value.properties)
    },
  }
}

/** OFPT_REQUESTFORWARD: another controller's group_mod or meter_mod. */
export interface RequestForward<M = AnyMessage> {
  readonly request: M
}

/** Nothing but the request. */
export function requestForward(_v: Version, inner: Codec<AnyMessage>): Codec<RequestForward> {
  return { size: 0, read: r => ({ request: inner.read(r) }), write: (w, value) => inner.write(w, value.request) }
}

const featuresRows = {
  time: property(
    1,
    record({
      _before: pad(4),
      accuracy: record(time),
      maxFuture: record(time),
      maxPast: record(time),
      timestamp: record(time),
    }),
  ),
}

/** OFPMP_BUNDLE_FEATURES (OpenFlow 1.5, 7.3.5.19), request. */
export const bundleFeaturesRequest = record({
  featureRequestFlags: bits(u32, { timestamp: 1, time_set_sched: 2 }),
  _pad: pad(4),
  properties: properties(featuresRows),
})

/** OFPMP_BUNDLE_FEATURES, reply. */
export const bundleFeaturesReply = record({
  capabilities: bits(u16, bundleFlags),
  _pad: pad(6),
  properties: properties(featuresRows),
})
