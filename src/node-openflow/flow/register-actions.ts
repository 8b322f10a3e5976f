// Actions on whole or partial fields beside set_field, load and move.

import { type ActionRow, close, niciraForm, openNicira, zerosOnly } from './action-row.ts'
import { bitsOf, readField, readSubfield, type Subfield, subfield, writeFieldHeader } from './subfield.ts'

export const stack = (num: number): ActionRow<{ readonly field: Subfield }> => ({
  forms: [
    niciraForm(num, r => {
      const offset = r.u16()
      const at = r.at
      readField(r)
      const count = r.u16()
      const end = r.at
      r.at = at
      const field = readSubfield(r, offset, count)
      r.at = end
      zerosOnly(r)
      return { field }
    }),
  ],
  write: (w, { field }) => {
    const bits = bitsOf(field)
    const start = openNicira(w, num)
    w.u16(bits.offset)
    writeFieldHeader(w, bits, 0)
    w.u16(bits.count)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
})

export const deleteField: ActionRow<{ readonly field: Subfield }> = {
  forms: [
    niciraForm(50, r => {
      const { field, length } = readField(r)
      zerosOnly(r)
      return { field: subfield(field, 0, field.kind === 'bytes' ? 8 * length : field.bits, length) }
    }),
  ],
  write: (w, { field }) => {
    const start = openNicira(w, 50)
    writeFieldHeader(w, bitsOf(field), 0)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
}

export const checkPktLarger: ActionRow<{ readonly length: number; readonly dst: Subfield }> = {
  forms: [
    niciraForm(49, r => {
      const length = r.u16()
      const dst = readSubfield(r, r.u16(), 1)
      zerosOnly(r)
      return { length, dst }
    }),
  ],
  write: (w, { length, dst }) => {
    const bits = bitsOf(dst)
    const start = openNicira(w, 49)
    w.u16(length)
    w.u16(bits.offset)
    writeFieldHeader(w, bits, 0)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
}
