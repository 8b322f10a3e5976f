// Ranges of L4 ports as Neutron writes them: `FIRST:LAST`, or one port.
import type { PortRange } from '#model'
import { invalid, quote } from '../engine/read.ts'

/** Reads a range. Throws HTTPBadRequest with the attribute's name. */
export function readRange(value: unknown, attribute: string): PortRange {
  const parts = String(value).split(':')
  const [first, last = first] = parts.map(part => (/^\d{1,5}$/.test(part) ? Number(part) : 0))
  if (first && last && first <= last && last <= 65535 && parts.length <= 2) return { first, last }
  throw invalid(attribute, `'${quote(value)}' is not a port from 1 to 65535, nor a range FIRST:LAST`)
}

/** The port of a range of one; null for more. */
export const singlePort = ({ first, last }: PortRange): number | null => (first === last ? first : null)
