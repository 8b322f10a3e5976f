// Numbers, sizes and times for people. Words come from the catalogue; these need none.

/** A whole number with separators. */
export const count = (n: number): string => n.toLocaleString('en-US')

/** Packets a second: three figures, `0` for none. */
export const rate = (n: number): string => {
  if (n === 0) return '0'
  if (n < 0.1) return '<0.1'
  if (n < 10) return n.toFixed(1)
  return short(n)
}

/** A number in three figures and a letter: 1,234,567 is 1.23M. */
export const short = (n: number): string => {
  if (n < 1000) return String(Math.round(n))
  const units = ['k', 'M', 'G', 'T']
  let value = n
  let unit = ''
  for (const next of units) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)}${unit}`
}

/** Bytes: 1.2 kB. */
export const bytes = (n: number): string => (n < 1000 ? `${n} B` : `${short(n).replace(/([kMGT])$/, ' $1')}B`)

/** Milliseconds: 0.4 ms, 12 ms, 1.2 s. */
export const milliseconds = (n: number): string =>
  n < 10 ? `${n.toFixed(1)} ms` : n < 1000 ? `${Math.round(n)} ms` : `${(n / 1000).toFixed(1)} s`

const two = (n: number) => String(n).padStart(2, '0')

/** A time of day, local: 14:03:07. */
export const time = (at: number): string => {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** A day and time, local: 2026-11-22 14:03:07. */
export const dateTime = (at: number): string => {
  const date = new Date(at)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time(at)}`
}

/** The first part of an id, where a name is missing. */
export const shortId = (id: string): string => (/^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id)
