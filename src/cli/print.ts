// How commands print: plain tables for people, JSON for programs.

/** Lines up rows under a heading; a column of figures is aligned to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)))
  const figures = heading.map((_, i) => rows.length > 0 && rows.every(row => /^([\d,]+(\.\d+)?)?$/.test(row[i] ?? '')))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (figures[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return `${[heading, ...rows].map(line).join('\n')}\n`
}

/** Names with their values below one another; empty values are left out. */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '')
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown
    .map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`)
    .join('')
}

/** JSON as a program and a person can read it. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
