// The encap action: puts a header before the packet, with properties that say more of it.

import { type Reader, toHex, type Writer } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, openNicira } from './action-row.ts'

/** A property of a header: NSH's kind of metadata, a piece of NSH's metadata, or one that is not known. */
export type EncapProperty =
  | { readonly type: 'md_type'; readonly mdType: number }
  | { readonly type: 'tlv'; readonly tlvClass: number; readonly tlvType: number; readonly data: Uint8Array }
  | { readonly type: 'unknown'; readonly cls: number; readonly code: number; readonly data: Uint8Array }

/** encap. */
export interface Encap {
  /** Namespace and type: 0 for Ethernet, 0x1894f for NSH, 0x18847 and 0x18848 for MPLS. */
  readonly packetType: number
  /** MPLS: bytes of the header. */
  readonly headerSize?: number
  readonly properties?: readonly EncapProperty[]
}

const NSH = 4
const MD_TYPE = 1
const TLV = 2

function readProperty(r: Reader): EncapProperty {
  const at = r.offset
  const cls = r.u16()
  const code = r.u8()
  const length = r.u8()
  if (length < 4) r.fail('bad-length', `a property of ${length} bytes`, at)
  const body = r.sub(Math.min(r.remaining, ((length + 7) & ~7) - 4))
  if (body.remaining < length - 4) r.fail('truncated', `a property of ${length} bytes`, at)
  if (cls === NSH && code === MD_TYPE) return { type: 'md_type', mdType: body.u8() }
  if (cls === NSH && code === TLV) {
    const tlvClass = body.u16()
    const tlvType = body.u8()
    return { type: 'tlv', tlvClass, tlvType, data: body.bytes(body.u8()) }
  }
  return { type: 'unknown', cls, code, data: body.bytes(length - 4) }
}

function writeProperty(w: Writer, property: EncapProperty): void {
  const start = w.length
  const isUnknown = property.type === 'unknown'
  w.u16(isUnknown ? property.cls : NSH)
  w.u8(isUnknown ? property.code : property.type === 'tlv' ? TLV : MD_TYPE)
  if (isUnknown) {
    w.u8(4 + property.data.length)
    w.bytes(property.data)
  } else if (property.type === 'md_type') {
    w.u8(5)
    w.u8(property.mdType)
  } else {
    w.u8(8 + ((property.data.length + 7) & ~7))
    w.u16(property.tlvClass)
    w.u8(property.tlvType)
    w.u8(property.data.length)
    w.bytes(property.data)
  }
  w.align8(start)
}

/** encap. */
export const encapRow: ActionRow<Encap> = {
  forms: [
    niciraForm(46, r => {
      const headerSize = r.u16()
      const packetType = r.u32()
      const properties: EncapProperty[] = []
      while (r.remaining > 0) properties.push(readProperty(r))
      return { packetType, ...(headerSize && { headerSize }), ...(properties.length > 0 && { properties }) }
    }),
  ],
  write: (w, { packetType, headerSize, properties }) => {
    const start = openNicira(w, 46)
    w.u16(headerSize ?? 0)
    w.u32(packetType)
    for (const property of properties ?? []) writeProperty(w, property)
    close(w, start)
  },
}

/** Types of packets by name. */
export const packetTypes = { ethernet: 0, nsh: 0x1894f, mpls: 0x18847, mpls_mc: 0x18848 } as const

/** A property as ovs-ofctl writes it. */
export function printEncapProperty(property: EncapProperty): string {
  if (property.type === 'md_type') return `md_type=${property.mdType}`
  if (property.type === 'unknown') return `unknown(0x${toHex(property.data)})`
  const cls = property.tlvClass.toString(16).padStart(4, '0')
  return `tlv(0x${cls},${property.tlvType},${printHex(property.data)})`
}

const printHex = (data: Uint8Array) => `0x${toHex(data).replace(/^0+(?=.)/, '')}`
